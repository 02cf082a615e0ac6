"""LPIPS: equal to the package, and refused without the right network under its heads."""

import hashlib
from pathlib import Path

import pytest
import torch
from conftest import Ids
from judging import Networks, backbone_file, number

from ids.core.errors import WeightsError
from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import LPIPS

CASE = Shapes()[0]
Z = torch.zeros(1, 2, 2)


def other(case: EditCase) -> Edited:
    assert case.truth is not None
    return Edited(case.truth.load(), Z, Z)


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_it_equals_the_package_called_directly(net: str, tmp_path: Path) -> None:
    file, direct = backbone_file(tmp_path, net)
    metric = LPIPS(net, str(file))
    edited = other(CASE)
    with torch.no_grad():
        pair = (edited.image.unsqueeze(0), CASE.source.load().unsqueeze(0))
        expected = float(direct(*pair, normalize=True))
    assert number(metric, CASE, edited) == pytest.approx(expected, rel=1e-6)
    assert number(metric, CASE, edited) > 0
    assert number(metric, CASE, Edited(CASE.source.load(), Z, Z)) == 0
    assert metric.name == f"lpips_{net}"
    assert metric.weights_id() == file.stem


def test_the_package_finds_the_same_file_where_torchvision_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lpips
    from torchvision.models import squeezenet1_1

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kept = tmp_path / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    kept.parent.mkdir(parents=True)
    torch.manual_seed(1)
    torch.save(squeezenet1_1().state_dict(), kept)
    with pytest.raises(WeightsError, match=r"expected .* to have the hash of its name, b8a52dc0"):
        _ = LPIPS("squeeze").weights_id()  # the package below takes it all the same
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()[:8]
    named = tmp_path / f"squeezenet1_1-{digest}.pth"
    named.write_bytes(kept.read_bytes())
    edited = other(CASE)
    direct = lpips.LPIPS(net="squeeze", verbose=False)
    with torch.no_grad():
        pair = (edited.image.unsqueeze(0), CASE.source.load().unsqueeze(0))
        expected = float(direct(*pair, normalize=True))
    assert number(LPIPS("squeeze", str(named)), CASE, edited) == pytest.approx(expected, rel=1e-6)


def test_missing_files_are_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"alexnet-owt-7be5be79\.pth; found no such file"):
        _ = LPIPS().weights_id()
    with pytest.raises(WeightsError, match=r"metrics\.NAME\.backbone="):
        _ = LPIPS("vgg", "/nowhere/vgg16-397923af.pth").weights_id()
    (tmp_path / "alexnet.pth").write_bytes(b"x")
    with pytest.raises(WeightsError, match="named by its hash"):
        _ = LPIPS("alex", str(tmp_path / "alexnet.pth")).weights_id()


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    file, _ = backbone_file(tmp_path, "squeeze")
    with pytest.raises(WeightsError, match="they do not fit"):
        LPIPS("alex", str(file)).load(Networks())
    torn = tmp_path / f"torn-{hashlib.sha256(b'x').hexdigest()[:8]}.pth"
    torn.write_bytes(b"x")
    with pytest.raises(WeightsError, match="they do not fit"):
        LPIPS("alex", str(torn)).load(Networks())


def test_nan_missing_and_extra_weights_are_refused(tmp_path: Path) -> None:
    file, _ = backbone_file(tmp_path, "squeeze")
    state = torch.load(file, weights_only=True)
    name = "features.3.squeeze.bias"
    for changed, message in (
        ({name: torch.full_like(state[name], torch.nan)}, "holds NaN"),
        ({name: None}, f"1 missing: {name}"),
        ({"features.99.weight": torch.zeros(1)}, r"1 extra: features\.99\.weight"),
        ({name: torch.zeros(2)}, rf"1 wrong-shaped: {name} \[2\] instead of"),
    ):
        torch.save({n: x for n, x in (state | changed).items() if x is not None}, tmp_path / "x")
        digest = hashlib.sha256((tmp_path / "x").read_bytes()).hexdigest()[:8]
        other = (tmp_path / "x").rename(tmp_path / f"squeeze-{digest}.pth")
        with pytest.raises(WeightsError, match=message):
            LPIPS("squeeze", str(other)).load(Networks())


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_the_smallest_image_it_is_defined_on(net: str, tmp_path: Path) -> None:
    _, direct = backbone_file(tmp_path, net)
    side = LPIPS(net).min_side
    with torch.no_grad():
        assert direct(*torch.rand(2, 1, 3, side, side), normalize=True).isfinite().all()
        with pytest.raises(RuntimeError, match="too small"):
            direct(*torch.rand(2, 1, 3, side - 1, 100), normalize=True)


def test_the_command_refuses_before_any_edit(ids: Ids) -> None:
    done = ids("run", "metrics=paper", "debug=fast", TORCH_HOME=str(ids.folder))
    assert done.returncode == 1
    assert "alexnet-owt-7be5be79.pth" in done.stderr
    assert done.stderr.count("\n") == 1
    assert ids.results() == []
