"""The HTML page of a store: its data, images, safety, and what it shows without a run."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import report_store
from PIL import Image
from report_store import Parsed, write

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.core.tensors import Images, Latent
from ids.report.pages.embed import number
from ids.report.pages.inputs import PageInputs
from ids.report.pages.notable import notable_cases
from ids.report.pages.page import write_page
from ids.report.pages.paper import read_paper
from ids.results.columns import Column
from ids.results.selection import Selection
from ids.run.records import EditRecord


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def inputs(root: Path) -> PageInputs:
    return report_store.write_store(root / "store")


@pytest.fixture(scope="module")
def written(root: Path, inputs: PageInputs) -> tuple[Parsed, str, list[str]]:
    return write(root, inputs)


def test_numbers_keep_two_more_digits_than_are_shown() -> None:
    values = (1.23456, float("nan"), float("inf"), float("-inf"))
    assert [number(value, 2) for value in values] == [1.2346, None, "inf", "-inf"]


def test_only_the_script_of_the_page_may_run(written: tuple[Parsed, str, list[str]]) -> None:
    parsed, text, _ = written
    policy = next(a["content"] or "" for tag, a in parsed.elements if "http-equiv" in a)
    digest = b64encode(hashlib.sha256(parsed.scripts[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy
    links = re.findall(r"""(?:src|href|action)=["']?([a-z]+):""", text)
    assert set(links) <= {"data"}
    assert not re.search(r"url\(|@import", text)


def test_every_image_exists(root: Path, written: tuple[Parsed, str, list[str]]) -> None:
    (group,) = written[0].data["groups"]
    results = [name for result in group["results"] for name in result[5:7]]
    cases = [n for c in group["cases"] for n in (*c["source"], *c["truth"], c["mask"])]
    states = [name for state in group["states"].values() for name in state["images"]]
    names = {*results, *cases, *states}
    assert "" not in names
    assert {path.name for path in (root / "page" / "images").iterdir()} == names
    assert [case["decoded"] for case in group["cases"]] == [False] * 4


def test_results_have_their_numbers_and_states(written: tuple[Parsed, str, list[str]]) -> None:
    (group,) = written[0].data["groups"]
    assert group["labels"] == ["null_edit", "dds", "ids", "true_edit"]
    keys = [column["key"] for column in group["columns"]]
    ids = [r for r in group["results"] if group["labels"][r[0]] == "ids"]
    assert [r[7][keys.index("success")] for r in ids] == pytest.approx([0.6, 0.61, 0.62, 0.63])
    assert sorted(map(int, group["states"])) == sorted(
        i for i, r in enumerate(group["results"]) if r[2] == 0
    )
    state = group["states"][str(group["results"].index(ids[0]))]
    assert state["steps"] == [0, 10, 20]
    assert state["along"][keys.index("success")] == pytest.approx([0.0, 0.3, 0.6])
    assert state["along"][keys.index("seconds")] is None
    assert group["commands"][1].startswith("ids run method=dds")


def test_claims_are_shown_with_where_they_ran(written: tuple[Parsed, str, list[str]]) -> None:
    text = written[1]
    assert re.search(r'class="badge holds">holds', text)
    assert re.search(r'class="badge not-run">not run', text)
    assert '<td data-sort="shapes">shapes</td>' in text
    assert "elsewhere" not in text  # nothing was tested there
    assert text.index('id="claim-background"') < text.index('id="claim-seconds"')
    assert "+1.25 [+0.50, +2.00] dB" in text


def test_the_paper_is_beside_matching_methods(written: tuple[Parsed, str, list[str]]) -> None:
    text = written[1]
    assert "Structure preservation" in text
    assert "Second-hand" in text
    assert "Preference" not in text  # no metric in common
    assert ">0.30</td>" in text  # as the paper prints it
    row = r'data-sort="(DDS|IDS)">.*?<td class="split[^>]*>(.*?)</td>'
    rows = dict(re.findall(row, text, re.DOTALL))
    assert rows == {"DDS": "dds", "IDS": "not run"}  # this ids is not at the paper's lambda
    for table in read_paper().tables:
        assert all(len(row.values) == len(table.columns) for row in table.rows)


