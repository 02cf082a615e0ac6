"""Distillation rules: one paper, one file."""
