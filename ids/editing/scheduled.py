"""Source halves of a loop whose guidance changes from step to step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ids.core.edit import AnchorCache, SourceHalf
from ids.core.records import Anchor
from ids.core.tensors import Latent


@dataclass(frozen=True)
class ScheduledSourceHalf:
    """A `SourceHalf` made of one per guidance scale: `scales` are those of the steps.

    Anchors are named, and shared, by the scale of their step; predictions of the source and the
    null prompt are shared across scales. Steps of one scale are evaluated in one call.
    """

    scales: Sequence[float]
    halves: Mapping[float, SourceHalf]

    @classmethod
    def of(cls, scales: Sequence[float], half: Callable[[float], SourceHalf]) -> SourceHalf:
        """The half itself, where all steps have one scale."""
        halves = {scale: half(scale) for scale in dict.fromkeys(scales)}
        return cls(scales, halves) if len(halves) > 1 else next(iter(halves.values()))

    def __call__(self, step: int) -> Anchor:
        """The anchor of one step, at its scale."""
        return self.halves[self.scales[step]](step)

    def sources(self, step: int) -> Latent:
        """The latents that differ; they do not depend on the scale."""
        return self.halves[self.scales[step]].sources(step)

    def several(
        self,
        steps: Sequence[int],
        cache: AnchorCache | None = None,
        predictions: AnchorCache | None = None,
    ) -> Iterator[Anchor]:
        """The anchors of these steps, in order: a call per scale."""
        found: dict[int, Iterator[Anchor]] = {}
        for scale in dict.fromkeys(self.scales[step] for step in steps):
            alike = [step for step in steps if self.scales[step] == scale]
            anchors = self.halves[scale].several(alike, cache, predictions)
            found |= dict.fromkeys(alike, anchors)
        return (next(found[step]) for step in steps)
