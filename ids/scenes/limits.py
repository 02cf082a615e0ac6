"""Least values of the settings of scenes."""

from collections.abc import Mapping


def check_least(part: object, place: str, **least: int) -> None:
    """`ValueError` for the first field of `representation.PLACE` that is below its least value; of
    a mapping each value counts.
    """
    for name, bound in least.items():
        found = getattr(part, name)
        for key, value in found.items() if isinstance(found, Mapping) else [(None, found)]:
            if value < bound:
                where = f"representation.{place}.{name}" + (f".{key}" if key else "")
                raise ValueError(f"{where}: expected {bound} or more; got {value:g}")
