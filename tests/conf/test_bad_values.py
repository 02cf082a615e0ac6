"""Values that an option cannot take: one line with what was expected."""

import pytest
from conftest import Compose

from ids.config.build import build_experiment
from ids.config.entry import prepare_composed
from ids.core.errors import ConfigError

CDS = "method.distillation"
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
    "method.n_steps={a:1}": "method.n_steps: expected int; got {'a': 1}",
    "method.n_steps=[3]": "method.n_steps: expected int; got [3]",
    "method.n_steps=": "method.n_steps: expected int; got ''",
    "dataset.split=[dev]": "dataset.split: expected str; got ['dev']",
    "dataset.size=0": "dataset.size: expected a side of 1 to 8192 pixels; got 0",
    "dataset.count=1000000000": "dataset.count: expected 1 to 100000; got 1000000000",
    "dataset.edits=[colour,3]": "dataset.edits: expected",
    "++method.n_steps.a=1": "method.n_steps: expected int; got {'a': 1}",
    "engine.threads=100000": "engine.threads: expected at most 1024; got 100000",
    "engine.batch_size=1e9": "engine.batch_size: expected int or auto; got 1000000000.0",
    "engine.device=meta": "engine.device: expected auto, cpu, cuda or cuda:N; got 'meta'",
    "engine.device=tpu": "engine.device: expected auto, cpu, cuda or cuda:N; got 'tpu'",
    "engine.device=cuda:99": "engine.device: expected a device of this machine; got 'cuda:99'",
    "keep_every=-1": "keep_every: expected 0",
    "method.optimizer.lr=-1": "method.optimizer.lr: expected a number above 0; got -1",
    "method.optimizer.lr=0": "method.optimizer.lr: expected a number above 0; got 0",
    "method.optimizer.lr=fast": "method.optimizer.lr: expected a number above 0; got 'fast'",
    "+method.optimizer.momentum=-1": "method.optimizer: Invalid momentum value: -1",
    "method.optimizer._target_=torch.optim.LBFGS": "method.optimizer: LBFGS.step() missing",
    "method.distillation._target_=ids.methods.FPR": "method.distillation: expected Distillation",
    "method={_target_:ids.methods.DDS}": "method",
    "+metrics.m={_target_:ids.metrics.Clip,model:shapes,checkpoint:null}": "metrics.m._target_: "
    "expected Metric; got Clip",
}
SCENES = "representation=nerf", "dataset=scene_shapes"
RATES = "representation.editing.rates"
OPTIONS = {
    (*SCENES, f"{RATES}={{dens:0.1}}"): f"{RATES}: expected names that it has; got a new one; "
    f"++{RATES}=... adds it",
    (*SCENES, f"++{RATES}={{dens:0.1}}"): f"{RATES}: expected names of density, colour; got dens",
    ("method=pds", "method.distillation.beta=other"): "method.distillation.beta: expected one of "
    "single_step, strided; got 'other'; change the value",
    ("method=ids_and_back", "method.via=air"): "method.via: expected one of latent, image; got",
    ("method=sdedit", "method.n_steps=a"): "method.n_steps: expected int; got 'a'",
    ("method=reconstruction", "inversion.prompt=3"): "inversion.prompt: expected one of source, "
    "empty; got 3",
}


@pytest.mark.parametrize(("words", "answer"), OPTIONS.items())
def test_options_of_a_field_are_named(
    compose: Compose, words: tuple[str, ...], answer: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        prepare_composed(compose(words), sweep=False)
    assert answer in str(raised.value)


@pytest.mark.parametrize(("word", "answer"), BAD_CDS.items())
def test_bad_values_of_a_sum(compose: Compose, word: str, answer: str) -> None:
    (setting,) = compose(["method=cds", f"{CDS}.{word}"])
    with pytest.raises(ConfigError) as raised:
        build_experiment(setting)
    assert answer in str(raised.value)


@pytest.mark.parametrize(("word", "answer"), BAD_VALUES.items())
def test_bad_values(compose: Compose, word: str, answer: str) -> None:
    with pytest.raises(ConfigError) as raised:
        prepare_composed(compose([word]), sweep=False)
    assert answer in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_optimizer_with_further_options_is_accepted(compose: Compose) -> None:
    words = ["method.optimizer._target_=torch.optim.Adam", "+method.optimizer.betas=[0.5,0.9]"]
    (setting,) = compose(words)
    build_experiment(setting)
