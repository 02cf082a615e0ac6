"""The image file of `ids edit`, and its prompts byte for byte."""

import json
import os
from pathlib import Path

import pytest
from conftest import Ids
from PIL import Image

from ids.core.errors import ConfigError
from ids.report.output import check_out, default_out, write_image

EDIT = ("--backbone", "gaussian", "--method", "dds", "method.n_steps=2", "metrics=standard")
EDIT += ("logger=files", "controls=none")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    folder = tmp_path / "my photos"
    folder.mkdir()
    Image.effect_noise((48, 30), 90).convert("RGB").save(folder / "a $1 ü.jpg")
    return folder / "a $1 ü.jpg"


def test_the_result_stands_beside_the_photo_at_its_size(ids: Ids, photo: Path) -> None:
    """Two targets are two files; the same command again is the same file."""
    for target in ("a dog", "a pig", "a dog"):
        done = ids("edit", str(photo), "--source", "a cat", "--target", target, *EDIT)
        assert done.returncode == 0, done.stderr
    images = sorted(photo.parent.glob("*.png"))
    assert [path.name.rpartition("-")[0] for path in images] == [
        "a $1 ü.dds.a-dog",
        "a $1 ü.dds.a-pig",
    ]
    assert {Image.open(path).size for path in images} == {(48, 30)}
    assert f"edited image: {images[0]}" in done.stdout
    assert not list(ids.folder.glob("*.png"))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("the dog's \\o/ hands", "a sign '${seeds}'"),
        ("${oc.env:HOME}", 'a "quoted" \\${limit} \\'),
        ("a, b: [c] {d}", "???"),
    ],
)
def test_words_are_stored_as_they_were_typed(
    ids: Ids, photo: Path, source: str, target: str
) -> None:
    done = ids("edit", str(photo), "--source", source, "--target", target, *EDIT)
    assert done.returncode == 0, done.stderr
    (job,) = ids.results()
    stored = json.loads(job.read_text())
    assert (stored["prompt_src"], stored["prompt_trg"]) == (source, target)


def test_endings_are_honoured(tmp_path: Path) -> None:
    image = Image.effect_noise((40, 40), 90).convert("RGB")
    for name, kind in {"a.png": "PNG", "b.JPG": "JPEG", "c.jpeg": "JPEG", "d.webp": "WEBP"}.items():
        write_image(image, tmp_path / "new" / name)
        assert Image.open(tmp_path / "new" / name).format == kind
    for name in ("a.png", "d.webp"):
        assert Image.open(tmp_path / "new" / name).convert("RGB").tobytes() == image.tobytes()
    assert len(list((tmp_path / "new").iterdir())) == 4
    assert (tmp_path / "new" / "a.png").stat().st_mode & 0o777 == 0o666 & ~_umask()


@pytest.mark.parametrize(
    ("out", "answer"),
    [
        ("", "expected a file; got nothing"),
        ("folder", "expected a file; got a folder"),
        ("new/", "expected a file; got a folder"),
        ("photo.png", "expected another file than"),
        ("hard.png", "expected another file than"),
        ("photo.png/x.png", "got the file"),
        ("link.png", "got a symbolic link"),
        ("dangling.png", "got a symbolic link"),
        ("pipe.png", "got another kind"),
        ("x.gif", "expected one of the endings .png, .webp, .jpg, .jpeg; got .gif"),
        ("x", "expected one of the endings"),
        ("a" * 300 + ".png", "expected a shorter name"),
        ("/proc/x.png", "expected a writable folder; got /proc ("),
    ],
)
def test_places_where_it_cannot_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, answer: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("photo.png")
    os.link("photo.png", "hard.png")
    Path("folder").mkdir()
    Path("link.png").symlink_to("photo.png")
    Path("dangling.png").symlink_to("nowhere.png")
    os.mkfifo("pipe.png")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError) as raised:
        check_out(out, ["photo.png"])
    assert answer in str(raised.value)
    assert "\n" not in str(raised.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bad_output_file_is_refused_before_the_edit(ids: Ids, photo: Path) -> None:
    words = ("--source", "a cat", "--target", "a dog", *EDIT)
    done = ids("edit", str(photo), *words, "--out", "x.bmp")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not ids.results()


def test_a_link_in_place_of_the_output_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out.png").symlink_to(victim)
    with pytest.raises(ConfigError, match="got a symbolic link"):
        write_image(Image.new("RGB", (8, 8)), tmp_path / "out.png")
    assert victim.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"victim", "out.png"}


def test_names_stay_within_the_limits_of_file_systems() -> None:
    long = default_out(f"/x/{'ü' * 120}.png", "ids", "ein Bär 🐻 " * 40, "ab12cd34")
    assert len(os.fsencode(long.name)) <= 200
    assert long.name.endswith("-ab12cd.png")
    assert default_out("a.b.png", "ids", "../../etc", "0" * 32).name == "a.b.ids.etc-000000.png"
    assert default_out("a.png", "ids", "\x1b[31m", "f" * 32).name == "a.ids.31m-ffffff.png"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ((), "--backbone: expected a choice for a photo"),
        (("--backbone", "gaussian", "--method", "dds,ids"), "expected one edit; got a sweep"),
        (("--backbone", "gaussian", "dataset.prompt_src=x"), "give it as --source"),
        (("--backbone", "gaussian", "method=dds"), "method: given twice"),
        (("--backbone", "../shapes"), "backbone: expected the name of an option"),
        (("--backbone", "gaussian", "method.negative_prompt=${oc.env:HOME}"), "interpolation"),
    ],
)
def test_options_that_a_single_edit_refuses(
    ids: Ids, photo: Path, words: tuple[str, ...], answer: str
) -> None:
    done = ids("edit", str(photo), "--source", "a cat", "--target", "a dog", *words)
    assert done.returncode == 2
    assert answer in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (ids.folder / "outputs").exists()


def test_an_empty_mask_name_is_an_error(ids: Ids, photo: Path) -> None:
    done = ids("edit", str(photo), "--source", "a cat", "--target", "a dog", *EDIT, "--mask", "")
    assert done.returncode == 1
    assert done.stderr == (
        "ids: DataError: '': expected an image file; none found; check the path\n"
    )


def test_a_scene_of_the_embedded_world_needs_no_backbone(ids: Ids) -> None:
    Image.new("RGB", (64, 64), "red").save(ids.folder / "scene.png")
    words = ("--source", "a plain red circle", "--target", "a plain blue circle", "--method", "dds")
    done = ids("edit", "scene.png", *words, "method.n_steps=1", "logger=files", "controls=none")
    assert done.returncode == 0, done.stderr
    (job,) = ids.results()
    assert json.loads(job.read_text())["backbone_name"] == "shapes"
    photo = ("--source", "a cat", "--target", "a plain blue circle")
    assert "--backbone" in ids("edit", "scene.png", *photo).stderr


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
