"""A wrong word is answered with the nearest right one, before anything heavy is imported."""

import subprocess
import sys

import pytest

from ids.config.build import build_campaign
from ids.config.compose import compose_all
from ids.core.errors import ConfigError

WRONG = {
    "method.n_step=3": "method.n_step: no such option; did you mean n_steps?",
    "method=idz": "method=idz: no such choice; did you mean ids?",
    "metod=ids": "metod: no such option; did you mean method?",
    "fpr.lamda=1": "fpr.lamda: no such option; there is n_iters, scale",
    "dataset.cout=3": "dataset.cout: no such option; did you mean count?",
    "experiments=dmo": "experiments=dmo: no such choice; did you mean demo?",
    "+method.foo=3": "method.foo: no such option",
    "method.optimizer.momentun=0.9": "method.optimizer.momentun: no such option",
    "dataset=folder": "dataset.path: expected a value",
    "method=[dds": "no viable alternative at input '[dds'",
    "seeds=[a]": "seeds[0]: Value 'a'",
    "+foo=3": "foo: no such option",
    "method.n_steps.x=3": "there is none below its parent",
    "method.distillation.weights.cut=2": "weights.cut: no such option; there is none",
}
CDS = "method.distillation"
WRONG_TOGETHER = {  # the answer is about the options that were chosen, not about the default ones
    ("method=cds", f"{CDS}.weights.cutt=2"): "did you mean cut?",
    ("method=cds", f"{CDS}.weights.cut=nan"): "weights.cut: expected a number; got nan",
    ("method=ids", "fpr.scale=nan"): "fpr.scale: expected a number; got nan",
    ("fpr=polyak", "fpr.scale=0.1"): "fpr.scale: no such option; there is n_iters, rho",
    ("fpr=released,polyak", "fpr.scale=0.1"): "there is n_iters, rho",
    ("method=dds,null_edit", "method.n_steps=3"): "method.n_steps: no such option",
}
BAD_CDS = {
    "weights.cut=abc": "weights.cut: expected a finite number; got 'abc'",
    "weights.cut=null": "weights.cut: expected a finite number; got None",
    "weights.cut=true": "weights.cut: expected a finite number; got True",
    "weights.cut=[1]": "weights.cut: expected a finite number; got [1]",
    "terms.cut.patch_sizes=[1,2.5]": "patch_sizes",
    "terms.cut.patch_sizes=[1,1]": "patch_sizes: expected different whole numbers",
    "terms.cut.n_patches=1": "n_patches: expected 2 or more; got 1",
    "terms.cut.temperature=0.0": "temperature: expected more than 0; got 0.0",
}
BAD_VALUES = {
    "method.n_steps=many": "method.n_steps: expected int; got 'many'",
    "method.n_steps=0": "method.n_steps: expected 1 or more; got 0",
    "fpr.n_iters=-1": "fpr.n_iters (N): expected 0 or more; got -1",
    "fpr.scale=big": "expected float; got 'big'",
    "method.timesteps.low=949": "expected 1 <= stride <= low < high",
    "backbone.precision=fp8": "backbone.precision: expected one of fp32, fp16, bf16; got 'fp8'",
    "dataset.split=validation": "dataset.split: expected one of train, dev, test; got 'validation'",
    "dataset.edits=[size]": "dataset.edits",
    "engine.batch_size=0": "engine.batch_size: expected 1 or more; got 0",
    "logger.wandb.mode=on-line": "logger.wandb.mode: expected one of auto",
}


@pytest.mark.parametrize(("word", "answer"), WRONG.items())
def test_wrong_keys_and_choices(word: str, answer: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose_all([word])
    assert answer in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("words", "answer"), WRONG_TOGETHER.items())
def test_keys_that_the_chosen_options_lack(words: tuple[str, ...], answer: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose_all(words)
    assert answer in str(raised.value)


@pytest.mark.parametrize(("word", "answer"), BAD_CDS.items())
def test_values_of_a_sum_that_cannot_be(word: str, answer: str) -> None:
    (setting,) = compose_all(["method=cds", f"{CDS}.{word}"])
    with pytest.raises(ConfigError) as raised:
        build_campaign(setting.choices, setting.values)
    assert answer in str(raised.value)


@pytest.mark.parametrize(("word", "answer"), BAD_VALUES.items())
def test_values_that_cannot_be(word: str, answer: str) -> None:
    (setting,) = compose_all([word])
    with pytest.raises(ConfigError) as raised:
        build_campaign(setting.choices, setting.values)
    assert answer in str(raised.value)


def test_sweeps_are_checked_before_they_start() -> None:
    with pytest.raises(ConfigError, match="no such choice"):
        compose_all(["method=sds,dds,idz"])
    settings = compose_all(["method=sds,ids", "fpr.scale=0.3,1,3"])
    assert [s.choices["method"] for s in settings] == ["sds"] * 3 + ["ids"] * 3
    globbed = compose_all(["method=glob(*,exclude=[_*])"])
    assert len(globbed) >= 5


def test_help_and_typing_errors_import_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from ids.config.compose import compose_all\n"
        "from ids.core.errors import ConfigError\n"
        "import ids.cli\n"
        "try: compose_all(['method.n_step=3'])\n"
        "except ConfigError: pass\n"
        "compose_all(['method=ids'])\n"
        "heavy = ('torch', 'diffusers', 'transformers', 'wandb', 'pandas')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
