"""What the benchmark of metrics is made of."""
