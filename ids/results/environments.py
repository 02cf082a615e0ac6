"""The environments that results come from. Edits of one table may have been made by different
versions, at different commits, on different devices: every fact is a count per value. A fact that a
record does not hold is `not stored`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ids.core.text import with_counts
from ids.results.catalog import Entry
from ids.run.records import EditRecord, Environment

UNKNOWN = "not stored"
DIRTY = "-dirty"  # the mark that `git describe` puts behind a commit
INCIDENTAL = ("threads", "cores", "batch_size")  # differ within one study
Counts = Mapping[str, int]  # value -> number of edits


def mixed_note(entries: Sequence[Entry]) -> tuple[str, ...]:
    """One note where the edits, or the metrics, of a table come from different environments."""
    done = [record for record in distinct_records(entries) if record.status == "ok"]
    edits = environment_facts(record.environment for record in done)
    found = mixed({"edits": edits, "metrics": metric_environments(entries)})
    return (f"{' '.join(found)} See `ids card`.",) if found else ()


def metric_environments(entries: Iterable[Entry]) -> dict[str, Counts]:
    """Facts about where metrics were computed. An edit whose metrics were computed in several
    environments counts in each.
    """
    return environment_facts(place for entry in entries for place in _judged_in(entry))


def environment_facts(environments: Iterable[Environment | None]) -> dict[str, Counts]:
    """Fact -> value -> number of environments with it; None has no facts. Empty where no
    environment holds any.
    """
    flat = [_flat(environment) if environment else {} for environment in environments]
    names = dict.fromkeys(name for facts in flat for name in facts)
    return {name: dict(Counter(facts.get(name, UNKNOWN) for facts in flat)) for name in names}


def mixed(environments: Mapping[str, Mapping[str, Counts]]) -> list[str]:
    """A sentence per kind (edits, metrics) that comes from several environments."""
    found = []
    for what, facts in environments.items():
        parts = [
            f"{name} {in_words(known)}"
            for name, counts in facts.items()
            if name not in INCIDENTAL
            and len(known := {v: n for v, n in counts.items() if v != UNKNOWN}) > 1
        ]
        if parts:
            found.append(f"The {what} come from different environments: {'; '.join(parts)}.")
    return found


def unknown(environments: Mapping[str, Mapping[str, Counts]]) -> list[str]:
    """A sentence per kind about facts that some records do not hold."""
    found = []
    for what, facts in environments.items():
        lacking = [f"{name} ({n})" for name, c in facts.items() if (n := c.get(UNKNOWN, 0))]
        if lacking or not facts:
            names = ", ".join(lacking) or "environment"
            found.append(f"Not stored for some {what}: {names}.")
    return found


def in_words(counts: Counts) -> str:
    """`a` where all have one value; otherwise `a (12), b (4)`, the most frequent first."""
    return next(iter(counts), "-") if len(counts) < 2 else with_counts(counts)


def distinct_records(entries: Iterable[Entry]) -> list[EditRecord]:
    """The records of all edits, each once: rows may share an edit."""
    return list({entry.record.key: entry.record for entry in entries}.values())


def _judged_in(entry: Entry) -> Iterator[Environment | None]:
    """None where the environment of some metrics is not stored."""
    known = {key for origin in entry.numbers.origins for key in origin.metrics}
    distinct = {repr(origin.environment): origin.environment for origin in entry.numbers.origins}
    yield from distinct.values()
    if entry.numbers.values.keys() - known:
        yield None


def _flat(environment: Environment) -> dict[str, str]:
    """Commit and its flag apart, versions by package."""
    commit = environment.commit or "no checkout"
    engine = {key: str(value) for key, value in environment.engine.items() if key != "torch"}
    return {
        "commit": commit.removesuffix(DIRTY),
        "uncommitted changes": "yes" if commit.endswith(DIRTY) else "no",
        "python": environment.python,
        **environment.packages,
        **engine,
    }
