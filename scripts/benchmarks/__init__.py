"""What `scripts/bench` measures: a module each. `measure.py` says what a figure is."""
