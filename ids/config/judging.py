"""Words of the command line to numbers of images that other code made: the data set and the metrics
of `ids run` with the same words, without its method and backbone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ids.config.entry import prepare
from ids.config.word_keys import key_of, photo_size
from ids.core.errors import ConfigError

if TYPE_CHECKING:
    from ids.results.catalog import ResultGroup
    from ids.run import Experiment

UNUSED = (
    "method",
    "fpr",
    "guidance",
    "finish",
    "inversion",
    "sites",
    "controls",
    "representation",
    "seeds",
    "keep_every",
    "force",
)
NO_LATENTS = "images made elsewhere have no latents"
PARTS = ["method=null_edit", "controls=none", "logger=none"]


@dataclass(frozen=True)
class Judgement:
    """The results of one call, and notes about what was left out."""

    group: "ResultGroup"
    notes: Sequence[str]
    output_dir: Path


def judge_words(
    folders: Sequence[Path], words: Sequence[str], config_dirs: Sequence[str] = ()
) -> Judgement:
    """The numbers of every image of these folders. Images and their sizes are checked before a
    network is loaded. `ConfigError` for words without a data set, or with a method; `DataError`
    for a folder without a usable image.
    """
    _check(words)
    prepared = prepare([*PARTS, *photo_size(words), *words], config_dirs=config_dirs)
    if prepared.sweep:
        raise ConfigError("ids judge: expected one data set and set of metrics; got a sweep")
    _, experiment = prepared.ready[0]
    group, notes = _judged(folders, experiment)
    return Judgement(group, [*prepared.notes, *notes], prepared.output_dir)


def _check(words: Sequence[str]) -> None:
    keys = [key_of(word) for word in words]
    for key in keys:
        if key.partition(".")[0] in UNUSED:
            raise ConfigError(
                f"{key}: expected no word about how edits are made; ids judge reads images that "
                "exist; remove it"
            )
    if "dataset" not in keys:
        raise ConfigError(
            "ids judge: expected a data set, as dataset=pie dataset.path=FOLDER; got none; add it"
        )


def _judged(folders: Sequence[Path], experiment: "Experiment") -> "tuple[ResultGroup, list[str]]":
    """The group, and notes about metrics and files that were left out."""
    from ids.log.progress import RunProgress
    from ids.results.external import external_group
    from ids.run.environment import environment
    from ids.run.external import judge_folders, open_folders, unmatched_note, without_latents

    seen = experiment.survey()
    cases = list({case.digest: case for case in seen.cases}.values())
    opened = open_folders(folders, cases, seen.manifest.place)
    experiment.check_size(cases[0].source)
    given, session = experiment.metrics, experiment.session
    kept = without_latents(given)
    metrics = replace(experiment, metrics=kept).load_metrics()
    with RunProgress() as bars, bars.counted("metrics", len(cases) * len(opened)) as count:
        images = judge_folders(opened, cases, metrics, session.models, count)
    here = environment(session.engine.describe(session.device))
    notes = [f"{name}: left out; {NO_LATENTS}" for name in given if name not in kept]
    notes += [unmatched_note(folder) for folder in opened if folder.unmatched]
    return external_group(images, seen.manifest, here), notes
