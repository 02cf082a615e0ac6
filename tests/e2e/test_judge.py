"""`ids judge`: images that other code made have the numbers that `ids run` would give them."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import InProcess
from judging import Networks
from PIL import Image as PIL

import ids
from ids.core.errors import ConfigError, DataError
from ids.data import Folder, Shapes
from ids.data.external import images_of_cases, read_external
from ids.images import to_pil
from ids.metrics import PSNR
from ids.run import Store
from ids.run.external import judge_folders, open_folders

SIDE = 32
SHAPES = ["dataset=shapes", "dataset.count=3", f"dataset.size={SIDE}", "metrics=standard"]
CASES = [Shapes(count=3, size=SIDE)[index] for index in range(3)]


def save_all(folder: Path, cases: list[int], ending: str = "png", truth: bool = True) -> Path:
    """The true edits, or the sources, of some cases."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in cases:
        case = CASES[index]
        image = case.truth if truth else case.source
        assert image is not None
        to_pil(image.load()).save(folder / f"{case.id}.{ending}")
    return folder


def test_numbers_are_those_of_a_run(in_process: InProcess) -> None:
    words = [f"backbone.image_size={SIDE}", *SHAPES[:2], "metrics=standard", "controls=none"]
    status, _, err = in_process("run", "debug=fast", "method=dds", "method.n_steps=2", *words)
    assert status == 0, err
    stored = ids.results("outputs").sort_values("id")
    made = Path("mine")
    made.mkdir()
    for key, case in zip(stored["key"], stored["id"], strict=True):
        shutil.copy(Store(Path("outputs")).folder(key) / "edit.png", made / f"{case}.png")
    judged = ids.judge("mine", [*SHAPES, "limit=2"]).sort_values("id")
    assert list(judged["id"]) == list(stored["id"])
    for metric in ("psnr", "psnr_background", "ssim", "ssim_background", "psnr_truth"):
        assert judged[metric].to_list() == stored[metric].to_list()
    assert "latent_distance" not in judged


def test_folders_are_compared_case_by_case(in_process: InProcess, tmp_path: Path) -> None:
    save_all(tmp_path / "a", [0, 1, 2])
    save_all(tmp_path / "b", [0, 2], "jpg", truth=False)
    words = ["--out", "each.csv", "--write", "--wide", *SHAPES]
    status, out, err = in_process("judge", "a", "b", *words)
    assert status == 1, err  # an image is missing
    assert "paired differences, to a" in out or "against" in out
    assert "2, 1 missing" in out
    assert f"b: 1 image missing: {CASES[1].id}" in out
    assert "latent_distance: left out; images made elsewhere have no latents" in out
    lines = pd.read_csv("each.csv")
    assert lines["status"].value_counts().to_dict() == {"ok": 5, "missing": 1}
    means = lines[lines["label"] == "b"]["psnr"].mean()
    (table,) = (p for p in Path("outputs/tables").glob("*.json") if p.stem.count(".") == 0)
    row = json.loads(table.read_text())["grids"][0]["rows"][1]
    assert row["cells"]["psnr"]["value"] == pytest.approx(means)
    (card,) = json.loads(Path("each.card.json").read_text())
    assert card["edits"] == {"ok": 5, "missing": 1}
    assert card["metrics"]["psnr@2"]["values"]["defined"] <= 5
    assert (card["environments"]["edits"], card["seeds"]) == ({}, [])


def test_images_of_no_case_are_named(in_process: InProcess, tmp_path: Path) -> None:
    folder = save_all(tmp_path / "a", [0, 1, 2])
    to_pil(torch.zeros(3, 8, 8)).save(folder / "stray.PNG")
    (folder / "notes.txt").write_text("no image")
    below = folder / "more"
    below.mkdir()
    for number in range(10):
        shutil.copy(folder / "stray.PNG", below / f"{number}.png")
    status, out, err = in_process("judge", "a", *SHAPES)
    assert status == 0, err
    named = ", ".join(f"more/{number}.png" for number in range(10))
    assert f"a: 11 images of no selected case: {named} and 1 more" in " ".join(out.split())
    assert CASES[0].id not in out.partition("of no selected case")[2]


def test_the_frame_is_one_for_compare(tmp_path: Path) -> None:
    folders = [save_all(tmp_path / "a", [0, 1, 2]), save_all(tmp_path / "b", [0, 1, 2])]
    found = ids.compare(ids.judge(folders, SHAPES), baseline="a", columns=["ssim"])
    (difference,) = found[found["against"] == "a"].to_dict("records")
    assert (difference["method"], difference["value"], difference["n"]) == ("b", 0.0, 3)


