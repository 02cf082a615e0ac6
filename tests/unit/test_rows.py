"""Row selection: by tag, at random, from an offset; rows that are not selected are not opened."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from photo_folder import edit_folder, groups, table, write_photos

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.errors import ConfigError, DataError
from ids.core.records import EditCase
from ids.core.rows import RowLabel, RowSelection, label_of
from ids.data import Shapes
from ids.run.manifest import survey


@dataclass(frozen=True)
class Plain:
    """An image of one colour."""

    value: float

    def digest(self) -> str:
        return str(self.value)

    def load(self) -> torch.Tensor:
        return torch.full((3, 4, 4), self.value)


@dataclass(frozen=True)
class Counted:
    """Rows that note when they are opened; the fifth of every ten is invalid."""

    ids: list[str]
    opened: list[int] = field(default_factory=list)
    name = "counted"
    place = ""
    view = "4 px"
    partial = False

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> EditCase:
        self.opened.append(index)
        if index % 10 == 5:
            raise DataError(f"row {index}: expected another; got 5")
        return EditCase(self.ids[index], Plain(index / 1000), "a", "b")

    def label(self, index: int) -> RowLabel:
        return RowLabel(self.ids[index], frozenset({"odd" if index % 2 else "even", "any"}))


IDS = [f"case-{number}" for number in range(100)]
DATA = Counted(IDS)


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        (RowSelection(), range(100)),
        (RowSelection(limit=3), range(3)),
        (RowSelection(limit=300), range(100)),
        (RowSelection(offset=98), [98, 99]),
        (RowSelection(offset=10, limit=2), [10, 11]),
        (RowSelection(tags=("odd",), offset=1, limit=2), [3, 5]),
        (RowSelection(tags=("odd", "even"), limit=2), [0, 1]),
        (RowSelection(sample=200), range(100)),
    ],
)
def test_selected_rows(selection: RowSelection, rows: list[int]) -> None:
    assert list(selection.rows(DATA)) == list(rows)


def test_only_selected_rows_are_opened() -> None:
    dataset = Counted(IDS)
    seen = survey(dataset, RowSelection(tags=("odd",), sample=7, limit=5))
    assert len(dataset.opened) == 5
    assert not seen.whole
    assert survey(Counted(IDS), RowSelection(sample=100)).whole


def test_a_sample_is_drawn_by_seed_and_id() -> None:
    def drawn(ids: list[str], seed: int = 0) -> set[str]:
        rows = RowSelection(sample=20, sample_seed=seed).rows(Counted(ids))
        assert list(rows) == sorted(rows)
        return {ids[row] for row in rows}

    first = drawn(IDS)
    assert len(first) == 20
    assert drawn(IDS[::-1]) == first  # the order plays no part
    for number in range(20):
        assert len(drawn([*IDS, f"new-{number}"]) & first) >= 19
    others = [drawn(IDS, seed) for seed in range(1, 100)]
    overlap = sum(len(first & other) for other in others) / len(others)
    assert overlap == pytest.approx(4, abs=0.5)  # 20 of 100, independently


def test_a_look_is_drawn_among_the_taken_rows() -> None:
    taken = RowSelection(sample=60, offset=5, limit=40).rows(DATA)
    looks = [
        set(RowSelection(sample=60, offset=5, limit=40, drawn=n).rows(DATA)) for n in (10, 20, 90)
    ]
    assert [len(one) for one in looks] == [10, 20, 40]
    assert looks[0] < looks[1] < looks[2] == set(taken)
    assert looks[0] != set(taken[:10])  # at random, not the first ones


def test_every_row_is_drawn_equally_often() -> None:
    count = dict.fromkeys(range(100), 0)
    for seed in range(300):
        for row in RowSelection(sample=10, sample_seed=seed).rows(DATA):
            count[row] += 1
    assert 12 < min(count.values()) <= max(count.values()) < 52  # 30, standard deviation 5.2


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"limit": 0}, "limit: expected 1 case or more; got 0"),
        ({"offset": -1}, "offset: expected 0 or more; got -1"),
        ({"sample": 0}, "sample: expected 1 case or more; got 0"),
        ({"offset": 100}, "offset: expected less than the number of rows, 100; got 100"),
        ({"tags": ("odd",), "offset": 50}, "the number of rows, 50; got 50"),
        (
            {"tags": ("odd", "style")},
            "tags of counted, any (100), even (50), odd (50); got",
        ),
    ],
)
def test_a_selection_of_no_rows_is_refused(values: dict[str, object], answer: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RowSelection(**values).rows(DATA)  # type: ignore[arg-type]
    assert answer in str(raised.value)


def test_tags_of_a_data_set_without_any_and_a_data_set_without_rows() -> None:
    class Bare(Counted):
        def label(self, index: int) -> RowLabel:
            return RowLabel(str(index), frozenset())

    with pytest.raises(ConfigError, match="expected no tags: counted has none; got 'a'"):
        RowSelection(tags=("a",)).rows(Bare(IDS))
    with pytest.raises(DataError, match="counted: expected one row or more"):
        survey(Counted([]), RowSelection())


def test_rows_without_labels_are_labelled_by_their_cases() -> None:
    assert label_of(Shapes(), 2) == RowLabel("dev-0002-fill", frozenset({"fill"}))


@pytest.mark.parametrize(
    "word", ["limit=0", "offset=-1", "sample=0", "tags={a: b}", "tags=1.5", "sample=x"]
)
def test_a_malformed_selection_is_refused_before_any_work(word: str) -> None:
    with pytest.raises(ConfigError, match=word.split("=")[0]):
        compose_all([word])


def test_words_select_rows() -> None:
    words = ["tags=[shape, 9]", "sample=5", "sample_seed=2", "offset=1", "limit=2"]
    (setting,) = compose_all(words)
    assert build_experiment(setting).selection == RowSelection(2, 1, ("shape", "9"), 5, 2)
    (setting,) = compose_all(["tags=shape"])
    assert build_experiment(setting).selection == RowSelection(tags=("shape",))


def test_selected_rows_join_the_earlier_ones_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = write_photos(tmp_path / "photos")
    assert len(edit_folder(photos, "tags=[pet]", "limit=5")) == 1
    assert len(table(tmp_path)) == 1
    assert len(edit_folder(photos, "offset=2")) == 1
    assert len(table(tmp_path)) == 2
    edit_folder(photos)
    assert [len(group.entries) for group in groups(tmp_path)] == [3]
