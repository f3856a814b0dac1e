"""Importing this is having every function built and warm: for a zygote, which is given names of modules."""

from __future__ import annotations

from functions.warm import warm

warm()