def test_a_rebuild_writes_no_image_again(
    root: Path, inputs: PageInputs, written: tuple[Parsed, str, list[str]]
) -> None:
    folder = root / "page" / "images"
    before = {path.name: path.stat() for path in folder.iterdir()}
    (folder / f"{'0' * 24}.png").write_bytes(b"of an earlier page")
    (folder / "mine.png").write_bytes(b"not of a page")

    def never(record: EditRecord, z: Latent) -> Images:
        raise AssertionError

    write(root, PageInputs(inputs.cases, decode=never))
    after = {path.name: path.stat() for path in folder.iterdir()}
    (folder / "mine.png").unlink()
    assert set(after) == {*before, "mine.png"}
    assert all(after[name].st_mtime_ns == before[name].st_mtime_ns for name in before)


def test_stand_ins_and_missing_states_are_counted(root: Path, inputs: PageInputs) -> None:
    def refuses(record: EditRecord, z: Latent) -> Images:
        raise DataError("no weights")

    path, notes = write_page(
        Selection(root / "store"), root / "bare", PageInputs(decode=refuses, decoded=2)
    )
    (group,) = Parsed(path.read_text("utf-8")).data["groups"]
    assert all(
        case["decoded"] and case["source"][0] and not case["mask"] for case in group["cases"]
    )
    states = [note.partition(": ")[2] for note in notes if "no weights" in note]
    assert states == ["Kept states of 4 edits are not shown: no weights"]
    assert any(note.startswith("4 cases with the null edit") for note in notes)
    assert group["states"] == {}


def test_large_images_have_thumbnails(tmp_path: Path) -> None:
    inputs = report_store.write_store(tmp_path / "store", 1, ("ids",), side=300)
    parsed, _, _ = write(tmp_path, inputs)
    (group,) = parsed.data["groups"]
    image, small = group["results"][0][5:7]
    assert Image.open(tmp_path / "page" / "images" / image).size == (300, 300)
    assert Image.open(tmp_path / "page" / "images" / small).size == (192, 192)
    assert group["states"] == {}  # large images decode slowly: only where requested


def test_notable_cases_are_worst_best_and_disagreed_on() -> None:
    values = {"a": (1.0, 1.0), "b": (9.0, 9.0), "c": (2.0, 8.0), "d": (5.0, 5.0)}
    lines = [
        {"case": case, "label": label, "status": "ok", "psnr": value}
        for case, pair in values.items()
        for label, value in zip(("dds", "ids"), pair, strict=True)
    ]
    lines.append({"case": "d", "label": "true_edit", "status": "ok", "psnr": 99.0})
    frame, column = pd.DataFrame(lines), Column("psnr", "PSNR", 2, better=1)
    assert notable_cases(frame, [column], 3) == ["a", "b", "c"]
    assert notable_cases(frame, [column], 0) == []


def test_a_store_without_results_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(DataError, match="expected results; found none"):
        write(tmp_path, PageInputs())
    assert not (tmp_path / "page").exists()


def test_unreadable_sources_leave_the_page(root: Path, inputs: PageInputs) -> None:
    class Unreadable:
        def digest(self) -> str:
            raise DataError("gone")

        def load(self) -> Any:
            raise DataError("gone")

    def broken(case: EditCase) -> EditCase:
        return EditCase(case.id, Unreadable(), case.prompt_src, case.prompt_trg)

    gone = {digest: broken(case) for digest, case in inputs.cases.items()}
    _, notes = write_page(Selection(root / "store"), root / "gone", PageInputs(gone, decoded=0))
    assert any(note.startswith("4 cases with the null edit") for note in notes)
