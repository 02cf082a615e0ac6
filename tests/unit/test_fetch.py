"""Weights fetched from a server on this machine: whole files of the right digest, or none."""

import hashlib
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import Site, serving

from ids.core.errors import ConfigError, WeightsError
from ids.core.needed import NeededFile, needed_file
from ids.doctor import fetch as fetching
from ids.doctor.fetch import download, fetch, plan, remote_size
from ids.doctor.presets import examine_files

CONTENT = bytes(range(256)) * 40_000  # ten megabytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({"/weights.pth": CONTENT}) as found:
        yield found


def test_a_file_is_fetched_to_its_place(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "new" / "weights.pth"
    download(f"{site.url}/weights.pth", target, SHA256[:8])
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["weights.pth"]


def test_a_wrong_digest_leaves_nothing(site: Site, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"expected a file of SHA-256 abcd; got {SHA256[:4]}"):
        download(f"{site.url}/weights.pth", tmp_path / "w", "abcd")
    assert list(tmp_path.iterdir()) == []


def test_a_cut_connection_is_continued(site: Site, tmp_path: Path) -> None:
    site.cut = 1_000_000
    with pytest.raises(WeightsError, match="broke off after 1000000; run the command again"):
        download(f"{site.url}/weights.pth", tmp_path / "w", SHA256)
    assert not (tmp_path / "w").exists()
    download(f"{site.url}/weights.pth", tmp_path / "w", SHA256)
    assert site.requests[-1][2] == "bytes=1000000-"
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    (tmp_path / "w.partial").write_bytes(b"other")
    download(f"{site.url}/weights.pth", tmp_path / "w", SHA256)
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_complete_part_that_was_not_renamed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "w.partial").write_bytes(CONTENT)
    download(f"{site.url}/weights.pth", tmp_path / "w", SHA256)
    assert (tmp_path / "w").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{site}/none.pth", "the server answers 404"),
        ("http://127.0.0.1:1/w", "run this on a machine with internet"),
        ("http://example.invalid/w", "expected an https address; got http"),
        ("file:///etc/passwd", "expected an https address; got file"),
        ("{site}/moved", "expected an https address; got http|expected an answer"),
    ],
)
def test_errors_are_one_line(site: Site, tmp_path: Path, url: str, message: str) -> None:
    site.moved["/moved"] = "ftp://127.0.0.2/w"
    with pytest.raises(WeightsError, match=message) as raised:
        download(url.format(site=site.url), tmp_path / "w", "")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "w").exists()


def test_the_size_at_its_address(site: Site, tmp_path: Path) -> None:
    def of(url: str) -> str:
        return remote_size(NeededFile("w", str(tmp_path / "w"), None, url=url))

    assert of(f"{site.url}/weights.pth") == "10.2 MB"
    assert of(f"{site.url}/none.pth") == of("") == "size unknown"


def test_a_file_without_an_address(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected an address to fetch it; got none; ask Ann"):
        fetch(NeededFile("w", str(tmp_path / "w"), None, "ask Ann"))


def test_presets_and_words() -> None:
    def parts(*presets: str) -> set[str]:
        return {one.part.split(".")[0] for one in plan(presets)}

    assert parts("sd15") == {"backbone"}
    assert parts("metrics=paper") == {"metrics"}
    assert parts("paper", "sd15") == {"metrics", "backbone"}
    assert not any(one.wanted for one in plan(["shapes"]))
    with pytest.raises(ConfigError, match=r"papr: expected a preset .*; did you mean paper"):
        plan(["papr"])


def script(*words: str) -> int:
    """`python scripts/fetch_weights.py`, in this process."""
    path = Path(__file__).parents[2] / "scripts" / "fetch_weights.py"
    return int(runpy.run_path(str(path))["main"](list(words)))


def test_the_script(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place, url = tmp_path / "w.pth", f"{site.url}/weights.pth"

    def files(*_: object) -> list[tuple[str, NeededFile]]:
        return [("metrics.lpips", needed_file("network", place, "", url, SHA256[:8]))]

    monkeypatch.setattr(fetching, "needed_files", files)
    assert script("paper", "--dry-run") == 0
    assert f"from {url}, to {place} (10.2 MB)" in capsys.readouterr().out
    assert not place.exists()
    assert script("paper") == 0
    assert place.read_bytes() == CONTENT
    requests = len(site.requests)
    assert script("paper") == 0
    assert len(site.requests) == requests  # nothing is fetched twice
    place.write_bytes(b"damaged")
    assert script("paper") == 0
    assert place.read_bytes() == CONTENT
    place.unlink()
    site.files.clear()
    capsys.readouterr()
    assert script("paper") == 1
    assert "FAILED network" in capsys.readouterr().out
    assert script("nonsense") == 2


def test_another_machine_gets_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("TORCH_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, "elsewhere")
    assert script("metrics=standard", "--to", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert f"export TORCH_HOME={tmp_path}/torch" in printed
    assert f"export HF_HUB_CACHE={tmp_path}/huggingface" in printed
    (planned,) = plan(["metrics=standard", "+metric=lpips"])
    assert planned.file.place.startswith(f"{tmp_path}/torch/hub/checkpoints/")


def test_the_doctor_verifies_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "w.pth"
    place.write_bytes(CONTENT)
    wanted = SHA256[:8]

    def files(*_: object) -> list[tuple[str, NeededFile]]:
        return [("metrics.m", needed_file("network", place, "again", "https://x/w.pth", wanted))]

    monkeypatch.setattr("ids.doctor.presets.needed_files", files)
    assert examine_files(["metrics=paper"]) == 0
    assert "(10.2 MB, digest verified)" in capsys.readouterr().out
    place.write_bytes(b"damaged")
    assert examine_files(["metrics=paper", "backbone=sd15"]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("DAMAGED  metrics.m: network")
    assert "python scripts/fetch_weights.py metrics=paper backbone=sd15" in printed
    assert printed.splitlines()[-1] == "all files are found; damaged: 1"
