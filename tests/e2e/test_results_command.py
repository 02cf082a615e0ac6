"""`ids results`: list, show, export, remove and check."""

import csv
import io
import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from conftest import ForkServer, Ids, InProcess
from PIL import Image

from ids.run import Store

WORDS = ("run", "-m", "debug=fast", "method=sds,dds", "method.n_steps=4", "keep_every=2")
WORDS += ("dataset=folder", "dataset.path=photos", "limit=null")


@pytest.fixture
def run(in_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    monkeypatch.setenv("COLUMNS", "200")
    return in_process


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Path:
    """Two methods on two photos, one with a mask, one whose prompt looks like a formula."""
    place = tmp_path_factory.mktemp("finished")
    folder = place / "photos"
    folder.mkdir()
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (40, 40), colour).save(folder / f"{name}.png")
    mask = Image.new("L", (40, 40), 0)
    mask.paste(255, (0, 0, 20, 40))
    mask.save(folder / "m.png")
    (folder / "edits.csv").write_text(
        "image,source,target,mask,tags,artist\n"
        'a.png,a cat,"=HYPERLINK(""x"")",m.png,pet,Ann\n'
        "b.png,a bike,a car,,vehicle,Bob\n"
    )
    done = Ids(place, fork_server)(*WORDS)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def command(run: InProcess, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    """Where the run was, since a store knows where its images are; restored afterwards."""
    untouched = finished.with_name("untouched")
    shutil.copytree(finished, untouched)
    monkeypatch.chdir(finished)
    yield run
    shutil.rmtree(finished)
    untouched.rename(finished)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_list_by_the_selections_of_a_table(command: InProcess) -> None:
    status, out, _ = command("results", "list")
    assert status == 0
    assert out.count("null_edit") == 2
    assert out.count("folder:photos on gaussian") == 4 * 2  # true_edit: unsupported
    assert command("results", "list", "--method", "sds")[1].count(" sds ") == 2
    assert command("results", "list", "--tag", "pet", "--method", "dds")[1].count(" dds ") == 1
    assert command("results", "list", "--orphans")[0] == 1


def test_one_result_by_the_beginning_of_its_key(command: InProcess) -> None:
    store = Store(Path("outputs"))
    key = next(k for k in store.all_keys() if store.look(k).status == "ok")
    status, out, _ = command("results", "show", key[:8])
    assert status == 0
    for word in (key, "edit.safetensors", "psnr@2 = ", "answers", "took"):
        assert word in out
    for wrong in ("", "nonsense", "../.."):
        status, _, err = command("results", "show", wrong)
        assert status == 2
        assert err.count("ids: ") == 1


def test_numbers_of_edits_and_of_their_states(command: InProcess) -> None:
    status, out, err = command("results", "export", "--csv")
    assert status == 0, err
    found = rows(out)
    assert len(found) == 8
    assert {row["target_prompt"] for row in found} == {'\'=HYPERLINK("x")', "a car"}
    assert {row["metadata.artist"] for row in found} == {"Ann", "Bob"}
    masked = [r for r in found if r["tags"] == "pet" and r["label"] in ("sds", "dds")]
    assert all(math.isfinite(float(row["psnr_background"])) for row in masked)
    assert {row["psnr_background"] for row in found if row["tags"] == "vehicle"} == {""}
    assert command("results", "export", "edits.json")[0] == 0
    typed = json.loads(Path("edits.json").read_text())
    assert {row["target_prompt"] for row in typed} == {'=HYPERLINK("x")', "a car"}
    assert command("results", "export", "curves.parquet", "--states")[0] == 0
    curves = pd.read_parquet("curves.parquet")
    assert sorted(set(curves[curves["label"] == "dds"]["step"])) == [0, 2, 4]
    assert len(curves) == 4 * 3 + 2


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("edits.txt",), "expected a file that ends in .csv, .json, .parquet"),
        (("--parquet",), "expected a file"),
        (("none/edits.csv",), "expected a file in a folder that exists"),
    ],
)
def test_an_impossible_export_is_refused(
    command: InProcess, words: tuple[str, ...], answer: str
) -> None:
    status, _, err = command("results", "export", *words)
    assert status == 2
    assert answer in err


