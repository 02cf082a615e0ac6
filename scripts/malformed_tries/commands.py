"""Impossible requests to `ids table` and `ids results`, signals, an unreachable tracker."""

import os
import signal
from collections.abc import Callable, Sequence

from malformed_tries.place import EDIT, Place
from malformed_tries.stores import WORDS, healed
from malformed_tries.tables import photo
from malformed_tries.trying import Accepted, Expectation, Refused, Seen, Try


def store(place: Place) -> None:
    place.must(*WORDS)
    (place.folder / "file").write_text("mine")
    (place.folder / "link.csv").symlink_to("file")


TABLES = {
    "--where nonsense": ("--where", "nonsense"),
    "--where of nothing": ("--where", ""),
    "--where of an absent value": ("--where", "guidance_scale=99"),
    "--where of an absent key": ("--where", "temperature=1"),
    "--where of escape codes": ("--where", "\x1b[31m=1"),
    "--baseline of nothing": ("--baseline", ""),
    "--baseline unknown": ("--baseline", "idz"),
    "--column unknown": ("--column", "beauty"),
    "--at without --matched": ("--at", "0.5"),
    "--at nan": ("--matched", "--at", "nan"),
    "--at inf": ("--matched", "--axis", "latent_distance", "--at", "inf"),
    "--at words": ("--matched", "--at", "high"),
    "--axis unknown": ("--matched", "--axis", "beauty"),
    "--axis without its values": ("--matched", "--axis", "success"),
    "--engine unknown": ("--engine", "quantum"),
    "--engine outside": ("--engine", "../../etc"),
    "--output-dir nowhere": ("--output-dir", "nowhere"),
    "--output-dir a file": ("--output-dir", "file"),
    "--output-dir below a file": ("--output-dir", "file/x"),
    "--output-dir of nothing": ("--output-dir", ""),
    "--output-dir too long": ("--output-dir", "a" * 300),
    "--dataset unknown": ("--dataset", "paintings"),
    "--method unknown": ("--method", "idz"),
    "--tag unknown": ("--tag", "x"),
    "a flag unknown": ("--strength", "3"),
    "a word": ("method=ids",),
}
RESULTS = {
    "show nothing": ("show", ""),
    "show a path": ("show", "../.."),
    "show a key that is not": ("show", "zzzz"),
    "show a star": ("show", "*"),
    "show escape codes": ("show", "\x1b[31m"),
    "export to nothing": ("export", ""),
    "export to a folder": ("export", "outputs"),
    "export without an ending": ("export", "numbers"),
    "export as a spreadsheet": ("export", "numbers.xlsx"),
    "export to a folder that is not": ("export", "nowhere/x.csv"),
    "export below a file": ("export", "file/x.csv"),
    "export to a place without files": ("export", "/proc/x.csv"),
    "export to too long a name": ("export", "a" * 300 + ".csv"),
    "export Parquet to the terminal": ("export", "--parquet"),
    "export through a link": ("export", "link.csv"),
    "rm of nothing": ("rm",),
    "rm of nothing, yes": ("rm", "--yes"),
    "rm --where of nothing like it": ("rm", "--where", "x=1", "--yes"),
    "list of another method": ("list", "--method", "idz"),
    "list in a file": ("list", "--output-dir", "file"),
    "check in a file": ("check", "--output-dir", "file"),
    "check nowhere": ("check", "--output-dir", "nowhere"),
    "rm all, nowhere": ("rm", "--all", "--output-dir", "nowhere"),
    "no command": (),
    "a command unknown": ("burn",),
}
QUIET = Refused("")
ANSWERED = {  # name -> text of an answer without an error
    "--baseline of nothing": "No paired differences",
    "--baseline unknown": "No paired differences",
    "--output-dir of nothing": "no results yet",
    "--dataset unknown": "no such results",
    "--method unknown": "no such results",
    "--tag unknown": "no such results",
    "list of another method": "results",
}


def answer(name: str) -> Expectation:
    """A one-line error, or an answer with the text of `ANSWERED`."""

    def check(seen: Seen) -> str | None:
        if seen.before != seen.after:
            return "files have changed"
        return None if ANSWERED[name] in seen.done.out else f"printed {seen.done.out}"

    if name not in ANSWERED:
        return QUIET
    return Accepted(check, 0 if name.startswith("--baseline") else 1)


