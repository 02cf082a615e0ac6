"""The source halves of a bank of draws: each computed once in an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ids.core.edit import AnchorCache, SourceHalf
from ids.core.records import Anchor
from ids.core.tensors import Latent
from ids.diffusion.bank import Bank


@dataclass
class BankedSourceHalf:
    """A `SourceHalf` whose steps are those of the bank's draws. The anchors of all draws stay in
    memory, on their device, until the edit ends.
    """

    half: SourceHalf
    bank: Bank
    _anchors: dict[int, Anchor] = field(default_factory=dict, repr=False)

    def __call__(self, step: int) -> Anchor:
        """The anchor of the step's draw; evaluated the first time."""
        entry = self.bank.entry(step)
        if entry not in self._anchors:
            self._anchors[entry] = self.half(entry)
        return self._anchors[entry]

    def sources(self, step: int) -> Latent:
        """The latents that differ, at the step's draw."""
        return self.half.sources(self.bank.entry(step))

    def several(
        self,
        steps: Sequence[int],
        cache: AnchorCache | None = None,
        predictions: AnchorCache | None = None,
    ) -> Iterator[Anchor]:
        """The anchors of these steps; those not evaluated before, in one call."""
        entries = [self.bank.entry(step) for step in steps]
        new = [entry for entry in dict.fromkeys(entries) if entry not in self._anchors]
        if new:
            made = self.half.several(new, cache, predictions)
            self._anchors.update(zip(new, made, strict=True))
        return (self._anchors[entry] for entry in entries)
