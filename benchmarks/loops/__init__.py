"""Loops to measure the engine against, and the networks on which all of them run."""
