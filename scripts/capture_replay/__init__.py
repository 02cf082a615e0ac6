"""Comparisons of `capture_parity.py`."""
