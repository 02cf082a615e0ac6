"""Options and modules of a folder outside, given by --config-dir."""

import os
from collections.abc import Mapping, Sequence

from malformed_tries.place import Place
from malformed_tries.trying import Accepted, Refused, Seen, Setup, Try

RUN = ("run", "debug=fast", "controls=none", "limit=1", "method.n_steps=2", "--config-dir", "lab")
RULE = "from ids.methods import DDS\nclass Mine(DDS):\n    pass\n"
OPTION = "defaults: [_distillation, _self_]\nname: mine\ndistillation: {_target_: rule.Mine}\n"
GOOD = {"rule.py": RULE, "method/mine.yaml": OPTION}
FILES: Mapping[str, tuple[dict[str, str], str]] = {
    "no module": ({"method/mine.yaml": OPTION}, "--config-dir"),
    "a module that is no Python": (GOOD | {"rule.py": "class Mine(:"}, "rule.py line 1"),
    "a module of bytes": (GOOD | {"rule.py": "\0\0"}, "expected Python"),
    "a module that raises": (GOOD | {"rule.py": f"{RULE}1 / 0"}, "ZeroDivisionError"),
    "a module that exits": (GOOD | {"rule.py": f"{RULE}raise SystemExit(0)"}, "SystemExit"),
    "a module that needs another": (GOOD | {"rule.py": f"import nowhere\n{RULE}"}, "nowhere"),
    "a function": (GOOD | {"rule.py": "def Mine(): pass"}, "a class that exists"),
    "another kind of class": (GOOD | {"rule.py": "class Mine: pass"}, "expected Distillation"),
    "a class of the system": (
        GOOD | {"method/mine.yaml": OPTION.replace("rule.Mine", "os.system")},
        "got os.system",
    ),
    "a private class": (
        GOOD | {"method/mine.yaml": OPTION.replace("rule.Mine", "rule._Mine")},
        "got rule._Mine",
    ),
    "a yaml without a name": (
        GOOD | {"method/mine.yaml": OPTION.replace("name: mine\n", "")},
        "expected what tables call it",
    ),
    "a yaml of a taken name": (GOOD | {"method/ids.yaml": OPTION}, "an option of ids already"),
    "a yaml that is a list": (GOOD | {"method/mine.yaml": "[a]"}, "mine"),
    "a yaml that is none": (
        GOOD | {"method/mine.yaml": "a: [b"},
        r"mine\.yaml line 1: expected YAML",
    ),
    "an empty yaml": (GOOD | {"method/mine.yaml": ""}, "method.n_steps: no such option"),
}
NEW = {"ids": "is an option of ids", "../x": "lower-case", "random": "installed module"}


def lab(texts: Mapping[str, str]) -> Setup:
    """These files in the folder `lab`."""

    def setup(place: Place) -> None:
        for name, text in texts.items():
            path = place.folder / "lab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return setup


def pipe(place: Place) -> None:
    """A good rule next to a named pipe."""
    lab(GOOD)(place)
    os.mkfifo(place.folder / "lab" / "pipe.py")


def named(seen: Seen) -> str | None:
    (record,) = seen.place.records()
    return None if record["name"] == "mine" else f"stored {record['method_name']}"


def tries() -> Sequence[Try]:
    return [
        Try("outside", "a rule", (*RUN, "method=mine"), Accepted(named), lab(GOOD)),
        Try("outside", "a pipe beside it", (*RUN, "method=mine"), Accepted(named), pipe),
        Try("outside", "no such folder", (*RUN, "method=dds"), Refused("which is no folder")),
        *(
            Try("outside", name, (*RUN, "method=mine"), Refused(answer), lab(texts))
            for name, (texts, answer) in FILES.items()
        ),
        *(
            Try("outside", f"new {name}", ("new", "method", name), Refused(answer))
            for name, answer in NEW.items()
        ),
        Try("outside", "list nothing", ("list", "metod"), Refused(r"did you mean method\?")),
    ]
