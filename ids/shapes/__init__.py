"""The embedded world: procedural scenes with known true edits, and networks trained on them."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
WIDE_WEIGHTS = Path(__file__).parent / "weights_wide"  # backgrounds and empty scenes have words
