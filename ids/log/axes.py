"""The axes of a tracker's curves, and how their points are named."""

from collections.abc import Mapping

AXES = ("curve", "edit", "progress")


def named_point(axis: str, step: int, values: Mapping[str, float]) -> dict[str, float | int]:
    """A point of each curve: `edit/psnr`, over `edit/step`."""
    return {f"{axis}/step": step, **{f"{axis}/{name}": value for name, value in values.items()}}
