"""Contact sheets: pages, labels, and images of every size."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image

from ids.core.records import EditCase, Edited
from ids.data import Shapes
from ids.report import drawn as drawn_module
from ids.report import sheet
from ids.report.canvas import Font, font_file
from ids.report.drawn import DrawnSheet, DrawnSheets
from ids.report.sheet import contact_sheets
from ids.run import Job, Setting, Store
from ids.run.sealed import seal
from ids.run.store import IMAGE

CASES = [Shapes(count=3)[i] for i in range(3)]
Z = torch.zeros(1, 2, 2)


def stored(
    store: Store, label: str, case: EditCase, seed: int, image: torch.Tensor
) -> dict[str, object]:
    """A line of a frame, its image in the store."""
    job = Job(Setting(label, {}, "tiny", {}, {}), case, seed, (case.prompt_src, case.prompt_trg))
    store.put(job, Edited(image, Z, Z), {}, {})
    return {"key": job.key, "label": label, "case": case.digest, "seed": seed, "status": "ok"}


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The title of every page that is drawn."""
    titles: list[str] = []
    draw = sheet._draw

    def recorded(page: sheet.Page, *rest: Any) -> Image.Image:
        titles.append(page.title)
        return draw(page, *rest)

    monkeypatch.setattr(sheet, "_draw", recorded)
    return titles


