"""Contact sheets: pages, labels, and images of every size."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image

from ids.core.records import EditCase, Edited
from ids.data import Shapes
from ids.report import sheet
from ids.report.canvas import Font
from ids.report.sheet import contact_sheets
from ids.run import Job, Setting, Store

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
