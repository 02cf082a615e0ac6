"""Bad input: one clear line, a non-zero exit status, and no partial files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Ids
from PIL import Image
from safetensors.torch import load_file, save_file

EDIT = ("--backbone", "gaussian", "logger=files", "method.n_steps=2")
FOLDER = ("run", "debug=fast", "controls=none", "method=dds", "dataset=folder", "dataset.path=.")


def one_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("ids: ")]
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    return lines[0]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("none.png", "--source", "a", "--target", "b"), "none.png: expected an image file"),
        (("nan.tiff", "--source", "a", "--target", "b"), "nan.tiff: expected floating-point"),
        (("ok.png", "--source", "", "--target", "b"), "source prompt: expected a prompt"),
        (("ok.png", "--source", "a", "--target", "b", "--method", "idz"), "did you mean ids?"),
        (("ok.png", "--source", "a", "--target", "b", "nonsense"), "nonsense: expected group="),
        (("ok.png", "--source", "a", "--target", "b", "engine.device=cuda:7"), "engine.device"),
    ],
)
def test_one_line_and_nothing_written(ids: Ids, words: tuple[str, ...], answer: str) -> None:
    Image.new("RGB", (40, 40), "red").save(ids.folder / "ok.png")
    Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32)).save(ids.folder / "nan.tiff")
    done = ids("edit", *words, *EDIT)
    assert done.returncode in (1, 2)
    assert answer in one_line(done.stderr)
    assert not ids.results()
    assert not list(ids.folder.glob("*.ids.png"))


def test_a_case_with_unknown_blend_words_fails_alone(ids: Ids) -> None:
    Image.new("RGB", (64, 64), "red").save(ids.folder / "ok.png")
    table = "image,source,target,blend\n" + "".join(
        f"ok.png,a red circle,a blue square,{blend}\n"
        for blend in ("circle square", "", "cat square")
    )
    (ids.folder / "edits.csv").write_text(table)
    words = ("run", "controls=none", "metrics=standard", "logger=files", "inversion.n_steps=3")
    done = ids(*words, "method=p2p", "dataset=folder", "dataset.path=.")
    assert done.returncode == 1
    assert "word 'cat': expected one of the prompt 'a red circle'" in done.stdout
    assert "2, 1 failed" in done.stdout
    assert len(list(ids.folder.rglob("edit.png"))) == 2


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("method=reconstruction inversion=null_text", "method.guidance_scale: expected one that"),
        ("method=pnp inversion=null_text", "inversion: expected ddim for method=pnp"),
        (
            "method=pnp inversion.n_steps=45",
            "method.n_steps: expected timesteps that the inversion",
        ),
        (
            "method=sdedit method.n_steps=600",
            "n_steps: expected a grid that spans the 1000 timesteps",
        ),
        ("method=p2p sites=stable_diffusion", "method.blend.side: expected a share at which"),
        (
            "method=pnp sites=by_resolution method.negative_prompt=''",
            "sites: expected maps of the resolution in up_blocks.*.resnets.1",
        ),
        (
            "method=pnp sites=stable_diffusion method.negative_prompt=''",
            "'up_blocks.[23].attentions.*.attn1.to_[qk]' names no",
        ),
        ("method=p2p method.cross_share=[0.4,0.1]", "method.cross_share: expected a share, or two"),
        ("method=dds method.timesteps.high=5000", "timesteps.high: expected at most 1000, the"),
        ("method=p2p method.self_share=[0.8,0.2]", "method.self_share: expected a share, or two"),
    ],
)
def test_unsupported_baseline_settings_are_refused_in_one_line(
    ids: Ids, words: str, answer: str
) -> None:
    done = ids("run", *words.split(), "limit=1", "controls=none", "logger=files")
    assert done.returncode == 2
    assert answer in one_line(done.stderr)
    assert not ids.results()
    assert not list(ids.folder.glob("outputs/datasets/*"))


WRONG_ARGUMENTS = {
    ("table", "--matched", "--at", "high"): "ids table: argument --at: invalid float value: 'high'",
    ("table", "--engine", "../../etc"): "--engine: expected one with measurements",
    ("table", "--output-dir", "nowhere"): "--output-dir nowhere: expected a folder of results",
    ("table", "--output-dir", "a" * 300): "expected a folder of results; found none",
    ("table", "method=ids"): "ids table: unrecognized arguments: method=ids",
    ("status", "nowhere"): "nowhere; see `ids status --help`",
    ("results", "check", "--output-dir", "mine"): "--output-dir mine: expected a folder of",
    ("results", "rm", "--all", "--output-dir", "nowhere"): "expected a folder of results",
    ("results", "list", "--output-dir", "mine/x"): "expected a folder of results",
    ("results", "burn"): "invalid choice: 'burn'",
    ("results", "export", "/proc/x.csv"): "/proc/x.csv: expected a writable folder",
    ("results", "export", "a" * 300 + ".csv"): "expected a file; got File name too long",
    ("results", "export", "link.csv"): "link.csv: expected a file; got a symbolic link",
}


def test_wrong_arguments_of_store_commands_are_refused_in_one_line(ids: Ids) -> None:
    assert ids("run", "debug=fast", "controls=none", "method=dds").returncode == 0
    (ids.folder / "mine").write_text("mine")
    (ids.folder / "link.csv").symlink_to("mine")
    for words, answer in WRONG_ARGUMENTS.items():
        done = ids(*words)
        assert done.returncode == 2, words
        assert answer in one_line(done.stderr)
        assert done.stderr.count("\n") == 1
    assert (ids.folder / "mine").read_text() == "mine"


def test_an_unreadable_image_fails_alone(ids: Ids) -> None:
    Image.new("RGB", (40, 40), "red").save(ids.folder / "ok.png")
    (ids.folder / "broken.png").write_bytes(b"not an image")
    table = "image,source,target\nok.png,a,b\nbroken.png,a,b\n"
    (ids.folder / "edits.csv").write_text(table)
    done = ids(*FOLDER)
    assert done.returncode == 1
    assert "broken.png: expected an image" in done.stdout
    assert "1, 1 failed" in done.stdout
    assert len(list(ids.folder.rglob("edit.png"))) == 1


def test_odd_images_are_edited(ids: Ids) -> None:
    Image.new("RGBA", (30, 50), (255, 0, 0, 100)).save(ids.folder / "alpha.png")
    Image.new("CMYK", (30, 50)).save(ids.folder / "cmyk.jpg")
    Image.fromarray(np.full((9, 9), 30000, dtype=np.uint16)).save(ids.folder / "deep.png")
    rows = "".join(f"{name},a,b\n" for name in ("alpha.png", "cmyk.jpg", "deep.png"))
    (ids.folder / "edits.csv").write_text("image,source,target\n" + rows)
    assert ids(*FOLDER, "limit=null").returncode == 0
    assert len(ids.results()) == 3


def test_a_network_that_predicts_nan_fails_its_rows(ids: Ids, tiny_sd: Path) -> None:
    """Every row is reported and recorded, and no image is written. (Weights that hold NaN are
    refused before; these overflow.)
    """
    import shutil

    folder = ids.folder / "sd"
    shutil.copytree(tiny_sd, folder)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    overflowing = load_file(weights)
    overflowing["conv_in.weight"] = torch.full_like(overflowing["conv_in.weight"], 3e38)
    save_file(overflowing, weights, metadata={"format": "pt"})
    words = (
        "run",
        "method=dds",
        "method.n_steps=2",
        "backbone=stable_diffusion",
        "logger=files",
        "controls=none",
    )
    done = ids(*words, f"backbone.path={folder}", "backbone.image_size=64", "dataset.count=2")
    assert done.returncode == 1
    assert "NaN or infinity first in step 0" in done.stdout
    assert "0, 2 failed" in done.stdout
    assert not list(ids.folder.rglob("edit.png"))


def test_an_unsupported_cell_is_a_row_of_the_sweep(ids: Ids) -> None:
    Image.new("RGB", (40, 40), "red").save(ids.folder / "ok.png")
    (ids.folder / "edits.csv").write_text("image,source,target\nok.png,a,b\n")
    words = ("run", "-m", "debug=fast", "controls=none", "dataset=folder", "dataset.path=.")
    done = ids(*words, "method=null_edit,true_edit")
    assert done.returncode == 0, done.stderr
    assert "0, 1 unsupported" in done.stdout
