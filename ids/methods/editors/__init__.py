"""Sampling baselines: one paper, one file."""
