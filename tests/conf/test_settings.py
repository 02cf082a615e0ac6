"""The settings of a sweep: composed once, checked before any starts, refused one by one."""

import pytest
from conftest import Compose

from ids.config import options
from ids.config.compose import compose_all
from ids.config.entry import prepare
from ids.core.errors import ConfigError


def test_a_bad_setting_is_refused_and_the_others_run() -> None:
    prepared = prepare(["method=dds,idz", "method.n_steps=2,0"])
    assert [setting.words for setting, _ in prepared.ready] == [("method=dds", "method.n_steps=2")]
    lines = [str(refused.error) for refused in prepared.refused]
    assert [line.partition(":")[0] for line in lines] == [
        "method=idz",
        "method=idz",
        "method.n_steps",
    ]


def test_each_setting_is_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options once for each combination of them, single values not at all."""
    seen = []
    whole = options.compose
    monkeypatch.setattr(options, "compose", lambda *a, **k: seen.append(a) or whole(*a, **k))
    options._remembered.cache_clear()
    compose_all(["method=ids", "debug=fast"])
    assert len(seen) <= 2
    seen.clear()
    options._remembered.cache_clear()
    assert len(compose_all(["method=dds,ids", "fpr.scale=range(1,6)"])) == 10
    assert len(seen) == 2


def test_fixed_values_belong_to_the_swept_options(compose: Compose) -> None:
    words = ["method=cds,ids_cut", "method.distillation.weights.cut=2"]
    assert len(compose(words)) == 2


def test_settings_share_the_parts_they_configure_alike() -> None:
    (_, one), (_, two) = prepare(["method=dds,ids"]).ready
    assert all(a is b for a, b in zip(one.loggers, two.loggers, strict=True))
    assert one.dataset is two.dataset


def test_sweeps_are_checked_before_they_start(compose: Compose) -> None:
    with pytest.raises(ConfigError, match="no such choice"):
        compose(["method=dds,idz"])
    with pytest.raises(ConfigError, match="expected at most 2000 settings"):
        compose(["fpr.scale=range(1,1000)", "method.n_steps=range(1,1000)"])
    settings = compose(["method=sds,ids", "fpr.scale=0.3,1,3"])
    assert [s.choices["method"] for s in settings] == ["sds"] * 3 + ["ids"] * 3
    globbed = compose(["method=glob(p*,exclude=[pd*,po*])"])
    assert [s.choices["method"] for s in globbed] == ["p2p", "pnp"]
