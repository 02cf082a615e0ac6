"""`ids table` and the table after a run: width, baseline, files, metrics from outside."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from conftest import InProcess
from PIL import Image
from rich.cells import cell_len

from ids.report.sheet import LABEL

WORDS = ("run", "-m", "debug=fast", "method=sds,dds", "method.n_steps=2", "limit=2")


@pytest.fixture
def run(in_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    monkeypatch.delenv("COLUMNS", raising=False)
    return in_process


def test_the_table_after_a_run_fits_and_is_paired_to_the_baseline(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = run(*WORDS, "--baseline", "sds")
    assert status == 0, err
    table = out.partition("contact sheet")[0]
    assert max(map(cell_len, table.splitlines())) <= 100
    assert "paired differences, to sds" in table
    again = run(*WORDS, "--baseline", "nonsense")[1]
    assert "paired differences, to" not in again
    assert again.count("baseline 'nonsense' is not among the results") == 1
    assert "paired differences, to dds" in run(*WORDS)[1]  # the default
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run("table")[1].splitlines()
    assert max(map(cell_len, narrow)) <= 60
    assert "Not shown: " in "\n".join(narrow)
    wide = run("table", "--wide")[1]
    assert "Not shown" not in wide
    assert max(map(cell_len, wide.splitlines())) > 100
    paper = run("table", "--row", "Ours=dds", "--format", "latex", "--caption", "All $x$.")[1]
    assert r"\caption{All $x$.}" in paper
    assert "\nOurs & 2 & " in paper
    assert "sds" not in paper


def test_tests_intervals_and_numbers_that_were_never_computed(run: InProcess) -> None:
    words = ("debug=fast", "method.n_steps=1", "limit=3")
    assert run("run", "method=sds", "metrics=standard", *words, "--interval", "t")[0] == 0
    status, out, err = run("run", "method=dds", "metrics=shapes", *words, "--interval", "t")
    assert status == 0, err
    assert "± is a 95 % Student t interval" in out
    wide = run("table", "--wide", "--interval", "t")[1]
    assert "± is a 95 % Student t interval" in wide
    sds = next(line for line in wide.splitlines() if line.startswith("sds "))
    assert "- (3 not computed)" in sds
    assert "success in 3 (not computed yet)" in wide.replace("\n", " ")
    assert "Fewer than 5 cases" in wide
    tests = run("table", "--tests", "--column", "psnr", "--difference", "0.5", "--write")[1]
    for header in ("difference ↑", "cases for 0.5", "d_z", "p corrected", "detectable"):
        assert header in tests
    (file,) = Path("outputs/tables").glob("*tests-2.csv")
    (difference,) = (r for _, r in pd.read_csv(file).iterrows() if r["method"] == "sds")
    assert difference["p"] >= 0.25
    assert difference["psnr_n"] == difference["cases"] == 3


@pytest.mark.parametrize(
    "words",
    [
        ("--difference", "1"),
        ("--tests", "--difference", "1"),
        ("--tests", "--column", "psnr", "--difference", "0"),
        ("--tests", "--matched"),
        ("--matched", "--row", "A=dds"),
        ("--matched", "--by", "tag"),
        ("--paper", "--by", "tag"),
        ("--by", "method"),
        ("--row", "dds"),
        ("--case", "("),
        ("--label", "tab:x", "--format", "latex"),
        ("--caption", "text"),
        ("--interval", "normal"),
    ],
)
def test_words_that_do_not_fit_are_refused(run: InProcess, words: tuple[str, ...]) -> None:
    Path("outputs").mkdir()
    status, _, err = run("table", *words)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "expected" in err or "invalid choice" in err


def test_a_card_is_beside_every_table_and_in_the_run(run: InProcess) -> None:
    assert run(*WORDS)[0] == 0
    status, out, _ = run("card", "--json")
    (card,) = json.loads(out)
    assert (status, card["edits"], card["dataset"]["rows"]) == (0, {"ok": 8}, 2)
    (written,) = Path("outputs").glob("runs/*/card.json")
    assert json.loads(written.read_text()) == [card]
    assert run("table", "--write")[0] == 0
    (beside,) = Path("outputs/tables").glob("*.card.json")
    assert json.loads(beside.read_text()) == [card]
    (only,) = json.loads(run("card", "--json", "--method", "dds")[1])
    assert only["edits"] == {"ok": 2}
    text = run("card", "--write")[1]
    assert "digest" in text
    assert "written: " in text
    assert run("card", "--method", "none")[0] == 1


def test_written_tables_hold_all_columns(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(*WORDS)[0] == 0
    monkeypatch.setenv("COLUMNS", "60")
    assert run("table", "--write")[0] == 0
    (tables,) = Path("outputs").glob("tables")
    (after_run,) = Path("outputs").glob("runs/*")
    for folder in (tables, after_run):
        texts = {path.suffix: path.read_text() for path in folder.glob("*.*") if _is_text(path)}
        assert {".md", ".tex", ".html", ".json", ".csv"} <= set(texts)
        for ending in (".md", ".tex", ".html"):
            for title in ("PSNR bg", "PSNR true", "SSIM bg", "latent dist.", "s/edit", "peak MB"):
                assert title in texts[ending], ending
    (file,) = (path for path in tables.glob("*.csv") if not path.stem.endswith("-2"))
    means = pd.read_csv(file).set_index("method")
    grid = json.loads(file.with_suffix(".json").read_text())["grids"][0]
    (row,) = (row for row in grid["rows"] if row["method"] == "dds")
    assert means.loc["dds", "psnr"] == row["cells"]["psnr"]["value"]


def test_each_data_set_has_a_table_and_a_sheet(run: InProcess) -> None:
    for name, colour in (("one", "red"), ("two", "blue")):
        Path(name).mkdir()
        Image.new("RGB", (40, 40), colour).save(Path(name, "a.png"))
        Path(name, "edits.csv").write_text("image,source,target\na.png,a cat,a dog\n")
    words = ("debug=fast", "dataset=folder", "dataset.path=one,two", "method.n_steps=1")
    status, out, err = run("run", "-m", "method=dds", *words, "limit=null")
    assert status == 0, err
    (folder,) = Path("outputs").glob("runs/*")
    sheets = sorted(folder.glob("contact_sheet*.png"))
    assert [path.name for path in sheets] == ["contact_sheet_1.png", "contact_sheet_2.png"]
    sources = {
        Image.open(path).getpixel((LABEL + 5, Image.open(path).height - 20)) for path in sheets
    }
    assert sources == {(255, 0, 0), (0, 0, 255)}
    assert out.count("contact sheet: ") == 2
    assert len(list(folder.glob("table*.tex"))) == 2


def test_by_tag_each_tag_has_a_block_in_every_file(run: InProcess) -> None:
    tags = ("pose", "pose style", "style", "", "pose")
    rows = [f"{i}.png,a cat,a dog,{of}" for i, of in enumerate(tags)]
    Path("photos").mkdir()
    for i in range(len(tags) - 1):
        Image.new("RGB", (40, 40), (60 * i, 9, 9)).save(Path("photos", f"{i}.png"))
    Path("photos/4.png").write_text("no image")
    Path("photos/edits.csv").write_text("\n".join(["image,source,target,tags", *rows, ""]))
    words = ("debug=fast", "dataset=folder", "dataset.path=photos", "limit=null")
    run("run", "-m", "method=sds,dds", "method.n_steps=1", *words)
    shown = ("table", "--column", "latent_distance", "--format")
    status, out, err = run(*shown, "csv", "--by", "tag")
    assert status == 0, err
    numbers = pd.read_csv(io.StringIO(out), keep_default_na=False)
    assert list(numbers["tag"].unique()) == ["pose", "style", "no tag"]
    numbers = numbers.set_index(["tag", "method", "against"])
    for tag in ("pose", "style"):
        (alone,) = json.loads(run(*shown, "json", "--tag", tag)[1])
        rows = [row for grid in alone["grids"] for row in grid["rows"]]
        assert len(rows) == len(numbers.loc[tag])
        for row in rows:
            line, cell = numbers.loc[tag, row["method"], row.get("against", "")], row["cells"]
            value = cell["latent_distance"]["value"]
            assert line["n"] == (0 if row["method"] == "true_edit" else 2)
            assert line["value"] == ("" if value is None else str(value))
        failed = {row["failed"] for row in alone["grids"][0]["rows"]}
        assert failed == {int(tag == "pose")}  # the row without an image has that tag alone
    out = run("table", "--by", "tag", "--tests", "--column", "latent_distance", "--write")[1]
    note = "all blocks together; 1 case has several tags, and counts in each block."
    assert note in " ".join(out.split())
    (written,) = Path("outputs/tables").glob("*by-tag-tests-*-2.csv")
    assert written.read_text().startswith("tag,method,against,")
    name = written.name.removesuffix("-2.csv")
    document = json.loads(written.with_name(f"{name}.json").read_text())
    assert [grid["tag"] for grid in document["grids"]][::2] == ["pose", "style", "no tag"]
    for ending, heading in (("md", "## paired differences, pose, "), ("tex", ", no tag\n")):
        assert heading in written.with_name(f"{name}.{ending}").read_text()


def _is_text(path: Path) -> bool:
    other = (".provenance.json", "-2.csv", "card.md", "card.json")
    return path.suffix != ".png" and not path.name.endswith(other)


@pytest.mark.parametrize("command", ["table", "frontier", "card"])
def test_a_store_that_takes_no_files_is_one_line(run: InProcess, command: str) -> None:
    assert run(*WORDS)[0] == 0
    Path("outputs/tables").write_text("a file")  # the folder cannot be created
    status, out, err = run(command, "--write")
    assert status == 2
    assert out
    assert "outputs/tables: expected a folder that takes files; File exists" in err
