"""The experiment behind a call: its arguments as words of the command line."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath

from ids.backbones import InMemory, from_pipeline, in_memory
from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.config.sources import find_sources
from ids.config.values import literal, words_of
from ids.config.word_keys import key_of
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone
from ids.run import Experiment, Session

AnyPath = str | PathLike[str]
Words = str | Sequence[str]
Folders = AnyPath | Sequence[AnyPath]
ARGUMENTS = {  # keys of the configuration that `ids.edit` has arguments for
    "backbone": "backbone",
    "dataset": "image, source, target, mask, size, fit",
    "limit": "image",
    "method": "method",
    "metrics": "metrics",
    "offset": "image",
    "output_dir": "store",
    "sample": "image",
    "sample_seed": "image",
    "seeds": "seed",
    "tags": "image",
}
OF_STORES = ("logger", "force", "retry_failed")  # keys without an effect on edits in memory


def edit_words(
    method: str,
    metrics: str,
    seed: int,
    store: AnyPath | None,
    overrides: Words,
    values: Mapping[str, object],
) -> list[str]:
    """The words of `ids.edit`. `ConfigError` for a word that is an argument, or has no effect."""
    words = [*each(overrides), *words_of(values)]
    for word in words:
        _check(word, store is not None)
    # In memory nothing is written; the configuration requires a folder that could be.
    folder = tempfile.gettempdir() if store is None else store
    words += [f"method={method}", f"metrics={metrics}", "controls=none", f"seeds=[{seed}]"]
    words += [f"output_dir={literal(folder)}"]
    logs = any(key_of(word) == "logger" for word in words)
    return words if logs else [*words, "logger=none"]


def each(values: Folders) -> list[str]:
    """A list of words or paths; one alone is a list of one."""
    listed = [values] if isinstance(values, str | PathLike) else values
    return [fspath(value) for value in listed]


def one_experiment(
    words: Sequence[str],
    backbone: object,
    size: int | None,
    config_dirs: Folders,
    session: Session,
) -> Experiment:
    """The experiment of one setting on a backbone: an option, a pipeline or a `Backbone`."""
    if isinstance(backbone, str):
        sized = [] if size is None else [f"backbone.image_size={size}"]
        return _built([f"backbone={backbone}", *sized, *words], config_dirs, session)
    found = backbone if isinstance(backbone, Backbone) else from_pipeline(backbone)
    source = in_memory(found, size)
    experiment = _built([*_memory_words(source, words), *words], config_dirs, session)
    return replace(experiment, backbone=source, backbone_name="memory")


def _built(words: Sequence[str], config_dirs: Folders, session: Session) -> Experiment:
    settings = compose_all(words, find_sources(each(config_dirs)))
    if len(settings) > 1:
        raise ConfigError("ids.edit: expected one setting; got a sweep; use ids.run")
    return build_experiment(settings[0], session=session)


def _memory_words(source: InMemory, words: Sequence[str]) -> list[str]:
    """The options that stand for a backbone in memory, and the engine on its device."""
    for word in words:
        if key_of(word).startswith("backbone."):
            raise ConfigError(
                f"{word}: expected no value of a backbone in memory; set it where it is loaded"
            )
    device = source.device
    here = [] if device is None or "engine.device" in map(key_of, words) else [str(device)]
    return [
        "backbone=stable_diffusion",
        "backbone.path=memory",
        f"backbone.image_size={source.image_size}",
        f"backbone.fpr_scale={source.fpr_scale}",
        *(f"engine.device={name}" for name in here),
    ]


def _check(word: str, stored: bool) -> None:
    key = key_of(word)
    group, dot, _ = key.partition(".")
    if group == "controls":
        raise ConfigError(f"{word}: expected no controls in ids.edit; ids.run edits them")
    if group == "launch":
        raise ConfigError(f"{word}: expected no launch in ids.edit, which edits here; use ids.run")
    if group in ARGUMENTS and (not dot or group == "dataset"):
        raise ConfigError(f"{word}: expected as an argument; pass {ARGUMENTS[group]}")
    if group in OF_STORES and not stored:
        raise ConfigError(f"{word}: expected together with a store; pass store=FOLDER")
