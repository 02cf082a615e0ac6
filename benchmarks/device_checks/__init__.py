"""Checks of a device against the CPU."""
