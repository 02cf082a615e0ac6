"""Settings that share what no value affects have the values that Hydra itself composes."""

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ids.config.compose import compose_sweep
from ids.config.setting import Composed
from ids.config.sources import find_sources

SWEEPS = (
    ("method=dds", "method.optimizer.lr=0.1,0.2", "limit=3"),
    ("method=p2p", "inversion=ddim,ddim_from_0", "inversion.prompt=empty"),
    ("backbone=gaussian", "backbone.image_size=32,64", "method=ids"),
    ("method.n_steps=2", "method.negative_prompt=null,'$a','?'"),
    ("backbone.fpr_scale=0.1,0.3", "output_dir=a"),
    ("metrics=shapes", "clip.model=shapes", "seeds=[0],[0,1]", "~metrics.psnr"),
)


def test_the_values_of_a_sweep_are_those_that_hydra_composes() -> None:
    for words in SWEEPS:
        for setting in compose_sweep(words).settings:
            assert isinstance(setting, Composed), setting
            expected = _by_hydra(setting.words)
            assert setting.values == expected
            assert list(setting.values) == list(expected)  # as `--show` prints them


def test_a_changed_value_reaches_every_key_that_refers_to_it() -> None:
    words = ("output_dir=a,b", "backbone.image_size=32")
    first, second = compose_sweep(words).settings
    assert isinstance(first, Composed)
    assert isinstance(second, Composed)
    assert first.values["logger"]["jsonl"]["folder"] == "a/logs"
    assert second.values["logger"]["jsonl"]["folder"] == "b/logs"
    assert first.values["dataset"]["size"] == 32


def test_settings_share_what_no_value_affects() -> None:
    first, second = compose_sweep(("method.n_steps=1,2",)).settings
    assert isinstance(first, Composed)
    assert isinstance(second, Composed)
    assert first.values["metrics"] is second.values["metrics"]
    assert first.values["method"] != second.values["method"]


def _by_hydra(words: Sequence[str]) -> dict[str, object]:
    with initialize_config_dir(str(find_sources().root), version_base="1.3"):
        config = compose("config", [*words, find_sources().search_path])
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}
