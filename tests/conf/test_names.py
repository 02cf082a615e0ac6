"""One edit, one name."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from ids.config import names, paths
from ids.config.names import name_of


@pytest.mark.parametrize(
    ("method", "fpr", "name"),
    [
        ("sds", "none", "sds"),
        ("sds", "released", "sds+released"),
        ("dds", "none", "dds"),
        ("dds", "released", "ids"),
        ("ids", "released", "ids"),
        ("ids", "none", "dds"),
        ("ids", "polyak", "ids+polyak"),
        ("dds", "polyak", "ids+polyak"),
        ("cds", "released", "ids_cut"),
        ("cds", "squared", "ids_cut+squared"),
        ("ids_cut", "none", "cds"),
        ("pds", "noise", "pds+noise"),
        ("dds_and_back", "none", "dds_and_back"),
        ("dds_and_back", "released", "ids_and_back"),
        ("ids_and_back", "polyak", "ids_and_back+polyak"),
        ("null_edit", "none", "null_edit"),
        ("true_edit", "polyak", "true_edit"),
    ],
)
def test_a_method_on_refined_noise_has_one_name(method: str, fpr: str, name: str) -> None:
    assert name_of(method, fpr) == name


@pytest.mark.parametrize(
    ("method", "inversion", "name"),
    [
        ("p2p", "ddim_from_0", "p2p"),
        ("p2p", "null_text", "p2p+null_text"),
        ("pnp", "ddim", "pnp"),
        ("reconstruction", "null_text", "reconstruction+null_text"),
        ("sdedit", "null_text", "sdedit"),
        ("dds", "null_text", "dds"),
    ],
)
def test_another_inversion_is_in_the_name(method: str, inversion: str, name: str) -> None:
    assert name_of(method, "none", inversion) == name


def test_a_new_yaml_renames_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that inherits, nor one that says the same as a word that is there."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    added = {
        "a_dds": "defaults:\n  - dds\n  - override /fpr@_global_.fpr: squared\n",
        "my_ids": "defaults: [ids, _self_]\nn_steps: 50\n",
        "adam": "defaults: [dds, _self_]\noptimizer: {_target_: torch.optim.Adam}\n",
    }
    for name, text in added.items():
        (tmp_path / "conf" / "method" / f"{name}.yaml").write_text(text)
    monkeypatch.setattr(names, "config_home", lambda: tmp_path)
    monkeypatch.setattr(paths, "config_home", lambda: tmp_path)
    names._yaml.cache_clear()
    told = [name_of(m, f) for m, f in (("ids", "released"), ("dds", "none"), ("dds", "polyak"))]
    assert told == ["ids", "dds", "ids+polyak"]
    assert [name_of("my_ids", fpr) for fpr in ("released", "none")] == ["my_ids", "my_ids+none"]
    assert [name_of("adam", fpr) for fpr in ("released", "none")] == ["adam+released", "adam"]
    assert name_of("ids", "squared") == "a_dds"
    names._yaml.cache_clear()
