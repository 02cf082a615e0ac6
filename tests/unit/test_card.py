"""Cards: how results were made, counted where they differ, from the stored records alone."""

import hashlib
import json
import math
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from store_content import edited, job, metrics_of

from ids.core.rows import RowSelection
from ids.data import Shapes
from ids.report.card import cards_json, cards_markdown, sections, write_cards
from ids.results.card import Card, card_of, metric_facts
from ids.results.catalog import ResultGroup, read_catalog
from ids.results.environments import in_words, mixed_note
from ids.run import Store
from ids.run.environment import environment
from ids.run.manifest import Manifests, survey
from ids.run.records import Environment, MetricsRecord, MetricValue, Origin
from ids.run.sealed import unseal

CASES = Shapes(count=3)
HERE = Environment({"device": "A100", "kind": "cuda"}, "3.11.7", "abc1234", {"torch": "2.13"})


def stored(root: Path, *places: Environment | None, **numbers: float) -> tuple[Store, ResultGroup]:
    """An edit per environment, and its numbers."""
    store = Store(root)
    Manifests(root / "datasets", store.claims, store.numbers).add(survey(CASES, RowSelection()))
    for index, place in enumerate(places):
        one = job(seed=index, case=CASES[index])
        store.put(one, edited(), {}, {}, place)
        record = metrics_of(one, **numbers)
        origins = [Origin([*record.values], 5.0, place)] if place and numbers else []
        store.numbers.add_metrics(replace(record, origins=origins))
    (group,) = read_catalog(store).groups
    return store, group


def card(found: tuple[Store, ResultGroup]) -> Card:
    return card_of(found[1], found[0])


def test_a_card_has_the_facts_of_the_records(tmp_path: Path) -> None:
    found = card(stored(tmp_path, HERE, HERE, psnr=30.0))
    assert (found.edits, found.seeds) == ({"ok": 2}, [0, 1])
    assert found.dataset.content == survey(CASES, RowSelection()).manifest.content
    assert (found.dataset.rows, found.dataset.unusable) == (3, 0)
    assert found.environments["edits"]["commit"] == {"abc1234": 2}
    assert found.environments["edits"]["uncommitted changes"] == {"no": 2}
    assert found.environments["metrics"]["torch"] == {"2.13": 2}
    assert found.metrics["psnr@1"].values == {"defined": 2}
    assert found.settings["dds"].values["n_steps"] == "3"
    assert found.notes == ()


def test_what_differs_is_counted_and_noted_once(tmp_path: Path) -> None:
    other = replace(HERE, commit="def5678-dirty", packages={"torch": "2.14"})
    found = stored(tmp_path, HERE, other, other, psnr=1.0)
    edits = card(found).environments["edits"]
    assert edits["commit"] == {"abc1234": 1, "def5678": 2}
    assert edits["uncommitted changes"] == {"no": 1, "yes": 2}
    (note,) = mixed_note(found[1].entries)
    assert "torch 2.14 (2), 2.13 (1)" in note
    assert "python" not in note


def test_a_batch_size_is_no_difference(tmp_path: Path) -> None:
    other = replace(HERE, engine={**HERE.engine, "batch_size": 2})
    assert mixed_note(stored(tmp_path, HERE, other)[1].entries) == ()


def test_what_is_not_stored_is_named(tmp_path: Path) -> None:
    found = stored(tmp_path, HERE, None, psnr=1.0)
    shown = card(found)
    assert shown.environments["edits"]["torch"] == {"2.13": 1, "not stored": 1}
    assert shown.environments["metrics"]["torch"] == {"2.13": 1, "not stored": 1}
    assert len(shown.notes) == 2
    assert all(note.startswith("Not stored for some") for note in shown.notes)
    assert mixed_note(found[1].entries) == ()


def test_undefined_and_infinite_numbers_are_counted() -> None:
    values = [MetricValue(value, "dB", True) for value in (None, math.inf, 1.0, 2.0)]
    facts = metric_facts({"psnr@2:net": value} for value in values)["psnr@2:net"]
    assert facts.values == {"undefined": 1, "infinite": 1, "defined": 2}
    assert (facts.revision, facts.weights, facts.title) == (2, "net", "psnr")


def test_a_metric_computed_again_has_its_new_environment(tmp_path: Path) -> None:
    store, group = stored(tmp_path, HERE, psnr=1.0, ssim=1.0)
    known = group.entries[0].numbers
    value = {"psnr@1": MetricValue(2.0, "", True)}
    there = Origin(["psnr@1"], 9.0, replace(HERE, python="3.12.1"))
    store.numbers.add_metrics(
        MetricsRecord(key=known.key, case=known.case, values=value, origins=[there])
    )
    origins = store.numbers.metrics(known.key, known.case).origins
    assert [(o.metrics, o.environment.python) for o in origins] == [
        (["ssim@1"], "3.11.7"),
        (["psnr@1"], "3.12.1"),
    ]


def test_older_records_are_read() -> None:
    record = MetricsRecord(key="k", case="c", values={"psnr@1": MetricValue(1.0, "dB", True)})
    fields = {k: v for k, v in msgspec.to_builtins(record).items() if k != "origins"}
    body = json.dumps(fields).encode()[1:]
    older = b'{"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'",' + body
    assert unseal(older, MetricsRecord) == record


def test_an_environment_has_the_version_of_this_package() -> None:
    from ids import __version__

    assert environment({}).packages["ids"] == __version__


def test_foreign_text_is_escaped(tmp_path: Path) -> None:
    found = stored(tmp_path, replace(HERE, engine={"device": "a|b<script>\x1b[2J"}))
    text = cards_markdown([card(found)])
    assert "<script>" not in text
    assert "\x1b" not in text
    assert r"a\|b" in text


def test_files_hold_every_fact(tmp_path: Path) -> None:
    shown = card(stored(tmp_path / "store", HERE, psnr=1.0))
    path = write_cards([shown], tmp_path / "run")
    (facts,) = json.loads(path.with_suffix(".json").read_text())
    assert facts["environments"]["edits"]["commit"] == {"abc1234": 1}
    assert json.loads(cards_json([shown])) == [facts]
    assert "abc1234" in path.read_text()
    assert [title for title, _ in sections(shown)][-1] == "environment of the edits and the metrics"


@pytest.mark.parametrize(
    ("counts", "text"), [({"a": 3}, "a"), ({"a": 1, "b": 2}, "b (2), a (1)"), ({}, "-")]
)
def test_counts_as_text(counts: dict[str, int], text: str) -> None:
    assert in_words(counts) == text