def test_an_unusable_image_costs_itself(tmp_path: Path) -> None:
    folder = save_all(tmp_path / "a", [0, 1, 2])
    PIL.new("RGB", (SIDE, SIDE + 1)).save(folder / f"{CASES[0].id}.png")
    content = (folder / f"{CASES[1].id}.png").read_bytes()
    (folder / f"{CASES[1].id}.png").write_bytes(content[: len(content) // 2])
    found = ids.judge(folder, SHAPES).set_index("id")
    assert list(found["status"]) == ["failed", "failed", "ok"]
    wrong_size = str(found.loc[CASES[0].id, "reason"])
    assert f"expected {SIDE}x{SIDE} pixels, as its source" in wrong_size
    assert f"got {SIDE}x{SIDE + 1}" in wrong_size
    assert "expected a readable image file" in str(found.loc[CASES[1].id, "reason"])


@pytest.mark.parametrize(
    ("folders", "words", "error", "message"),
    [
        (["none"], SHAPES, ConfigError, "expected a folder of edited images; found none"),
        (["empty"], SHAPES, DataError, "expected images of 3 cases; none can be used"),
        (["a"], ["metrics=standard"], ConfigError, "expected a data set"),
        (["a"], [*SHAPES, "method=ids"], ConfigError, "no word about how edits are made"),
        (["a", "a"], SHAPES, ConfigError, "expected folders of different names"),
        (
            ["a"],
            [*SHAPES[:2], "metrics=standard", "dataset.size=32,64"],
            ConfigError,
            "got a sweep",
        ),
        (["a"], [*SHAPES[:3], "metrics=nonsense"], ConfigError, "metrics=nonsense"),
    ],
)
def test_what_cannot_be_judged_is_one_line(
    folders: list[str], words: list[str], error: type[Exception], message: str, tmp_path: Path
) -> None:
    save_all(tmp_path / "a", [0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message) as raised:
        ids.judge([tmp_path / name for name in folders], words)
    assert "\n" not in str(raised.value)


def test_metrics_of_latents_alone_are_refused(tmp_path: Path) -> None:
    words = ["~metrics." + name for name in ("psnr", "psnr_background", "ssim")]
    words += ["~metrics.ssim_background", "~metrics.psnr_truth"]
    with pytest.raises(ConfigError, match="images made elsewhere have no latents"):
        ids.judge(save_all(tmp_path / "a", [0]), [*SHAPES, *words])


@pytest.fixture
def photos(tmp_path: Path) -> Folder:
    """Two images of one name in two folders."""
    lines = ["id,image,source,target"]
    for name in ("one", "two"):
        (tmp_path / "data" / name).mkdir(parents=True)
        PIL.new("RGB", (8, 8)).save(tmp_path / "data" / name / "0.jpg")
        lines.append(f"{name},{name}/0.jpg,a cat,a dog")
    (tmp_path / "data" / "edits.csv").write_text("\n".join(lines))
    return Folder(str(tmp_path / "data"), 8)


def test_images_are_found_by_id_and_by_path(photos: Folder, tmp_path: Path) -> None:
    cases, made = [photos[0], photos[1]], tmp_path / "made"
    (made / "one").mkdir(parents=True)
    for name in ("one/0.png", "two.webp"):
        PIL.new("RGB", (8, 8)).save(made / name)
    found = images_of_cases(made, cases, photos.place)
    assert found == {"one": made / "one/0.png", "two": made / "two.webp"}
    PIL.new("RGB", (8, 8)).save(made / "one.png")
    assert images_of_cases(made, cases, photos.place)["one"] == made / "one.png"


def test_a_file_is_never_that_of_two_cases(photos: Folder, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    PIL.new("RGB", (8, 8)).save(tmp_path / "made" / "0.png")
    with pytest.raises(DataError, match=r"expected an image of one case; got one of one and two"):
        images_of_cases(tmp_path / "made", [photos[0], photos[1]], photos.place)


def test_of_a_strip_the_last_square_is_taken(tmp_path: Path) -> None:
    strip = PIL.new("RGB", (3 * SIDE, SIDE))
    strip.paste((255, 0, 0), (2 * SIDE, 0, 3 * SIDE, SIDE))
    strip.save(tmp_path / "strip.png")
    image = read_external(tmp_path / "strip.png", (SIDE, SIDE))
    assert image.flatten(1).mean(1).tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(DataError, match=f"expected {SIDE}x16 pixels"):
        read_external(tmp_path / "strip.png", (SIDE, 16))  # a source that is no square


def test_no_image_stays_in_memory(tmp_path: Path) -> None:
    folder = save_all(tmp_path / "mine", [0, 1, 2])
    (opened,) = open_folders([folder], CASES, "")
    metrics = {"psnr@2": PSNR()}
    judged = judge_folders([opened], CASES, metrics, Networks())
    assert [image.case for image in judged] == CASES
    assert all(image.case is case for image, case in zip(judged, CASES, strict=True))
    assert all(image.values["psnr@2"].value is not None for image in judged)
