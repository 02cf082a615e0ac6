"""Source halves ahead of the loop."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from ids.core.edit import AnchorCache, SourceHalf
from ids.core.records import Anchor
from ids.core.tensors import Latent, out_of_memory

log = logging.getLogger(__name__)
ENOUGH = 8192  # numbers of all latents in a call; a CPU gains little above it (docs/engine.md)


@dataclass
class Ahead:
    """Source halves ahead of the loop, up to `rows` at a time, and once for all rows of a batch
    that share one: one image is evaluated `rows` steps ahead, a batch of `rows` images is the plain
    loop. So no call has more rows than a full batch has, and memory bounds both alike. On a CPU,
    large latents gain little by it: fewer steps are evaluated in a call, the largest one by one.

    Where the device has too little memory, `rows` is halved and stays so. `fit`, on a GPU, is the
    rows that fit into its memory side by side after a call of so many: the first call is that of a
    single step. The `cache` shares them further: with later batches, and settings of the same rule,
    refiner and guidance scale. Others share `predictions`.
    """

    rows: int
    cache: AnchorCache | None = None
    predictions: AnchorCache | None = None
    fit: Callable[[int], int] | None = None

    def __call__(self, source_half: SourceHalf, n_steps: int, start: int = 0) -> Iterator[Anchor]:
        """The anchors of the steps from `start` on, evaluated in the calls of a whole edit."""
        step = 0
        while step < n_steps:
            z_src = source_half.sources(step)
            n = min(self._steps(z_src), n_steps - step)
            if step + n <= start:
                step += n
                continue
            anchors = self._several(source_half, range(step, step + n))
            if anchors is None:
                self.rows = n * len(z_src) // 2
                log.warning("out of memory: taking %d source halves at a time", self.rows)
                continue
            if self.fit:
                self.rows, self.fit = min(self.rows, self.fit(n * len(z_src))), None
            yield from islice(anchors, max(start - step, 0), None)
            step += n

    def _steps(self, z_src: Latent) -> int:
        """Steps of these sources in one call."""
        if self.fit:
            return 1
        on_cpu = z_src.device.type == "cpu"
        rows = min(self.rows, ENOUGH // z_src[0].numel()) if on_cpu else self.rows
        return max(rows // len(z_src), 1)

    def _several(self, source_half: SourceHalf, steps: range) -> Iterator[Anchor] | None:
        """The anchors of some steps; None where they do not fit. Returns after the error and its
        frames are gone: they hold the tensors.
        """
        try:
            return source_half.several(steps, self.cache, self.predictions)
        except RuntimeError as error:
            if not out_of_memory(error) or len(steps) == 1:
                raise
        return None
