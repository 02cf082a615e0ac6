"""Replaying recorded evaluation numbers through the metrics that `ids run` builds;
`scripts/metric_parity.py` runs it.
"""
