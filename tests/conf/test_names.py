"""One edit has one name in tables, whichever words chose it."""

from pathlib import Path

import pytest
from conftest import Compose

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.config.naming import method_name
from ids.config.sources import find_sources
from ids.core.errors import ConfigError

METHODS = {  # the fields that decide the name of a method
    "dds": {"fpr": {}},
    "dds_and_back": {"editor": {"fpr": {}}},
    "null_edit": {},
    "p2p": {"inversion": {}},
}
SDEDIT_MASKED = "sdedit+displacement_mask"  # it has no guidance along steps
BROUGHT = {"p2p": "ddim_from_0", "ids": "released", "my_ids": "released"}


def name_of(method: str, fpr: str = "none", inversion: str = "ddim") -> str:
    parts = METHODS.get(method, METHODS["dds"])
    names = {"method": method, "fpr": fpr, "inversion": inversion}
    names |= {"guidance": "constant", "finish": "none"}
    default = BROUGHT.get(method, "none")
    return method_name(parts, names, lambda: names | {"fpr": default, "inversion": default})


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
        ("null_edit", "polyak", "null_edit"),
        ("my_ids", "released", "my_ids"),
        ("my_ids", "none", "my_ids+none"),
    ],
)
def test_a_method_on_refined_noise_has_one_name(method: str, fpr: str, name: str) -> None:
    assert name_of(method, fpr) == name


@pytest.mark.parametrize(
    ("method", "inversion", "name"),
    [
        ("p2p", "ddim_from_0", "p2p"),
        ("p2p", "null_text", "p2p+null_text"),
        ("null_edit", "null_text", "null_edit"),
    ],
)
def test_another_inversion_is_in_the_name(method: str, inversion: str, name: str) -> None:
    assert name_of(method, inversion=inversion) == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["method=sds"], "sds"),
        (["method=pds", "fpr=released"], "pds+released"),
        (["method=ids", "fpr=none"], "dds"),
        (["method=dds_and_back", "fpr=released"], "ids_and_back"),
        (["method=pnp", "inversion=null_text"], "pnp+null_text"),
        (["method=sdedit", "inversion=null_text"], "sdedit"),
        (["method=true_edit", "fpr=polyak"], "true_edit"),
        (["method=dds", "guidance=settle"], "dds+settle"),
        (["method=ids", "guidance=linear", "finish=gradient_mask"], "ids+linear+gradient_mask"),
        (["method=sdedit", "guidance=settle", "finish=displacement_mask"], SDEDIT_MASKED),
        (["method=dds", "guidance=settle", "finish=displacement_mask"], "dds_settled_masked"),
        (["method=dds_settled_masked"], "dds_settled_masked"),
        (["method=dds_settled_masked", "finish=none"], "dds+settle"),
        (["method=dds_settled_masked", "guidance=constant"], "dds+displacement_mask"),
        (["method=dds_settled_masked", "fpr=released"], "ids+settle+displacement_mask"),
    ],
)
def test_names_of_composed_settings(compose: Compose, words: list[str], name: str) -> None:
    (setting,) = compose(words)
    assert setting.name == name


def test_names_are_in_no_key(compose: Compose) -> None:
    (setting,) = compose(["method=ids_and_back"])
    assert setting.values["method"]["editor"]["name"] == "ids"
    experiment = build_experiment(setting)
    assert "name" not in str(experiment.method.method)


MINE = {
    "method/my_ids.yaml": "defaults: [ids, _self_]\nname: my_ids\nn_steps: 50\n",
    "method/adam.yaml": "defaults: [dds, _self_]\nname: dds+adam\n"
    "optimizer: {_target_: torch.optim.Adam}\n",
    "method/nameless.yaml": "defaults: [dds, _self_]\n",
    "method/taken.yaml": "defaults: [dds, _self_]\nname: ids\n",
    "method/odd.yaml": "defaults: [dds, _self_]\nname: [a]\n",
    "fpr/mine.yaml": "defaults: [released, _self_]\nname: mine\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name, text in MINE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return str(tmp_path)


def composed_name(folder: str, *words: str) -> str:
    (setting,) = compose_all(words, find_sources([folder]))
    return setting.name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["method=my_ids"], "my_ids"),
        (["method=my_ids", "fpr=none"], "my_ids+none"),
        (["method=adam"], "dds+adam"),
        (["method=dds", "fpr=mine"], "ids+mine"),
        (["method=sds", "fpr=mine"], "sds+mine"),
        (["method=dds", "fpr=released"], "ids"),
    ],
)
def test_yamls_of_a_folder_have_names_of_their_own(
    folder: str, words: list[str], name: str
) -> None:
    assert composed_name(folder, *words) == name


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["method=nameless"], "nameless.yaml: name: expected what tables call it; got none; add"),
        (
            ["method=taken"],
            "taken.yaml: name: expected a name that no other option has; ids is one",
        ),
        (["method=odd"], "odd.yaml: name: expected letters"),
        (["method.name=mine"], "method.name: expected ids, as ids.yaml has it; got 'mine'"),
        (["fpr.name=none"], "fpr.name: expected released, as released.yaml has it"),
    ],
)
def test_a_name_belongs_to_one_yaml(folder: str, words: list[str], answer: str) -> None:
    with pytest.raises(ConfigError) as raised:
        composed_name(folder, *words)
    assert answer in str(raised.value)
