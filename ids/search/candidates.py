"""Candidates of a search: ordinary settings, built in one session and run as `ids run` does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.config.entry import Prepared
from ids.config.options import Compositions
from ids.config.setting import Composed
from ids.config.sources import Sources
from ids.config.space import Space
from ids.core.errors import ConfigError, IdsError
from ids.launch import launch
from ids.run.experiment import Experiment
from ids.run.session import Session

Built = tuple[Composed, Experiment]


@dataclass(frozen=True)
class Candidates:
    """Builds settings from words; what they configure alike is composed and
    loaded once."""

    sources: Sources
    session: Session
    composed: Compositions = field(default_factory=dict)

    def build(self, words: Sequence[str]) -> Built:
        """One setting. `ConfigError` or `UnsupportedError` where it cannot run."""
        (setting,) = compose_all(words, self.sources, self.composed)
        return setting, build_experiment(setting, session=self.session)

    def first_built(self, candidates: Sequence[Sequence[str]]) -> list[Built]:
        """Every candidate, checked. `ConfigError` where they differ in more than edits."""
        built = [self.build(words) for words in candidates]
        for setting, _ in built[1:]:
            for group in ("dataset", "metrics"):  # a backbone may choose the size of images
                _check_same(group, built[0][0], setting)
        return built


def _check_same(group: str, first: Composed, other: Composed) -> None:
    """`ConfigError` with the first key that differs, and the words that make it differ."""
    one, two = first.values[group], other.values[group]
    differ = [key for key in {**one, **two} if one.get(key) != two.get(key)]
    if differ:
        words = " ".join(word for word in other.words if word not in first.words)
        raise ConfigError(
            f"{group}.{differ[0]}: expected the same for all candidates; {words} changes it; write "
            f"{group}.{differ[0]}=VALUE"
        )


def without_effect(built: Sequence[Built], space: Space) -> Iterator[str]:
    """A note per key whose values make the same edits, of candidates built at the space's corners.
    None where options are searched: another one may use the key.
    """
    if any("." not in axis.key for axis in space.axes):
        return
    key, *others = [experiment.setting(experiment.method).key for _, experiment in built]
    ends = iter(others)
    for axis in space.axes:
        if all(next(ends) == key for _ in axis.ends[1:]):
            yield f"{axis.key}: changes no edit of {built[0][0].name}; leave it out, or fix it"


def run_all(built: Sequence[Built], searched: Sequence[Sequence[str]]) -> list[IdsError]:
    """Edit what the store lacks of settings, as one sweep: the errors that broke settings off. Each
    is labelled by its `searched` words.
    """
    labels = [" ".join([b[0].name, *words]) for b, words in zip(built, searched, strict=True)]
    launched = launch(Prepared(built, (), len(built) > 1, ()), labels)
    return [refused.error for refused in launched.failed]


def run_one(built: Built, searched: Sequence[str]) -> Experiment:
    """Edit what the store lacks of one setting. Raises the error that broke it off."""
    if errors := run_all([built], [searched]):
        raise errors[0]
    return built[1]