def stop(number: int, module: str, name: str) -> Callable[[], object]:
    """Send the signal when the command calls `module.name`."""

    def first() -> None:
        import importlib

        owner: object = importlib.import_module(module)
        *parents, last = name.split(".")
        for parent in parents:
            owner = getattr(owner, parent)

        def stopped(*_: object, **__: object) -> None:
            os.kill(os.getpid(), number)
            signal.pause()

        setattr(owner, last, stopped)

    return first


def stopped(number: int) -> Expectation:
    """The exit status of the signal, one line, and the same command completes the store."""

    def check(seen: Seen) -> str | None:
        line = "ids: stopped; finished edits are kept, and the same command continues from there"
        if seen.done.err.count("ids: ") != 1 or line not in seen.done.err:
            return f"printed {seen.done.err}"
        seen.place.must(*WORDS)
        return healed(seen)

    return Accepted(check, 128 + number)


PLACES = {
    "composing": ("ids.config.compose", "compose"),
    "checking": ("ids.config.compose", "check"),
    "reading weights": ("ids.run.session", "Session.backbone"),
    "editing": ("ids.run.edit", "BatchEditor._edited"),
    "writing": ("ids.run.store", "Store._publish"),
    "judging": ("ids.run.evaluate", "Evaluation.judge"),
    "reporting": ("ids.report.summary", "report"),
}


def killed(seen: Seen) -> str | None:
    seen.place.must(*WORDS)
    return healed(seen)


def unreachable() -> None:
    """A tracker at a closed port."""
    os.environ |= {"WANDB_MODE": "online", "WANDB_BASE_URL": "http://127.0.0.1:9"}
    os.environ |= {"WANDB_API_KEY": "0" * 40, "WANDB_INIT_TIMEOUT": "3", "WANDB__SERVICE_WAIT": "5"}


def offline(seen: Seen) -> str | None:
    """Edits and files are those of a run without a tracker."""
    edits = [record for record in seen.place.records() if record["status"] == "ok"]
    return None if len(edits) == 2 and seen.place.numbers() else f"{len(edits)} results"


def small(size: int) -> tuple[str, ...]:
    return ("edit", "x.png", "--source=a", "--target=b", *EDIT, f"dataset.size={size}",
            "dataset.multiple=1", "dataset.fit=stretch")  # fmt: skip


def tries() -> Sequence[Try]:
    selections = [
        Try("table", name, ("table", *w), answer(name), store) for name, w in TABLES.items()
    ]
    selections += [
        Try("results", name, ("results", *w), answer(name), store) for name, w in RESULTS.items()
    ]
    signals = [
        Try("signals", f"{signal.Signals(number).name}, {what}", WORDS, stopped(number),
            first=stop(number, *where))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for what, where in PLACES.items()
    ]  # fmt: skip
    signals += [
        Try("signals", f"SIGKILL, {what}", WORDS, Accepted(killed, -9),
            first=stop(signal.SIGKILL, *where))
        for what, where in PLACES.items()
    ]  # fmt: skip
    judged = [
        Try("metrics", f"images of {size} pixels", small(size), Refused("psnr|ssim|size|pixels"),
            lambda place: photo(place, "x.png"))
        for size in (1, 2, 4, 7, 10)
    ]  # fmt: skip
    tracked = (*WORDS, "logger=standard", "logger.wandb.mode=")
    tracker = [
        Try("tracker", "out of reach, online", (*tracked[:-1], f"{tracked[-1]}online"),
            Accepted(offline, 2), first=unreachable, seconds=120),
        Try("tracker", "out of reach, auto", (*tracked[:-1], f"{tracked[-1]}auto"),
            Accepted(offline), first=unreachable, seconds=120),
        Try("tracker", "offline", (*tracked[:-1], f"{tracked[-1]}offline"), Accepted(offline),
            seconds=60),
        Try("tracker", "a mode unknown", (*tracked[:-1], f"{tracked[-1]}on-line"),
            Refused("expected one of auto")),
    ]  # fmt: skip
    return [*selections, *signals, *judged, *tracker]
