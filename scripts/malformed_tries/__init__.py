"""Input that cannot be meant, or hardly: what `scripts/malformed.py` tries, kind by kind."""
