"""Fields that take one of a few words."""

from typing import Literal, get_args, get_origin, get_type_hints


def check_options(part: object) -> None:
    """`ValueError` where a field annotated `Literal[...]` of a dataclass holds something else:
    Python itself does not check annotations.
    """
    for name, hint in get_type_hints(type(part)).items():
        if get_origin(hint) is not Literal:
            continue
        if (value := getattr(part, name)) not in get_args(hint):
            where = f"{type(part).__name__}.{name}"
            raise ValueError(f"{where}: expected {one_of(hint)}; got {value!r}")


def one_of(literal: object) -> str:
    """`one of a, b` of Literal["a", "b"]; `a` of Literal["a"]."""
    options = ", ".join(map(str, get_args(literal)))
    return f"one of {options}" if len(get_args(literal)) > 1 else options
