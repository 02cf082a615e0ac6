"""Stored results as numbers: frames, selection, statistics, matched curves."""
