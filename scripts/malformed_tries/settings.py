"""Overrides, classes, interpolations and sizes that cannot be: one line, before the first edit."""

from collections.abc import Sequence

from malformed_tries.trying import Accepted, Expectation, Refused, Seen, Try

FAST = ("run", "debug=fast", "controls=none", "limit=1")
KINDS: dict[str, dict[str, str]] = {
    "overrides": {
        "method.n_step=3": r"no such option; did you mean n_steps\?",
        "method=idz": r"did you mean ids\?",
        "metod=ids": r"did you mean method\?",
        "+method.foo=3": "no such option",
        "dataset=folder": "dataset.path: expected a value",
        "method=[dds": "no viable alternative",
        "method=null": "got null",
        "metrics=null": "got null",
        "~method": "method: expected a value",
        "~seeds": "seeds: expected a value",
        "method=[ids,dds]": "expected one option",
        "method={a:1}": "expected one option",
        "method=../fpr/none": r"got '\.\./fpr/none'",
        "method=": "got ''",
        "method=/etc/passwd": "expected the name of an option",
        "backbone=..": "expected the name of an option",
        "experiments=../conf/config": "expected the name of an option",
        "metrics.psnr=3": "metrics.psnr: expected an option",
        "engine={}": "expected one option",
        "hydra/launcher=joblib": "several terminals",
        "hydra.run.dir=/tmp/x": "not taken here",
        "hydra.searchpath=[file:///tmp]": "not taken here",
        "method.n_steps=0": "expected 1 or more",
        "method.n_steps=-1": "expected 1 or more",
        "method.n_steps=many": "expected int; got 'many'",
        "method.n_steps=2.5": "expected int; got 2.5",
        "method.n_steps=null": "method.n_steps",
        "method.n_steps=[3]": "expected int",
        "method.n_steps=range(0,1000000000)": "at most 2000",
        f"method.n_steps={'9' * 5000}": "digits",
        "method.n_steps=1e3": "expected int",
        "fpr.n_iters=-1": "expected 0 or more|fpr.n_iters",
        "method.guidance_scale=inf": "got inf",
        "method.guidance_scale=nan": "got nan",
        "method.guidance_scale=1e400": "got inf",
        "method.guidance_scale=strong": "expected float",
        "method.optimizer.lr=-1": "expected a number above 0",
        "method.optimizer.lr=0": "expected a number above 0",
        "method.timesteps.low=949": "expected 1 <= stride <= low < high",
        "method.timesteps.high=5000": "high|timesteps",
        "method.timesteps.stride=0": "stride",
        "method.negative_prompt='it": "quote the value",
        f"method.negative_prompt={'a' * 30_000}": "at most 20000 characters",
        "method.negative_prompt=[a,b]": "method.negative_prompt: expected str",
        "method.negative_prompt=3": "method.negative_prompt: expected str",
        "keep_every=-1": "keep_every: expected 0",
        "keep_every=abc": "keep_every",
        "retry_failed=maybe": "retry_failed",
        "output_dir=": "expected a folder; got ''",
        "output_dir=/dev/null": "/dev/null is none",
        "output_dir=/dev/null/below": "/dev/null is none",
        "output_dir=/proc/below": "/proc cannot",
        f"output_dir={'a' * 300}": "output_dir: expected a folder",
        "nonsense": "expected group=option",
        "=3": "expected group=option|mismatched|in =3",
        "method.=3": "in method.=3|method",
        "method.n_steps.x=3": "its parent has none|expected int",
    },
    "classes": {
        "method._target_=os.system": "expected a class of ids.methods",
        "method._target_=ids.data.Folder": "expected a class of ids.methods",
        "method._target_=ids.methods.refiners.fpr.FPR": "expected a class of ids.methods",
        "method._target_=ids.methods.Nothing": "expected a class that exists",
        "method._target_=ids.methods.__loader__": "expected a class",
        "method._target_=builtins.eval": "expected a class of ids.methods",
        "method._target_=null": "expected a class",
        "method._target_=[]": "expected a class",
        "method.optimizer._target_=torch.save": "optimizer._target_: expected a class",
        "method.optimizer._target_=torch.optim.LBFGS": "LBFGS",
        "method.optimizer._target_=torch.optim.Nothing": "expected a class that exists",
        "method.distillation._target_=ids.methods.FPR": "method.distillation|scale",
        "method.timesteps._target_=os.getcwd": "expected a class of",
        "backbone._target_=ids.data.Folder": "expected a class of ids.backbones",
        "dataset._target_=subprocess.Popen": "expected a class of ids.data",
        "engine._target_=ids.run.Store": "engine",
        "logger.jsonl._target_=pathlib.Path": "expected a class of ids.log",
        "++method.negative_prompt={_target_:os.system}": "expected a class",
        "+method.negative_prompt._target_=os.system": "negative_prompt",
        "+x._target_=os.system": "no such option",
        "+method._args_=[1]": "_args_: not taken here",
        "+method._convert_=all": "_convert_: not taken here",
        "+method._recursive_=false": "_recursive_: not taken here",
        "+dataset._partial_=true": "expected false",
        "method.optimizer._partial_=false": "expected true",
        "+metrics.m={_target_:ids.metrics.Clip,model:shapes,checkpoint:null}": "expected Metric",
    },
    "interpolations": {
        "method.negative_prompt=${oc.env:HOME}": "got an interpolation",
        "method.negative_prompt='${oc.env:HOME}'": "got an interpolation",
        'method.negative_prompt="${oc.env:HOME}"': "got an interpolation",
        "method.n_steps=${seeds}": "got an interpolation",
        "method.n_steps=${oc.decode:3}": "got an interpolation",
        "output_dir=${hydra:runtime.cwd}": "got an interpolation",
        "method=${oc.env:METHOD}": "got an interpolation",
        "${oc.env:HOME}=3": "interpolation|in ",
        "method.negative_prompt=a\\\\${oc.env:HOME}": "got an interpolation",
        "method.negative_prompt=${": "got an interpolation",
        "dataset={path:${oc.env:HOME}}": "got an interpolation",
    },
    "sizes": {
        "seeds=[]": "expected one seed or more",
        "seeds=[0,1,0]": "expected every seed once",
        "seeds=[-1]": "expected 0 to",
        "seeds=[1.5]": r"seeds\[0\]",
        "seeds=[a]": r"seeds\[0\]",
        "seeds=[[0]]": "seeds",
        "seeds=3": "seeds",
        "seeds=null": "seeds",
        "seeds=[true]": "seeds",
        f"seeds=[{2**63}]": "expected 0 to|seeds",
        f"seeds=[{2**80}]": "expected 0 to|seeds",
        "engine.batch_size=0": "expected 1 or more",
        "engine.batch_size=1e9": "expected int",
        "engine.threads=100000": "at most 1024",
        "engine.threads=-1": "engine.threads",
        "engine.device=meta": "got 'meta'",
        "engine.device=tpu": "got 'tpu'",
        "engine.device=cuda:99": "cuda:99",
        "engine.device=": "engine.device",
        "engine.device=null": "engine.device",
        "dataset.size=0": "1 to 8192",
        "dataset.size=-5": "1 to 8192",
        "dataset.size=100000": "1 to 8192",
        "dataset.size=2.5": "dataset.size",
        "dataset.size=big": "dataset.size",
        "dataset.size=null": "dataset.size",
        "dataset.count=0": "dataset.count",
        "dataset.count=-1": "dataset.count",
        "dataset.count=1000000000": "dataset.count",
        "dataset.split=validation": "dataset.split",
        "dataset.edits=[]": "dataset.edits",
        "dataset.edits=[size]": "dataset.edits",
        "backbone.image_size=0": "size|side",
        "backbone.spread=0": "spread",
        "backbone.spread=-1": "spread",
        "backbone.fpr_scale=nan": "got nan",
    },
}


