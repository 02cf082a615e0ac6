"""Verdicts that were stored: what a later one is held against."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ids.core.errors import ConfigError
from ids.results.verdict import Outcome, Verdict

FILE = "verdicts.json"
Place = tuple[str, str, str]


class StoredVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verdict on one data set, backbone and metric. The outcome alone is held against later ones;
    the numbers are for the reader.
    """

    claim: str
    data: str
    metric: str
    outcome: Outcome
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    n_cases: int = 0

    @property
    def place(self) -> Place:
        """What it is about."""
        return self.claim, self.data, self.metric


def stored(verdict: Verdict) -> StoredVerdict:
    """What is stored of a verdict."""
    values = {name: getattr(verdict, name) for name in StoredVerdict.__struct_fields__}
    return StoredVerdict(**values)


def read_verdicts(file: Path) -> list[StoredVerdict]:
    """None without a file; `ConfigError` for one of another content."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[StoredVerdict])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ConfigError(
            f"{file}: expected stored verdicts; got {why}; `ids claims --write` writes them"
        ) from error


def changed(verdicts: Iterable[Verdict], known: Iterable[StoredVerdict]) -> list[str]:
    """A line per verdict whose outcome is not the stored one. What has not run has not changed."""
    before = {each.place: each.outcome for each in known}
    found = [(stored(each), each) for each in verdicts if each.outcome != "not run"]
    return [
        f"{now.claim}: expected the stored outcome {before[now.place]!r} on {now.data}; got "
        f"{now.outcome!r}; {verdict.reason}"
        for now, verdict in found
        if before.get(now.place, now.outcome) != now.outcome
    ]


def write_verdicts(file: Path, verdicts: Iterable[Verdict], known: Sequence[StoredVerdict]) -> int:
    """Those that have run take the place of stored ones; the number of those. `ConfigError` for a
    place that cannot be written.
    """
    ran = [stored(each) for each in verdicts if each.outcome != "not run"]
    whole = {each.place: each for each in (*known, *ran)}
    content = msgspec.json.format(
        msgspec.json.encode([whole[place] for place in sorted(whole)]), indent=1
    )
    try:
        file.write_bytes(content + b"\n")
    except OSError as error:
        raise ConfigError(
            f"{file}: expected a writable file; got {error.strerror}; name another with --verdicts"
        ) from error
    return len(ran)
