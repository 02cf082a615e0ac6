"""The source half of distillation: one step at a time, or several in one call."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ids.core.anchor_rows import AnchorRows, draw_rows, stacked_draw
from ids.core.capabilities import content
from ids.core.edit import AnchorCache, Subject
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Distillation, DrawSource
from ids.core.records import Anchor, Draw, digest_of
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion.guidance import Guided
from ids.diffusion.sharing import kept_rows, shared_denoiser


@dataclass(frozen=True)
class _Sources:
    """The distinct sources of a batch: the rows in `rows` stand for all, and row i of the batch has
    the source number `of_row[i]`.
    """

    z_src: Latent
    rows: tuple[int, ...]
    of_row: tuple[int, ...]

    @property
    def shared(self) -> bool:
        """Do rows share a source?"""
        return len(self.rows) < len(self.of_row)

    @property
    def distinct(self) -> Latent:
        """One latent per source."""
        return self.z_src[list(self.rows)] if self.shared else self.z_src


class _Names(NamedTuple):
    """Names for everything that decides of a source: its anchor, its prediction at the drawn noise
    for the source prompt, and that for the null prompt.
    """

    anchor: str
    eps: str
    eps_null: str


@dataclass(frozen=True)
class _Drawn:
    """Sources at one step, or at several one below the other, and their draw: `rows` are rows of
    the batch that have them. Without a cache they need no `names`.
    """

    z_src: Latent
    draw: Draw
    rows: tuple[int, ...]
    names: Sequence[_Names] = ()

    @classmethod
    def cat(cls, parts: Sequence["_Drawn"]) -> "_Drawn":
        """All of them, in order."""
        return cls(
            torch.cat([part.z_src for part in parts]),
            stacked_draw([part.draw for part in parts]),
            tuple(row for part in parts for row in part.rows),
            [name for part in parts for name in part.names],
        )

    def some(self, numbers: Sequence[int]) -> "_Drawn":
        """Some of them."""
        if len(numbers) == len(self.rows):
            return self
        at = torch.tensor(numbers, device=self.z_src.device)
        rows, names = tuple(self.rows[n] for n in numbers), [self.names[n] for n in numbers]
        return _Drawn(self.z_src[at], draw_rows(self.draw, numbers), rows, names)


@dataclass
class RuleSourceHalf:
    """The source half of each step: draw t and eps, refine eps, and evaluate the rule's anchor
    (IDS, Algorithm 1, lines 3-10). A function of the step alone, whatever the target.

    Rows with equal source, seed and source prompt have equal source halves.
    """

    rule: Distillation
    eps_phi: Guided
    timesteps: DrawSource
    subject: Subject
    y_src: Prompt
    rng: Streams
    negative_prompt: str = ""
    _sources: _Sources | None = field(default=None, repr=False)  # of the last z_src
    _names: tuple[_Sources, list[_Names]] | None = field(default=None, repr=False)
    _conditions: dict[tuple[int, ...], tuple[Guided, Prompt]] = field(
        default_factory=dict, repr=False
    )

    @torch.no_grad()
    def __call__(self, step: int) -> Anchor:
        """The anchor of this step, of every row by itself."""
        rng = self.rng.at(step)
        z_src = self.subject.view(rng).z_src
        draw = self.timesteps.draw(z_src, rng)
        return self.rule.anchor(self.eps_phi, z_src, self.y_src, draw)

    def sources(self, step: int) -> Latent:
        """The latents of rows that differ in source, seed or source prompt."""
        return self._sources_at(self.rng.at(step)).distinct

    @torch.no_grad()
    def several(
        self,
        steps: Sequence[int],
        cache: AnchorCache | None = None,
        predictions: AnchorCache | None = None,
    ) -> Iterator[Anchor]:
        """The anchors of these steps. All rows that differ, and that the cache lacks, are evaluated
        in one call, without the `predictions` at hand; an anchor is given to the rows that share
        it when it is taken.
        """
        sources = [self._sources_at(self.rng.at(step)) for step in steps]
        named = cache is not None or predictions is not None
        drawn = [self._drawn(step, one, named) for step, one in zip(steps, sources, strict=True)]
        together = _Drawn.cat(drawn)

        def evaluated(numbers: Sequence[int]) -> AnchorRows:
            return self._evaluated(together.some(numbers), predictions)

        if cache is None:
            found = evaluated(range(len(together.rows)))
        else:
            names = [name.anchor for name in together.names]
            found = kept_rows(cache, names, evaluated, together.z_src.device)
        return map(self._given, sources, drawn, found.split([len(one.rows) for one in drawn]))

    def _drawn(self, step: int, sources: _Sources, named: bool) -> _Drawn:
        rng, z_src = self.rng.at(step), sources.distinct
        draw = self.timesteps.draw(z_src, rng.rows(sources.rows) if sources.shared else rng)
        names = self._names_of(sources, step) if named else ()
        return _Drawn(z_src, draw, sources.rows, names)

    def _evaluated(self, drawn: _Drawn, predictions: AnchorCache | None) -> AnchorRows:
        """The source halves, in one call."""
        guided, y_src = self._condition(drawn.rows)
        eps_phi: Denoiser = guided
        if predictions is not None:
            names = [name.eps for name in drawn.names], [name.eps_null for name in drawn.names]
            eps_phi = shared_denoiser(guided, drawn.z_src, y_src, drawn.draw, names, predictions)
        anchor = self.rule.anchor(eps_phi, drawn.z_src, y_src, drawn.draw)
        return AnchorRows.of(anchor, drawn.draw, y_src)

    def _given(self, sources: _Sources, drawn: _Drawn, rows: AnchorRows) -> Anchor:
        """The anchor of a step, for every row of the batch."""
        if not sources.shared:
            return rows.anchor(drawn.draw, self.y_src)
        at = torch.tensor(sources.of_row, device=drawn.z_src.device)
        return rows.rows(at).anchor(draw_rows(drawn.draw, sources.of_row), self.y_src)

    def _condition(self, rows: tuple[int, ...]) -> tuple[Guided, Prompt]:
        """Denoiser and source prompt of these rows of the batch: those of the last call, where they
        are the same.
        """
        if rows == tuple(range(len(self.y_src))):
            return self.eps_phi, self.y_src
        if rows not in self._conditions:
            self._conditions.clear()
            at = torch.tensor(rows, device=self.y_src.embedding.device)
            self._conditions[rows] = self.eps_phi.rows(at), self.y_src[at]
        return self._conditions[rows]

    def _sources_at(self, rng: Streams) -> _Sources:
        """The distinct sources of the view at this step; images have one view."""
        z_src = self.subject.view(rng).z_src
        if self._sources is None or self._sources.z_src is not z_src:
            prompts = [case.prompt_src for case in self.subject.cases]
            self._sources = _distinct(z_src, list(zip(rng.keys, prompts, strict=True)))
        return self._sources

    def _names_of(self, sources: _Sources, step: int) -> list[_Names]:
        """Of each source at a step."""
        if self._names is None or self._names[0] is not sources:
            drawn = _content(self.timesteps)
            half = [_content(self.rule), self.eps_phi.guidance_scale, self.negative_prompt]

            def named(row: int) -> _Names:
                source = [drawn, self.rng.keys[row], _digest(sources.z_src[row])]
                prompt = self.subject.cases[row].prompt_src
                parts = [*half, prompt], [prompt], [self.negative_prompt]
                return _Names(*(digest_of([*part, *source]) for part in parts))

            self._names = sources, [named(row) for row in sources.rows]
        return [_Names(*(f"{name}-{step}" for name in names)) for names in self._names[1]]


def _distinct(z_src: Latent, names: Sequence[tuple[str, str]]) -> _Sources:
    """Rows of one name are one source if their latents are equal; those of edited images differ."""
    rows: list[int] = []
    of_row: list[int] = []
    for row, name in enumerate(names):
        alike = (
            number
            for number, first in enumerate(rows)
            if names[first] == name and torch.equal(z_src[first], z_src[row])
        )
        number = next(alike, len(rows))
        if number == len(rows):
            rows.append(row)
        of_row.append(number)
    return _Sources(z_src, tuple(rows), tuple(of_row))


def _content(part: object) -> object:
    """A part of the method as data. `ConfigError` where it has none: the method is no failure, so
    that the store keeps none.
    """
    try:
        return content(part)
    except TypeError as error:
        raise ConfigError(f"engine.anchors=shared: {error}; use engine.anchors=ahead") from None


def _digest(x: Tensor) -> str:
    """SHA-256 of a tensor's shape, type and bytes."""
    found = hashlib.sha256(f"{x.dtype} {tuple(x.shape)}".encode())
    found.update(x.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
