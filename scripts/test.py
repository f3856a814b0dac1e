"""Run the tests, one process a core, with whatever pytest takes behind it: `scripts/test tests/flows -k decision`."""

from __future__ import annotations

import sys

import pytest

#: The tests of a file stay together, so that what they share is made once.
PARALLEL = ["-n", "auto", "--dist", "loadfile"]

if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(pytest.main([*([] if "-n" in given or "--pdb" in given else PARALLEL), *given]))
