"""The editor that `ids run` builds for recorded hyperparameters, run with recorded draws."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

from golden_replay.recorder import (
    RecordingBackbone,
    RecordingProgress,
    RecordingRule,
    RecordingTerm,
    Step,
)
from golden_replay.recording import Golden, RecordedDraws
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.protocols import Distillation
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data.shapes import Shapes
from ids.editing import DistillationEditor
from ids.methods import NoRefinement, Refined, Sum
from ids.representations import LatentImage

T = TypeVar("T")
RELEASED = {"steps": 1, "lr": 0.1, "loss_scale": 2000, "w_dds": 1.0, "N": None, "lam": None}


@dataclass(frozen=True)
class Replay:
    """The steps of a finished edit, its editor and its backbone."""

    steps: list[Step]
    editor: DistillationEditor
    backbone: RecordingBackbone

    @property
    def only(self) -> Step:
        (step,) = self.steps
        return step


def replay(
    golden: Golden, hyper: Mapping[str, Any], z_src: Tensor, z_trg: Tensor, draws: RecordedDraws
) -> Replay:
    """An edit from `z_trg`, in the precision of `z_src`; `hyper` as in the recordings."""
    source = Shapes(count=1)[0].source
    case = EditCase("recorded", source=source, prompt_src="source", prompt_trg="target")
    backbone, steps = RecordingBackbone(golden.backbone(z_src.dtype)), list[Step]()
    subject = LatentImage(z_src, [case], backbone.decode)
    subject.z_trg.data = z_trg.clone()
    editor = editor_of(hyper, z_src)
    rule = Refined(_recording(editor.distillation, steps), editor.fpr)
    recording = replace(
        editor,
        distillation=RecordingRule(rule, backbone, steps),
        fpr=NoRefinement(),  # the recording rule refines
        timesteps=draws,
    )
    progress = RecordingProgress(subject, steps)
    recording(EditContext(backbone, Streams(("recorded",)), progress), subject)
    return Replay(steps, editor, backbone)


def editor_of(hyper: Mapping[str, Any], z: Tensor) -> DistillationEditor:
    """The editor that `ids run method=...` builds for these values."""
    hyper = {**RELEASED, **hyper}
    height, width = z.shape[-2:]
    scale = hyper.get("grad_scale", hyper["loss_scale"] * hyper["w_dds"] / (height * width))
    overrides = [
        f"method={method_of(hyper)}",
        f"method.n_steps={hyper['steps']}",
        f"method.guidance_scale={hyper['guidance']!r}",
        f"method.optimizer.lr={hyper['lr']!r}",
    ]
    if hyper.get("with_cut"):
        overrides += [
            f"method.distillation.weights.dds={scale!r}",
            f"method.distillation.weights.cut={hyper['w_cut']!r}",
            f"method.distillation.terms.cut.n_patches={hyper['n_patches']}",
            f"method.distillation.terms.cut.patch_sizes={list(hyper['patch_size'])}",
            f"method.distillation.terms.cut.temperature={hyper['nce_T']!r}",
        ]
    else:
        overrides.append(f"method.grad_scale={scale!r}")
    if hyper["N"] is not None:
        overrides.append(f"fpr.n_iters={hyper['N']}")
    if hyper["lam"] is not None:
        overrides.append(f"fpr.scale={hyper['lam']!r}")
    if "weighting" in hyper:
        overrides.append(f"method.distillation.weighting={hyper['weighting']}")
    (setting,) = compose_all(overrides)
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, DistillationEditor)
    return editor


def method_of(hyper: Mapping[str, Any]) -> str:
    """The name of the method: with the contrastive loss DDS is CDS, and IDS is IDS + CUT."""
    word = str(hyper["method"])
    plain = {"cds": "dds", "ids_cut": "ids"}.get(word, word)
    with_cut = {"dds": "cds", "ids": "ids_cut"}
    return with_cut.get(plain, plain) if hyper.get("with_cut") else plain


def some(value: T | None) -> T:
    assert value is not None
    return value


def _recording(rule: Distillation, steps: list[Step]) -> Distillation:
    if not isinstance(rule, Sum):
        return rule
    terms = {
        name: RecordingTerm(name, rule.weights[name], term, steps)
        for name, term in rule.terms.items()
    }
    return Sum(terms, rule.weights)
