"""The embedded world: procedural scenes whose truth is known, and networks that draw them."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
