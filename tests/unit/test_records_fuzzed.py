"""Any content in the place of a record is read as that record or named; nothing else happens."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ids.results.catalog import read_catalog
from ids.results.frames import frame
from ids.run import Store
from ids.run.records import EditRecord, Manifest, MeasurementRecord, MetricsRecord, MetricValue, Row
from ids.run.sealed import Unusable, seal, unseal

text = st.text(max_size=20)
number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
edits = st.builds(
    EditRecord,
    schema_version=st.just(2),
    method=st.dictionaries(text, plain, max_size=4),
    files=st.just({}),
    environment=st.none(),
    words=st.none() | st.dictionaries(text, plain, max_size=2),
    made=st.floats(0, 2e9),
    revisions=st.dictionaries(text, st.integers(0, 9) | text, max_size=3),
    seed=st.none() | st.integers(-(2**62), 2**62),
)
metrics = st.builds(
    MetricsRecord,
    schema_version=st.just(2),
    values=st.dictionaries(text, st.builds(MetricValue, value=number), max_size=3),
    along=st.dictionaries(text, st.lists(number, max_size=3), max_size=2),
    steps=st.lists(st.integers(0, 1000), max_size=3),
)
ONCE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@given(record=edits | metrics)
def test_a_record_comes_back_as_it_was(record: msgspec.Struct) -> None:
    assert unseal(seal(record), type(record)) == record


@given(record=edits | metrics, flip=st.integers(1, 255), data=st.data())
def test_no_changed_byte_goes_unnoticed(
    record: msgspec.Struct, flip: int, data: st.DataObject
) -> None:
    content = seal(record)
    anywhere = st.integers(0, len(content) - 1)
    for at in (*range(80), data.draw(anywhere)):  # all bytes around the checksum
        changed = content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :]
        with pytest.raises(Unusable):
            unseal(changed, type(record))


@given(record=edits | metrics, data=st.data())
def test_no_cut_goes_unnoticed(record: msgspec.Struct, data: st.DataObject) -> None:
    content = seal(record)
    try:
        unseal(content[: data.draw(st.integers(0, len(content) - 1))], type(record))
    except Unusable:
        return
    raise AssertionError("a part was taken for the whole")


@ONCE
@given(content=st.binary(max_size=200) | plain.map(msgspec.json.encode), which=st.integers(0, 4))
def test_anything_in_a_records_place_is_named_or_left_out(
    tmp_path: Path, content: bytes, which: int
) -> None:
    store = Store(tmp_path)
    key = "ab" + "0" * 30
    places = ("results/ab/{}/job.json", "results/ab/{}/metrics-{}.json", "datasets/{}.json")
    places += ("measurements/cpu/{}.json", "mirrored/{}.json")
    path = tmp_path / places[which].format(key, "c" * 16)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    catalog = read_catalog(store)
    assert [world for world in catalog.groups if not frame(world.entries, store).empty] == []
    assert store.look(key).record is None
    assert store.numbers.metrics(key, "c" * 32).values == {}
    assert store.numbers.measurements() == {}
    path.unlink()


@ONCE
@given(label=text, prompt=text, tag=text)
def test_text_of_any_kind_survives_a_manifest(
    tmp_path: Path, label: str, prompt: str, tag: str
) -> None:
    row = Row(id=label, tags=[tag], case="c", source="s", prompts=(prompt, prompt))
    manifest = Manifest(name="n", place="/p", view="v", content="x", seen=0.0, rows=[row])
    assert unseal(seal(manifest), Manifest).rows == [row]


def test_a_measurement_without_memory_is_a_measurement() -> None:
    record = MeasurementRecord(
        keys=["a"], engine={}, seconds=1.0, forwards=1.0, backwards=0.0, peak_bytes=None, taken=0.0
    )
    assert unseal(seal(record), MeasurementRecord) == record
