"""Network evaluations of one sample per step: forwards F and backwards G."""

from collections.abc import Sequence
from typing import NamedTuple

from ids.core.edit import Anchors
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.tensors import Latent
from ids.editing import DistillationEditor, MeteredBackbone
from loops.network import Network
from loops.steps import Task, edited
from loops.tasks import engine_edit


class Counts(NamedTuple):
    """Per edit and step."""

    forwards: float
    backwards: float


def released_counts(n_iters: int) -> dict[str, Counts]:
    """What the released code evaluates; `n_iters` is N of IDS."""
    return {
        "sds": Counts(2, 0),
        "dds": Counts(4, 0),
        "pds": Counts(4, 0),
        "cds": Counts(6, 2),
        "ids": Counts(2 * n_iters + 4, 2 * n_iters),
    }


def allowed_counts(n_iters: int) -> dict[str, Counts]:
    """What the engine may evaluate at most."""
    return {**released_counts(n_iters), "cds": Counts(4, 1)}


def shared_counts(n_iters: int, prompts: int) -> dict[str, Counts]:
    """What the engine may evaluate per edit where `prompts` targets share a source: its half once,
    and 2 F for each target.
    """
    ids = Counts(2 + (2 * n_iters + 2) / prompts, 2 * n_iters / prompts)
    return {"dds": Counts(2 + 2 / prompts, 0), "ids": ids}


def loop_counts(network: Network, editor: DistillationEditor, task: Task) -> Counts:
    """Of a reference loop, measured."""
    before = network.nfe.forwards, network.nfe.backwards
    edited(network, editor, task)
    made = network.nfe.forwards - before[0], network.nfe.backwards - before[1]
    return Counts(made[0] / editor.n_steps, made[1] / editor.n_steps)


def engine_counts(
    editor: DistillationEditor,
    backbone: Backbone,
    z_src: Latent,
    cases: Sequence[EditCase],
    anchors: Anchors | None = None,
) -> Counts:
    """Of the engine, measured, per edit: `anchors` decides where source halves are computed."""
    metered = MeteredBackbone(backbone)
    engine_edit(editor, metered, z_src, cases, anchors)
    n = len(cases) * editor.n_steps
    return Counts(metered.nfe.forwards / n, metered.nfe.backwards / n)
