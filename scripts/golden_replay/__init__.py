"""Replaying recorded numbers through the classes that `ids run` builds; `scripts/parity.py` runs
it.
"""
