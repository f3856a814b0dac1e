"""`python -m scripts.command ...`, which `scripts/bizosaas` runs."""

from __future__ import annotations

import sys

from scripts.command.app import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
