"""Overrides of a grammar of plausible and hostile words: settings come out, or one line."""

import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ids.config.entry import prepare
from ids.core.errors import IdsError

GROUPS = ("method", "fpr", "inversion", "sites", "backbone", "dataset", "metrics", "clip")
GROUPS += ("logger", "engine", "controls", "debug", "experiments", "hydra/launcher")
KEYS = ("method.n_steps", "method.optimizer.lr", "method.optimizer", "method.distillation", "seeds")
KEYS += ("method.guidance_scale", "method.negative_prompt", "method._target_", "fpr.scale", "limit")
KEYS += ("fpr._partial_", "backbone.path", "backbone.image_size", "dataset.size", "keep_every")
KEYS += ("dataset.edits", "dataset.split", "dataset.count", "engine.threads", "engine.device")
KEYS += ("engine.batch_size", "output_dir", "metrics.psnr", "logger.jsonl.folder", "retry_failed")
KEYS += ("method.optimizer._target_", "x", "x._target_", "hydra.mode", "hydra.run.dir", "hydra")
KEYS += ("metric@metrics.more", "method@controls.more", "method.blend", "method.cross_share", "")
OPTIONS = ("ids", "dds", "cds", "p2p", "pnp", "none", "released", "gaussian", "shapes", "standard")
OPTIONS += (
    "files",
    "fast",
    "demo",
    "joblib",
    "null",
    "../fpr/none",
    "/etc/passwd",
    "_distillation",
)
VALUES = ("1", "0", "-1", "1e9", "1e400", "nan", "-inf", "9" * 5000, "null", "true", "abc", "''")
VALUES += ("[]", "{}", "[1,2]", "[0,0]", "{a:1}", "[[[1]]]", "???", "os.system", "torch.optim.Adam")
VALUES += ("{_target_:os.system}", "{_target_:os.system,_args_:[ls]}", "ids.data.Folder", "1,2")
VALUES += ("${oc.env:HOME}", "'${seeds}'", "\\${x}", "range(1,3)", "range(0,1e12)", "range(1,2,0)")
VALUES += (
    "interval(0,1)",
    "choice(a,b)",
    "glob(*)",
    "glob(",
    "'it''s",
    '"',
    "a b",
    "é\u202e",
    "\x1b[0m",
)
VALUES += (
    "[" * 30,
    "a" * 30_000,
    "cuda:99",
    "meta",
    "tpu",
    "cpu",
    "dev",
    "/dev/null/x",
    "=",
    "a=b",
)

word = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "", "", "+", "++", "~", " ")),
    st.sampled_from((*GROUPS, *KEYS)),
    st.sampled_from(("=", "=", "=", "=", "", "@x=", ".y=")),
    st.one_of(st.sampled_from((*OPTIONS, *VALUES)), st.text(max_size=8)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(word, min_size=1, max_size=3))
@example(["method=null"])
@example(["keep_every=abc"])
@example(["++limit=[]"])
@example(["+limit=''"])
@example(["~" + "9" * 5000])
@example(["++seeds={a:1}"])
@example(["method=\n"])
@example(["method._target_='a\nb'"])
@example(["~method"])
@example(["++method=3"])
@example(["+x._target_=os.system"])
def test_any_words_give_settings_or_one_line(words: list[str]) -> None:
    try:
        prepared = prepare(words)
    except IdsError as error:
        lines = [str(error)]
    else:
        assert prepared.ready or prepared.refused
        lines = [str(refused.error) for refused in prepared.refused]
        for setting, _ in prepared.ready:
            assert not re.search(r"os\.system", str(setting.values))
    for line in lines:
        assert line.strip()
        assert "\n" not in line
        assert len(line) < 1000
