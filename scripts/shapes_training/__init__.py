"""Training of the embedded world's networks, stage by stage; `scripts/train_shapes.py` is the way
in.
"""
