"""Noise refiners: FPR and its variants."""
