"""Files of the model hub, from a server on this machine that answers as the hub does."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import COMMIT, Site, serving

from ids.core.errors import WeightsError
from ids.core.needed import needed_file
from ids.doctor.hub import fetch_hub, hub_size, split
from ids.doctor.presets import is_damaged

CONTENT = bytes(range(250)) * 4
FILES = {"config.json": b"{}", "model.safetensors": CONTENT, "model.bin": b"pickle"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The server as a model hub, and an empty cache."""
    info = {"id": "me/model", "sha": COMMIT, "siblings": [{"rfilename": n} for n in FILES]}
    tree = [{"type": "file", "path": n, "size": len(c), "oid": "0" * 40} for n, c in FILES.items()]
    api = "/api/models/me/model"
    answers = {f"{api}/revision/main": json.dumps(info).encode()}
    answers[f"{api}/tree/{COMMIT}?recursive=true&expand=false"] = json.dumps(tree).encode()
    for name, content in FILES.items():
        for revision in ("main", COMMIT):
            answers[f"/me/model/resolve/{revision}/{name}"] = content
    with serving(answers) as site:
        _point_client_at(site.url, tmp_path / "hub", monkeypatch)
        yield site


def _point_client_at(url: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", url, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))


def test_a_file_of_the_hub(hub: Site, tmp_path: Path) -> None:
    fetch_hub("hf://me/model/model.safetensors")
    (found,) = (tmp_path / "hub").rglob("snapshots/*/model.safetensors")
    assert found.read_bytes() == CONTENT
    needed = needed_file("w", found)
    assert needed.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert not is_damaged(needed)
    found.resolve().write_bytes(b"damaged")
    assert is_damaged(needed_file("w", found))


def test_a_wrong_digest_of_the_hub_is_removed(hub: Site, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected content of SHA-256 abcd"):
        fetch_hub("hf://me/model/model.safetensors", "abcd")
    assert list((tmp_path / "hub").rglob("snapshots/*/model.safetensors")) == []


def test_a_repository_without_its_pickles(hub: Site, tmp_path: Path) -> None:
    assert hub_size("hf://me/model") == 1002
    fetch_hub("hf://me/model")
    found = {path.name for path in (tmp_path / "hub").rglob("snapshots/*/*")}
    assert found == {"config.json", "model.safetensors"}


def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="check the connection, HF_HUB_OFFLINE") as raised:
        fetch_hub("hf://me/model/none.safetensors")
    assert "\n" not in str(raised.value)


def test_addresses_of_the_hub() -> None:
    assert split("hf://me/model") == ("me/model", "")
    assert split("hf://me/model/unet/x.safetensors") == ("me/model", "unet/x.safetensors")