def setting(seen: Seen) -> str | None:
    (record,) = seen.place.records()
    words = {"negative_prompt": "the ${seeds} \\o/"}
    stored = {key: record["method"].get(key) for key in words}
    return None if stored == words else f"stored {stored}"


def sweep(results: int, status: int) -> Expectation:
    """A bad setting is refused; the others run."""

    def check(seen: Seen) -> str | None:
        count = len([r for r in seen.place.records() if r["status"] == "ok"])
        return None if count == results else f"{count} results instead of {results}"

    return Accepted(check, status)


def tries() -> Sequence[Try]:
    refused = [
        Try(kind, word[:60], _words(word), Refused(answer))
        for kind, words in KINDS.items()
        for word, answer in words.items()
    ]
    escaped = "method.negative_prompt='the \\${seeds} \\o/'"
    fast = (*FAST, "method=dds", "method.n_steps=2")
    swept = ("run", "-m", *FAST[1:])
    return [
        *refused,
        Try("interpolations", "escaped", (*fast, escaped), Accepted(setting)),
        Try("overrides", "twice", (*FAST, "method=dds", "method=ids"), Refused("given twice")),
        Try("overrides", "a sweep with a bad method",
            (*swept, "method=dds,idz", "method.n_steps=2"), sweep(1, 2)),
        Try("overrides", "a sweep with a bad value",
            (*swept, "method=dds", "method.n_steps=2,0"), sweep(1, 2)),
        Try("overrides", "a sweep of bad values", (*swept, "method=dds", "method.n_steps=0,-1"),
            sweep(0, 2)),
        Try("overrides", "a million settings",
            (*swept, "fpr.scale=range(1,1000)", "method.n_steps=range(1,1000)"),
            Refused("at most 2000 settings")),
        Try("sizes", "the largest seed", (*fast, f"seeds=[{2**63 - 1}]"), sweep(1, 0)),
    ]  # fmt: skip


def _words(word: str) -> tuple[str, ...]:
    """The word, in a run that takes no time."""
    key = word.partition("=")[0].lstrip("+~").partition(".")[0]
    method: tuple[str, ...] = (
        () if key in ("method", "fpr", "experiments") else ("method=dds", "method.n_steps=2")
    )
    base = tuple(w for w in FAST if not w.startswith(f"{key}="))
    if "cds" in word or key == "fpr":
        method = ("method=ids",)
    return (*base, *method, word)
