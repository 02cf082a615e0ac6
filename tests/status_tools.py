"""Runs of a small sweep, their states as `ids status` counts them, and failures."""

from msgspec.structs import replace

from ids.config.entry import prepare
from ids.launch import Launched, launch
from ids.results.status import read_status
from ids.run import Store
from ids.run.planned import read_planned
from ids.run.sealed import seal

FAST = ("debug=fast", "method.n_steps=2", "logger=none", "controls=none", "metrics=standard")
SWEEP = (*FAST, "method=sds,dds", "seeds=[0,1]")


def run(*words: str) -> Launched:
    """As `ids run -m WORDS`, without its tables."""
    return launch(prepare(words, multirun=True))


def counts(store: Store) -> dict[str, dict[str, int]]:
    return {one.label: {k: n for k, n in one.counts.items() if n} for one in read_status(store)}


def keys_of(store: Store, method: str) -> list[str]:
    plans = [plan for _, plan in read_planned(store.root) if plan.name == method]
    return [job.key for job in plans[-1].parts[-1].jobs]


def fail(store: Store, key: str, reason: str) -> None:
    """Replace a finished edit by a failure."""
    path = store.folder(key) / "job.json"
    record = store.look(key).record
    assert record is not None
    path.write_bytes(seal(replace(record, status="failed", reason=reason, files={})))