def test_results_are_removed_after_confirmation(command: InProcess) -> None:
    store = Store(Path("outputs"))
    assert command("results", "rm")[0] == 2
    status, out, _ = command("results", "rm", "--method", "sds")
    assert (status, out.strip()) == (0, "2 results; --yes removes them")
    assert len(list(store.all_keys())) == 8
    assert command("results", "rm", "--method", "sds", "--yes")[0] == 0
    assert len(list(store.all_keys())) == 6
    assert "sds" not in command("table")[1]
    text = Path("photos/edits.csv").read_text()
    Path("photos/edits.csv").write_text(text.replace("a car", "a boat"))
    assert command(*WORDS)[0] == 0
    assert "1 result answers no row" in command("table")[1]
    assert command("results", "rm", "--orphans", "--yes")[0] == 0
    assert "answer no row" not in command("table")[1]


def test_a_selection_by_values(command: InProcess) -> None:
    assert command("results", "rm", "--where", "n_steps=4")[1].startswith("4 results")
    assert "2 results" in command("results", "rm", "--where", "n_steps=4", "--method", "dds")[1]
    assert command("results", "list", "--orphans", "--tag", "pet")[0] == 2
    assert command("results", "rm", "--all", "--method", "dds")[0] == 2
    assert command("results", "rm", "--all", "--case", "a")[0] == 2
    assert command("results", "rm", "--case", "^a", "--dataset", "folder", "--yes")[0] == 0
    assert len(list(Store(Path("outputs")).all_keys())) == 4
    assert list(Path("outputs").glob("datasets/*"))  # the other case belongs to it
    assert command("results", "rm", "--all", "--yes")[0] == 0
    assert not list(Path("outputs").glob("datasets/*"))
    assert command(*WORDS)[0] == 0
    assert command("results", "check")[1] == "8 results, 0 faults\n"


def test_numbers_are_exported_in_full(command: InProcess) -> None:
    command("results", "export", "edits.json")
    found = json.loads(Path("edits.json").read_text())
    store = Store(Path("outputs"))
    for line in found:
        numbers = store.numbers.metrics(line["key"], line["case"]).values
        if line["status"] == "ok":
            assert line["psnr"] == numbers["psnr@2"].value
    assert {line["seed"] for line in found} == {0, None}
    assert {line["setting.n_steps"] for line in found if line["label"] == "dds"} == {4}


def test_results_of_another_data_set_are_not_removed(command: InProcess) -> None:
    folder = Path("more")
    folder.mkdir()
    Image.new("RGB", (40, 40), "blue").save(folder / "b.png")
    (folder / "edits.csv").write_text("image,source,target\nb.png,a bike,a car\n")
    assert command(*WORDS, "dataset.path=more")[0] == 2  # given twice
    words = [word for word in WORDS if not word.startswith("dataset.path")]
    assert command(*words, "dataset.path=more")[0] == 0
    before = len(list(Store(Path("outputs")).all_keys()))
    status, out, _ = command("results", "rm", "--dataset", "folder:more", "--yes")
    assert status == 0
    assert "4 more answer other rows as well, and stay" in out
    assert len(list(Store(Path("outputs")).all_keys())) == before


def test_a_check_reads_every_byte(command: InProcess) -> None:
    assert command("results", "check") == (0, "8 results, 0 faults\n", "")
    path = next(Path("outputs").glob("results/*/*/edit.safetensors"))
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a failing disk would
    status, out, _ = command("results", "check")
    assert status == 1
    assert f"damaged: {path}: its content does not have its checksum" in out