def frame(store: Store, labels: list[str], seeds: list[int], side: int = 8) -> pd.DataFrame:
    image = torch.rand(3, side, side // 2)
    return pd.DataFrame(
        [stored(store, label, c, s, image) for label in labels for c in CASES for s in seeds]
    )


def test_a_small_run_is_one_page_that_names_the_seed(tmp_path: Path, pages: list[str]) -> None:
    store = Store(tmp_path)
    lines = frame(store, ["dds", "ids (n_steps=3)"], [1, 2])
    assert contact_sheets(CASES, {"shapes": lines}, store, tmp_path) == [
        tmp_path / "contact_sheet.png"
    ]
    assert pages == ["shapes · seed 1 (of 1, 2)"]


def test_sweeps_and_data_sets_have_pages_of_their_own(tmp_path: Path, pages: list[str]) -> None:
    store = Store(tmp_path)
    lines = frame(store, [f"ids (fpr.scale={i}, n_steps=3)" for i in range(9)], [0])
    frames = {"one": lines, "two": lines[lines["label"].str.contains("=1")]}
    paths = contact_sheets(CASES, frames, store, tmp_path)
    assert [path.name for path in paths] == [f"contact_sheet_{i}.png" for i in (1, 2, 3)]
    assert pages == [
        "one · seed 0 · settings, part 1 of 2",
        "one · seed 0 · settings, part 2 of 2",
        "two · seed 0",
    ]
    widths = [Image.open(path).width for path in paths]
    assert widths[0] > widths[1] > widths[2]  # 5, 4 and 1 settings


def test_many_cases_are_split_evenly(
    tmp_path: Path, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet, "MAX_ROWS", 2)
    store = Store(tmp_path)
    contact_sheets(CASES, {"one": frame(store, ["dds"], [0])}, store, tmp_path)
    assert pages == ["one · seed 0 · cases 1 to 2 of 3", "one · seed 0 · cases 3 to 3 of 3"]


def test_large_images_are_scaled_down_with_their_aspect(tmp_path: Path) -> None:
    store = Store(tmp_path)
    white = torch.ones(3, 512, 256)
    lines = pd.DataFrame([stored(store, "dds", CASES[0], 0, white)])
    (path,) = contact_sheets(CASES, {"one": lines}, store, tmp_path)
    found = Image.open(path)
    assert found.width < 800
    assert found.height < 400


def test_failed_and_missing_edits_are_grey(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lines = frame(store, ["dds", "ids"], [0])
    lines.loc[(lines["label"] == "ids") & (lines["case"] == CASES[0].digest), "status"] = "failed"
    lines = lines.drop(lines.index[-1])
    (path,) = contact_sheets(CASES, {"one": lines}, store, tmp_path)
    image = Image.open(path)
    x = sheet.LABEL + 2 * (sheet.SIDE + 10) + 3
    found = [image.getpixel((x, y)) for y in range(0, image.height, 20)]
    assert found.count((236, 236, 240)) >= 2 * (sheet.SIDE // 20 - 1)


def test_text_is_wrapped_to_the_pixel() -> None:
    font = Font.open(15)
    lines = font.wrap("a photo of a cat that sits on a " + "mat" * 40, 120, 3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(font.face.getlength(line) <= 120 for line in lines)
    assert font.wrap("one two", 500, 3) == ["one two"]
    assert font.wrap("x" * 40, 100, 9)[1] == font.wrap("x" * 40, 100, 9)[0]
    assert font.shorten("x" * 100, 60).endswith("x…")
    assert font.wrap("\x1b[31m", 500, 3) == [r"\x1b[31m"]


def test_a_page_of_the_same_content_is_copied_from_an_earlier_run(
    tmp_path: Path, pages: list[str]
) -> None:
    store = Store(tmp_path)
    frames = {"shapes": frame(store, ["dds", "ids"], [0])}
    first, second = (
        contact_sheets(CASES, frames, store, tmp_path / "runs" / name)[0].read_bytes()
        for name in ("1", "2")
    )
    assert pages == ["shapes · seed 0"]
    assert first == second
    shutil.rmtree(tmp_path / "runs" / "1")
    contact_sheets(CASES, frames, store, tmp_path / "runs" / "3")
    assert len(pages) == 1  # the newest run counts


def changed_image(store: Store, lines: pd.DataFrame) -> None:
    Image.new("RGB", (4, 8), "red").save(store.folder(lines["key"].iloc[-1]) / IMAGE)


def changed_status(store: Store, lines: pd.DataFrame) -> None:
    lines.loc[lines.index[-1], "status"] = "failed"


def changed_label(store: Store, lines: pd.DataFrame) -> None:
    lines["label"] = lines["label"].replace("ids", "ids (n_steps=3)")


def changed_seed(store: Store, lines: pd.DataFrame) -> None:
    lines["seed"] = 1


def changed_order(store: Store, lines: pd.DataFrame) -> None:
    lines.loc[[0, 1], "key"] = lines["key"][[1, 0]].to_numpy()


@pytest.mark.parametrize(
    "change", [changed_image, changed_status, changed_label, changed_seed, changed_order]
)
def test_no_stale_page_is_copied(
    change: Callable[[Store, pd.DataFrame], None], tmp_path: Path, pages: list[str]
) -> None:
    store = Store(tmp_path)
    shades = [torch.full((3, 8, 4), number / 4) for number, _ in enumerate(CASES)]
    each = [
        (name, *of_case) for name in ("dds", "ids") for of_case in zip(CASES, shades, strict=True)
    ]
    lines = pd.DataFrame([stored(store, name, case, 0, shade) for name, case, shade in each])
    (old,) = contact_sheets(CASES, {"shapes": lines}, store, tmp_path / "runs" / "1")
    change(store, lines)
    (new,) = contact_sheets(CASES, {"shapes": lines}, store, tmp_path / "runs" / "2")
    assert len(pages) == 2
    assert new.read_bytes() != old.read_bytes()


@pytest.mark.parametrize("field", ["id", "prompt_src", "prompt_trg", "source"])
def test_a_page_with_another_case_is_drawn(field: str, tmp_path: Path, pages: list[str]) -> None:
    store = Store(tmp_path)
    lines = frame(store, ["dds"], [0])
    contact_sheets(CASES[:1], {"shapes": lines}, store, tmp_path / "runs" / "1")
    other = replace(CASES[0], **{field: getattr(CASES[1], field)})
    lines["case"] = lines["case"].replace(CASES[0].digest, other.digest)
    contact_sheets([other], {"shapes": lines}, store, tmp_path / "runs" / "2")
    assert len(pages) == 2


def test_a_damaged_or_missing_sheet_is_drawn_again(tmp_path: Path, pages: list[str]) -> None:
    store = Store(tmp_path)
    frames = {"shapes": frame(store, ["dds"], [0])}
    (first,) = contact_sheets(CASES, frames, store, tmp_path / "runs" / "1")
    whole = first.read_bytes()
    damages: list[Callable[[Path, Path], object]] = [
        lambda sheet, record: sheet.unlink(),
        lambda sheet, record: sheet.write_bytes(whole[:-9]),
        lambda sheet, record: record.write_text("{}"),
        lambda sheet, record: record.unlink(),
    ]
    last = first
    for number, damage in enumerate(damages, start=2):
        (record,) = (tmp_path / "sheets").iterdir()
        damage(last, record)
        (last,) = contact_sheets(CASES, frames, store, tmp_path / "runs" / str(number))
        assert len(pages) == number
        assert last.read_bytes() == whole


def test_a_record_that_points_out_of_the_store_is_not_followed(tmp_path: Path) -> None:
    drawn = DrawnSheets(tmp_path / "store")
    outside = tmp_path / "store" / "runs" / ".." / ".." / "secret.png"
    (tmp_path / "store" / "runs").mkdir(parents=True)
    outside.write_bytes(b"secret")
    record = DrawnSheet(path="runs/../../secret.png", sha256=sha256(b"secret").hexdigest())
    (tmp_path / "store" / "sheets").mkdir()
    (tmp_path / "store" / "sheets" / "key.json").write_bytes(seal(record))
    assert drawn.find("key") is None
    drawn.add("other", outside, b"secret")
    assert drawn.find("other") is None


def test_other_code_or_fonts_draw_again(
    tmp_path: Path, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    frames = {"shapes": frame(store, ["dds"], [0])}
    contact_sheets(CASES, frames, store, tmp_path / "runs" / "1")
    monkeypatch.setattr(drawn_module, "CODE", drawn_module.CODE[1:])
    contact_sheets(CASES, frames, store, tmp_path / "runs" / "2")
    monkeypatch.setattr(drawn_module, "font_file", lambda bold=False: font_file(not bold))
    contact_sheets(CASES, frames, store, tmp_path / "runs" / "3")
    assert len(pages) == 3
