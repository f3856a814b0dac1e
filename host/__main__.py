"""`python -m host`."""

from __future__ import annotations

import sys

from host.main import main

sys.exit(main())
