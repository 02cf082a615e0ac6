"""Scene models: rendering, fitting, checkpoints and gradients."""
