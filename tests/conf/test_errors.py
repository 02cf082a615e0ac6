"""Wrong keys and choices: one line with the nearest right one, before any heavy import."""

import subprocess
import sys

import pytest
from conftest import Compose

from ids.config.build import build_experiment
from ids.core.errors import ConfigError

WRONG = {
    "method.n_step=3": "method.n_step: no such option; did you mean n_steps?",
    "dataset.limit=2": "dataset.limit: no such option; did you mean limit?",
    "method=idz": "method=idz: no such choice; did you mean ids?",
    "metod=ids": "metod: no such option; did you mean method?",
    "fpr.lamda=1": "fpr.lamda: no such option; available: n_iters, scale",
    "dataset.cout=3": "dataset.cout: no such option; did you mean count?",
    "experiments=dmo": "experiments=dmo: no such choice; did you mean demo?",
    "+method.foo=3": "method.foo: no such option",
    "method.optimizer.momentun=0.9": "method.optimizer.momentun: no such option",
    "dataset=folder": "dataset.path: expected a value",
    "method=[dds": "no viable alternative at input '[dds'",
    "method=null": "method: expected the name of an option; got null; available: cds",
    "metrics=null": "metrics: expected the name of an option; got null",
    "metric=lpips": "metric=lpips: expected +metric=NAME, which adds a metric",
    "+metric=psnr": "+metric=psnr: the set has this metric; leave it out",
    "+metric=lpip": "metric=lpip: no such choice; did you mean lpips?",
    "+metric=lpips,restored": "expected one metric; add each by a separate +metric=NAME",
    "~method": "method: expected a value; got none",
    "~seeds": "seeds: expected a value; got none",
    "method=[ids,dds]": "method: expected one option; got [ids,dds]; a sweep is written method=a,b",
    "method={a:1}": "method: expected one option; got {a:1}",
    "method=../fpr/none": "method: expected the name of an option; got '../fpr/none'",
    "method='a b'": "method: expected the name of an option; got 'a b'",
    "method=": "method: expected the name of an option; got ''",
    "metrics.psnr=3": "metrics.psnr: expected an option of the group; got '3'",
    "engine={}": "engine: expected one option",
    "method._target_=os.system": "method._target_: expected a class of ids.methods or ids.editing",
    "method._target_=ids.data.Folder": "method._target_: expected a class of ids.methods",
    "method._target_=ids.methods.refiners.fpr.FPR": "method._target_: expected a class",
    "method._target_=torch.optim.SGD": "method._target_: expected a class of ids.methods",
    "method._target_=ids.methods.Nothing": "method._target_: expected a class that exists",
    "method.optimizer._target_=torch.save": "method.optimizer._target_: expected a class of",
    "+method.negative_prompt._target_=os.system": "negative_prompt",
    "++method.negative_prompt={_target_:os.system}": "negative_prompt._target_: expected a class",
    "+x._target_=os.system": "x: no such option",
    "+method._args_=[1]": "method._args_: not taken here",
    "+method._recursive_=false": "method._recursive_: not taken here",
    "+dataset._partial_=true": "dataset._partial_: expected false",
    "method.optimizer._partial_=false": "method.optimizer._partial_: expected true",
    "hydra/launcher=joblib": "write launch=devices",
    "hydra/launcher=submitit_slurm": "write launch=slurm",
    "hydra/sweeper=ax": "write values as key=1,2,3",
    "hydra.run.dir=/tmp/x": "hydra.run.dir: not taken here; output_dir=...",
    "hydra.searchpath=[file:///tmp]": "hydra.searchpath: not taken here",
    "method.negative_prompt=${oc.env:HOME}": "got an interpolation",
    "method.n_steps=${seeds}": "got an interpolation",
    "method.n_steps=interval(1,3)": "method.n_steps: expected a list of values",
    "method.n_steps=range(0,1000000000)": "expected a range of at most 2000 values",
    f"method.n_steps={'9' * 5000}": "limit (4300 digits)",
    "method.negative_prompt=" + "a" * 30_000: "expected at most 20000 characters; got 30023",
    "seeds=" + "[" * 50: "expected at most 20 brackets within each other",
    "method.negative_prompt='it": "quote the value",
    "seeds=[]": "seeds: expected one seed or more",
    "seeds=[0,1,0]": "seeds: expected every seed once; got [0, 1, 0]",
    "seeds=[-1]": "seeds: expected 0 to 2**63 - 1; got -1",
    "seeds=[1.5]": "seeds[0]",
    "seeds=3": "seeds",
    "keep_every=abc": "keep_every: Value 'abc'",
    "limit=abc": "limit: Value 'abc'",
    "retry_failed=maybe": "retry_failed: Value 'maybe'",
    "limit=0": "limit: expected 1 case or more; got 0",
    "dataset.size=100000": "dataset.size: expected a side of 1 to 8192 pixels; got 100000",
    "method.guidance_scale=inf": "method.guidance_scale: expected a number; got inf",
    "method.guidance_scale=1e400": "method.guidance_scale: expected a number; got inf",
    "output_dir=": "output_dir: expected a folder; got ''",
    "output_dir=/dev/null": "output_dir: expected a folder; got the file /dev/null",
    "output_dir=/dev/null/below": "output_dir: expected a folder; got the file /dev/null",
    "output_dir=null": "output_dir",
    "seeds=[a]": "seeds[0]: Value 'a'",
    "seeds=[[0]]": "seeds[0]: expected a whole number; got [0]",
    f"output_dir={'a' * 300}": "cannot be one ([Errno 36] File name too long",
    "output_dir=/proc/x": "output_dir: expected a folder that can be written; /proc cannot (",
    "+foo=3": "foo: no such option",
    "method.n_steps.x=3": "method.n_steps is a single value",
    "method.distillation.weights.cut=2": "weights.cut: no such option; available: none",
}
CDS = "method.distillation"
WRONG_TOGETHER = {  # the answer is about the options that were chosen, not about the default ones
    ("method=cds", f"{CDS}.weights.cutt=2"): "did you mean cut?",
    ("method=cds", f"{CDS}.weights.cut=nan"): "weights.cut: expected a number; got nan",
    ("method=ids", "fpr.scale=nan"): "fpr.scale: expected a number; got nan",
    ("fpr=polyak", "fpr.scale=0.1"): "fpr.scale: no such option; available: n_iters, rho",
    ("fpr=released,polyak", "fpr.scale=0.1"): "available: n_iters, rho",
    ("method=dds,null_edit", "method.n_steps=3"): "method.n_steps: no such option",
    ("limit=1", "limit=2"): "limit: given twice, as limit=1 and limit=2; keep one",
    ("method=ids", "++method=dds"): "method: given twice",
}


@pytest.mark.parametrize(("word", "answer"), WRONG.items())
def test_wrong_keys_and_choices(compose: Compose, word: str, answer: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose([word])
    assert answer in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("words", "answer"), WRONG_TOGETHER.items())
def test_keys_that_the_chosen_options_lack(
    compose: Compose, words: tuple[str, ...], answer: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        compose(words)
    assert answer in str(raised.value)


def test_text_in_quotes_is_not_interpolated(compose: Compose) -> None:
    (setting,) = compose(["method.negative_prompt='the \\${seeds}'"])
    assert setting.values["method"]["negative_prompt"] == "the ${seeds}"
    experiment = build_experiment(setting)
    assert experiment.method.method["negative_prompt"] == "the ${seeds}"


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
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
