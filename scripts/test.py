"""Run the tests, one process a core, with whatever pytest takes behind it: `scripts/test tests/flows -k decision`."""

from __future__ import annotations

import sys

import pytest

#: The tests of a file stay together, so that what they share is made once. Files are taken in their order: by their
#: numbers of tests the long flows, which are few, would come last and one core would wait for the other.
PARALLEL = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]

if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(pytest.main([*([] if "-n" in given or "--pdb" in given else PARALLEL), *given]))
