"""Training of the embedded world's networks, stage by stage, by `scripts/train_shapes.py`."""
