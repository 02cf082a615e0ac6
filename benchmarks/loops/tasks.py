"""The same edits for the reference loops and for the engine: equal sources, prompts and draws."""

from collections.abc import Sequence

from ids.core.edit import Anchors, EditContext
from ids.core.prompt import Prompts
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.editing import DistillationEditor
from ids.editing.ahead import Ahead
from ids.representations import LatentImage
from loops.steps import Task

SEED = 0
DEFAULT_ROWS = 8  # engine.batch_size


def streams(cases: Sequence[EditCase]) -> Streams:
    """The random streams of these edits; all prompts of an image share its draws."""
    return Streams.of(SEED, [case.source_digest for case in cases])


def tasks_of(
    editor: DistillationEditor, backbone: Backbone, z_src: Latent, cases: Sequence[EditCase]
) -> list[Task]:
    """One task per case, for a loop that edits them one after another."""
    tasks = []
    for row, case in enumerate(cases):
        z, rng = z_src[row : row + 1], streams([case])
        draws = [editor.timesteps.draw(z, rng.at(step)) for step in range(editor.n_steps)]
        y = Prompts(
            src=backbone.prompt([case.prompt_src]),
            trg=backbone.prompt([case.prompt_trg]),
            null=backbone.prompt([editor.negative_prompt]),
        )
        tasks.append(Task(z, y, draws))
    return tasks


def source_halves(rows: int) -> Anchors:
    """When the engine computes source halves, for batches of `rows` edits: as `ids run` does."""
    return Ahead(rows)


def engine_edit(
    editor: DistillationEditor,
    backbone: Backbone,
    z_src: Latent,
    cases: Sequence[EditCase],
    anchors: Anchors | None = None,
) -> Latent:
    """z_trg of the engine's edits, side by side."""
    anchors = anchors or source_halves(max(len(cases), DEFAULT_ROWS))
    subject = LatentImage(z_src, cases, backbone.decode)
    editor(EditContext(backbone, streams(cases), anchors=anchors), subject)
    return subject.z_trg.detach()
