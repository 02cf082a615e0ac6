"""InstructPix2Pix in its layouts: hub cache, parquet, Arrow, original folders; faults of rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from parquet_fixtures import cell, encoded, write_parquet
from pix2pix_fixtures import columns, write_originals, write_stream

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import InstructPix2Pix
from ids.run.manifest import read_row
from ids.run.records import Row


def cases(path: Path | str, **options: Any) -> list[EditCase]:
    dataset = InstructPix2Pix(str(path), 8, **options)
    return [dataset[row] for row in range(len(dataset))]


def rows(path: Path | str, **options: Any) -> list[Row]:
    """As a run reads them; the problem of each is one line."""
    dataset = InstructPix2Pix(str(path), 8, **options)
    read = [read_row(dataset, row)[1] for row in range(len(dataset))]
    assert all(row.problem.isprintable() for row in read)
    return read


def content(found: Sequence[EditCase]) -> list[tuple[str, str, str, str]]:
    return [(c.prompt_src, c.prompt_trg, c.instruction, c.source_digest) for c in found]


def test_every_layout_has_the_same_cases(tmp_path: Path) -> None:
    name = "train-{}-of-00002-5ddf1afb.parquet"
    write_parquet(tmp_path / "hub" / "data" / name.format("00000"), columns(3))
    write_parquet(tmp_path / "hub" / "data" / name.format("00001"), columns(1))
    write_parquet(tmp_path / "one.parquet", columns(3))
    disk = tmp_path / "disk" / "train"
    write_stream(disk / "data-00000-of-00001.arrow", columns(3))
    write_stream(disk / "cache-5ddf1afb.arrow", columns(2))
    (disk / "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
    write_stream(tmp_path / "prepared" / "ip2p-train.arrow", columns(3), batch=100)
    originals = write_originals(tmp_path / "o", {"0000": [17, 4], "0001": ["5"], "0002": [6]})

    expected = content(cases(tmp_path / "one.parquet"))
    assert expected[2][:3] == ("a cat 2", "a dog 2", "make it a dog 2")
    assert content(cases(tmp_path / "hub")) == [*expected, expected[0]]
    assert content(cases(tmp_path / "disk")) == expected
    assert content(cases(tmp_path / "prepared")) == expected
    assert content(cases(originals, split=None)) == expected
    ids = {
        "one.parquet": ["one-0", "one-1", "one-2"],
        "hub": ["train-00000-0", "train-00000-1", "train-00000-2", "train-00001-0"],
        "disk": ["data-00000-0", "data-00000-1", "data-00000-2"],
    }
    for place, names in ids.items():
        assert [case.id for case in cases(tmp_path / place)] == names
    assert [c.id for c in cases(originals, split=None)] == ["0000-17", "0001-5", "0002-6"]
    assert [c.id for c in cases(originals, split=None, every_seed=True)][:2] == [
        "0000-17",
        "0000-4",
    ]


def test_a_data_set_of_the_hub_is_found_in_its_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "datasets--FelixdoingAI--IP2P-200"
    snapshot = place / "snapshots" / "abc123"
    write_parquet(snapshot / "data" / "train-00000-of-00003.parquet", columns(2))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc123")
    dataset = InstructPix2Pix("FelixdoingAI/IP2P-200", 8)
    assert [dataset[row].id for row in range(len(dataset))] == ["train-00000-0", "train-00000-1"]
    assert dataset.name == "instruct_pix2pix:FelixdoingAI/IP2P-200/train"
    assert dataset.place == str(snapshot)
    assert "1 of its 3 files found" in caplog.text
    assert len(InstructPix2Pix("FelixdoingAI/IP2P-200", 8, revision="abc123")) == 2
    assert [file.found for file in dataset.files()] == [True]


def test_a_data_set_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    dataset = InstructPix2Pix("owner/name", 8)
    assert [file.found for file in dataset.files()] == [False]
    with pytest.raises(DataError, match=r"in the cache or within reach; .*hf download --repo-type"):
        len(dataset)
    with pytest.raises(DataError, match="found no such folder"):
        len(InstructPix2Pix(str(tmp_path / "none"), 8))
    with pytest.raises(DataError, match="expected parquet or Arrow files; found none"):
        len(InstructPix2Pix(str(tmp_path), 8))


def test_splits(tmp_path: Path) -> None:
    for name in ("data/train-0.parquet", "data/validation-0.parquet", "test/0000.parquet"):
        write_parquet(tmp_path / name, columns(1))
    assert [c.id for c in cases(tmp_path, split="val")] == ["validation-0-0"]
    assert [c.id for c in cases(tmp_path, split="test")] == ["0000-0"]
    assert len(cases(tmp_path)) == 1
    assert len(cases(tmp_path, split=None)) == 3
    (tmp_path / "test" / "0000.parquet").unlink()
    with pytest.raises(DataError, match=r"expected a split of .*: train, val; got test"):
        cases(tmp_path, split="test")
    originals = write_originals(tmp_path / "o", {f"{n:04}": [n] for n in range(30)})
    names = {split: [c.id for c in cases(originals, split=split)] for split in ("val", "test")}
    assert names == {"val": ["0027-27"], "test": ["0028-28", "0029-29"]}  # floor(.95 * 30) = 28
    assert len(cases(originals)) == 27


def test_the_released_edit_is_the_truth_only_on_request(tmp_path: Path) -> None:
    write_parquet(tmp_path / "x.parquet", columns(1))
    (plain,), (held,) = cases(tmp_path), cases(tmp_path, truth=True)
    assert plain.truth is None
    assert held.truth is not None
    assert held.truth.load().max() == 0
    assert plain.digest != held.digest


def test_a_faulty_row_costs_itself(tmp_path: Path) -> None:
    table = columns(
        6,
        original_prompt=["a", None, "", "a", "a", "\0"],
        edit_prompt=["e", "e", "e", None, "e", "e"],
        original_image=[cell(None), *[cell(encoded())] * 3, cell(encoded()[:50]), cell(encoded())],
    )
    write_parquet(tmp_path / "a.parquet", table)
    write_parquet(tmp_path / "b.parquet", columns(2))
    write_parquet(tmp_path / "c.parquet", columns(2)).write_bytes(b"PAR1")
    write_parquet(tmp_path / "d.parquet", {"edit_prompt": ["no captions"] * 9})
    write_parquet(tmp_path / "e.parquet", columns(0))
    found = rows(tmp_path)
    assert [row.id for row in found if not row.problem] == ["b-0", "b-1"]
    problems = [row.problem for row in found if row.problem]
    expected = (
        "row 0 column original_image: expected the bytes",
        "row 1 caption: expected a prompt",
        "row 2 caption: expected a prompt",
        "row 3 instruction: expected a prompt",
        "row 4 column original_image: expected a readable image",
        "row 5 caption: expected text in Unicode",
        "c.parquet: expected a parquet file",
        "d.parquet: expected columns original_prompt, .*; got edit_prompt; missing: original_p",
    )
    assert len(problems) == len(expected)
    for problem, words in zip(problems, expected, strict=True):
        assert words.split(".*")[0] in problem
        assert len(problem.splitlines()) == 1


def test_data_without_captions_is_refused(tmp_path: Path) -> None:
    columns_of_samples = {"input_image": [cell(encoded())], "edit_prompt": ["make it red"]}
    write_parquet(tmp_path / "x.parquet", columns_of_samples)
    with pytest.raises(DataError, match="missing: original_prompt, edited_prompt, original_image"):
        cases(tmp_path)
    write_parquet(tmp_path / "x.parquet", columns(0))
    with pytest.raises(DataError, match="expected one row or more; got none"):
        cases(tmp_path)
    write_parquet(tmp_path / "x.parquet", columns(1, original_prompt=[7]))
    assert "caption: expected text; got int" in rows(tmp_path)[0].problem


def test_faults_of_the_original_folders(tmp_path: Path) -> None:
    top = write_originals(tmp_path / "o", {f"{n}": [n] for n in range(5)} | {"ärger": [1]})
    (top.parent / "secret").mkdir()
    for name in ("1_0.jpg", "1_1.jpg"):
        (top.parent / "secret" / name).write_bytes(encoded())
    seeds = [["0", [0]], ["1", [1]], ["2", [2]], ["3", [3, 4]], ["ärger", [1]], ["gone", [1]]]
    seeds += [["../secret", [1]], ["0", [0]], ["0", []], 7, ["0", ["../1"]], [None, [1]]]
    (top / "seeds.json").write_text(json.dumps(seeds))
    (top / "1" / "prompt.json").write_text('{"input": "a", "edit": "b"}')
    (top / "2" / "prompt.json").unlink()
    (top / "3" / "3_1.jpg").unlink()
    found = rows(top, split=None, every_seed=True)
    good = [row.id for row in found if not row.problem]
    assert good[0] == "0-0"
    assert good[1].startswith("arger-1-")
    assert len(good) == 2
    assert len({row.id for row in found}) == len(found)
    faults = [row.problem for row in found if row.problem]
    expected = (
        "1/prompt.json: expected a JSON object with input, edit and output; missing: output",
        "seed 2: expected the captions '2/prompt.json'",
        "seeds.json '3' seed 3: expected the image '3/3_1.jpg'",
        "seeds.json '3' seed 4: expected the image '3/4_0.jpg'",
        "seeds.json 'gone' seed 1: expected the image",
        "'../secret/1_0.jpg' leads out of it",
        "seeds.json '0': expected every folder and seed once",
        *['expected ["folder", [seeds]]; got'] * 4,
    )
    assert len(faults) == len(expected)
    for got, words in zip(faults, expected, strict=True):
        assert words in got
    (top / "seeds.json").write_text("{}")
    with pytest.raises(DataError, match="expected a list of"):
        cases(top)


def test_captions_that_are_no_object_or_lie_elsewhere(tmp_path: Path) -> None:
    top = write_originals(tmp_path / "o", {f"{n}": [n] for n in range(6)})
    for number, text in enumerate(["true", "7", "null", '"input edit output"', "[]"]):
        (top / f"{number}" / "prompt.json").write_text(text)
    (top / "5" / "prompt.json").rename(tmp_path / "elsewhere.json")
    (top / "5" / "prompt.json").symlink_to(tmp_path / "elsewhere.json")
    *malformed, linked = [row.problem for row in rows(top, split=None)]
    assert ["missing: input, edit, output" in problem for problem in malformed] == [True] * 5
    assert "'5/prompt.json' leads out of it" in linked


def test_damaged_arrow_files(tmp_path: Path) -> None:
    write_stream(tmp_path / "a.arrow", columns(4))
    write_stream(tmp_path / "b.arrow", columns(2))
    whole = (tmp_path / "a.arrow").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"ARROW1" + bytes(40)):
        (tmp_path / "a.arrow").write_bytes(damaged)
        first, *others = rows(tmp_path)
        assert "a.arrow: expected an Arrow file" in first.problem
        assert len(others) == 2
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "../b.arrow"}]}')
    with pytest.raises(DataError, match="expected names of Arrow files beside it"):
        cases(tmp_path)


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "x.parquet", columns(1))
    with pytest.raises(DataError, match=r"dataset.every_seed: expected false"):
        cases(tmp_path, every_seed=True)
    with pytest.raises(DataError, match=r"dataset.revision: expected main"):
        cases(tmp_path, revision="v2")
