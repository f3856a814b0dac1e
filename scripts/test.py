"""Run the tests, with whatever pytest takes behind it: `scripts/test tests/flows -k decision`."""

from __future__ import annotations

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
