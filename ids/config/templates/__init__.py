"""What `ids new` writes: working examples, in which `template` stands for the name."""
