"""`ids data`: every faulty row in one line, what a data set has, and a sheet of its cases."""

from pathlib import Path

import pytest
from conftest import InProcess
from photo_folder import write, write_photos
from pie_folder import ENTRY, FOLDERS, save_image, write_pie
from PIL import Image

from ids.data import Folder


@pytest.fixture
def command(in_process: InProcess) -> InProcess:
    """The command line in a folder with photos and a miniature of PIE-Bench."""
    write_photos(Path("photos"))
    styled = ENTRY | {"editing_type_id": "9", "editing_prompt": "a painting of a cake"}
    write_pie(Path("PIE"), {"000": ENTRY, "001": styled})
    return in_process


PIE = ("pie", "dataset.path=PIE")


def faults(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("row ")]


def test_a_clean_data_set(command: InProcess) -> None:
    status, out, _ = command("data", "check", *PIE)
    assert (status, faults(out)) == (0, [])
    lines = [line for line in out.splitlines() if line.startswith("  ")]
    found = {line.strip().partition("  ")[0]: line.split()[-1] for line in lines}
    assert (found["rows"], found["cases"], found["masks"], found["instructions"]) == ("2",) * 4
    assert "read at 512 px" in out
    assert "512x512 (2)" in out
    assert "change_object (1)" in out
    assert "every row can be edited" in out


def test_words_behind_a_flag_are_taken(command: InProcess) -> None:
    status, out, _ = command("data", "check", "shapes", "--config-dir", ".", "limit=1")
    assert (status, "1 of 24, by the selection" in out) == (0, True)
    status, _, err = command("data", "check", "shapes", "--config-dir", ".", "--write")
    assert (status, "--write: no such flag" in err) == (2, True)


def test_every_faulty_row_is_one_line(command: InProcess) -> None:
    broken = Path("PIE/annotation_images", FOLDERS, "cut.jpg")
    broken.write_bytes(b"\xff\xd8\xff")
    entries = {
        "good": ENTRY,
        "odd": ENTRY | {"mask": [1]},
        "../up": ENTRY,
        "cut": ENTRY | {"image_path": f"{FOLDERS}/cut.jpg"},
        "grey": ENTRY | {"image_path": save_image(Path("PIE"), "grey.jpg", "L")},
        "small": ENTRY | {"image_path": save_image(Path("PIE"), "small.jpg", side=300)},
        "line\nbreak": ENTRY,
    }
    write_pie(Path("PIE"), entries)
    status, out, _ = command("data", "check", *PIE)
    assert status == 1
    found = faults(out)
    assert [line.split(",")[0] for line in found] == [f"row {n}" for n in range(2, 8)]
    assert all(name in line for name, line in zip(list(entries)[1:-1], found, strict=False))
    assert "6 of 7 rows cannot be edited" in out


def test_a_table_that_runs_refuse_is_checked_row_by_row(command: InProcess) -> None:
    Image.new("RGB", (1, 1)).save("photos/x.png")
    Path("photos/x.png").write_bytes(Path("photos/x.png").read_bytes()[:30])
    write(Path("photos"), "cat.png,a cat,a dog,,", "none.png,a,b,,", "hat.png,,b,,", "x.png,a,b,,")
    status, out, err = command("data", "check", "folder", "dataset.path=photos")
    assert status == 1
    assert len(faults(out)) == 3
    assert "edits.csv line 3: column image: expected the image 'none.png'" in out
    assert "edits.csv line 4: column source: expected a prompt" in out
    status, out, err = command("run", "debug=fast", "dataset=folder", "dataset.path=photos")
    assert status == 1
    assert "line 3: column image" in err
    assert "further faulty rows: 1" in err


def test_without_strict_a_malformed_row_costs_itself(command: InProcess) -> None:
    write(Path("photos"), "cat.png,a cat,a dog,,", "none.png,a,b,,")
    dataset = Folder("photos", 16, strict=False)
    assert (len(dataset), dataset[0].prompt_src) == (2, "a cat")
    words = ("debug=fast", "controls=none", "method=dds", "method.n_steps=2", "limit=null")
    status, out, err = command(
        "run", *words, "dataset=folder", "dataset.path=photos", "dataset.strict=false"
    )
    assert status == 1
    assert "1 edits" in err
    assert "none.png" in out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("nope",), "dataset=nope: no such choice"),
        (("pie",), "dataset.path: expected a value"),
        (("pie", "dataset.path=none"), "found no such folder"),
        ((*PIE, "tags=pose"), "tags: expected tags of pie_bench"),
        ((*PIE, "dataset.size=8,16"), "expected one data set"),
        ((*PIE, "offset=5"), "offset: expected less than the number of rows, 2"),
        ((*PIE, "nonsense"), "nonsense: expected group=option"),
    ],
)
@pytest.mark.parametrize("what", ["check", "show"])
def test_one_line_for_a_data_set_that_cannot_be_read(
    command: InProcess, what: str, words: tuple[str, ...], answer: str
) -> None:
    status, _, err = command("data", what, *words)
    assert status in (1, 2)
    assert answer in err
    assert err.count("\n") == 1
    assert not list(Path().glob("*.png"))


def test_a_sheet_of_the_selected_cases(command: InProcess) -> None:
    status, out, _ = command("data", "show", *PIE, "tags=style")
    assert status == 0
    assert "pie_sheet.png: 1 of 2 rows" in out
    with Image.open("pie_sheet.png") as sheet:
        pixels = sheet.convert("RGB").load()
        width = sheet.width
    assert width == 276  # one image of 256 pixels
    # The mask has pixels 300 to 400 of 512: its upper and lower edge are drawn.
    yellow = [y for y in range(1, 255) if pixels[138, 38 + y] == (255, 225, 77)]
    assert yellow == [150, 199]


def test_a_sheet_shows_a_faulty_row_and_takes_another_name(command: InProcess) -> None:
    write_pie(Path("PIE"), {"000": ENTRY, "odd": ENTRY | {"mask": [1]}})
    assert command("data", "show", *PIE, "--out", "my.webp")[0] == 0
    with Image.open("my.webp") as sheet:
        assert sheet.width == 276 + 266
    _, _, err = command("data", "show", *PIE, "--out", "my.txt")
    assert "--out my.txt: expected one of the endings" in err


def test_the_name_alone_is_required(command: InProcess) -> None:
    status, _, err = command("data", "check")
    assert status == 2
    assert "required: NAME; see" in err
