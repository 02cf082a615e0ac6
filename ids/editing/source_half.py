"""The source half of distillation: one step at a time, or several in one call."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ids.core.anchor_rows import AnchorRows, draw_rows, stacked_draw
from ids.core.capabilities import content
from ids.core.edit import AnchorCache, Subject
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Distillation, DrawSource
from ids.core.records import Anchor, Draw, digest_of
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion.guidance import Guided


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


@dataclass(frozen=True)
class _Drawn:
    """Distinct sources at one step, and their draw. `numbers` are theirs among the sources."""

    step: int
    sources: _Sources
    numbers: Sequence[int]
    z_src: Latent
    draw: Draw

    @property
    def rows(self) -> list[int]:
        """A row of the batch for each."""
        return [self.sources.rows[number] for number in self.numbers]

    def some(self, numbers: Sequence[int]) -> "_Drawn":
        """Some of them."""
        if len(numbers) == len(self.numbers):
            return self
        at = torch.tensor(numbers, device=self.z_src.device)
        return _Drawn(
            self.step, self.sources, numbers, self.z_src[at], draw_rows(self.draw, numbers)
        )


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
    _names: tuple[_Sources, list[str]] | None = field(default=None, repr=False)
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
    def several(self, steps: Sequence[int], cache: AnchorCache | None = None) -> Iterator[Anchor]:
        """The anchors of these steps. All rows that differ, and that the cache lacks, are evaluated
        in one call; an anchor is given to the rows that share it when it is taken.
        """
        drawn = [self._drawn(step) for step in steps]
        found = self._evaluated(drawn) if cache is None else self._cached(drawn, cache)
        return map(self._given, drawn, found)

    def _drawn(self, step: int) -> _Drawn:
        rng = self.rng.at(step)
        sources = self._sources_at(rng)
        z_src = sources.distinct
        draw = self.timesteps.draw(z_src, rng.rows(sources.rows) if sources.shared else rng)
        return _Drawn(step, sources, range(len(z_src)), z_src, draw)

    def _evaluated(self, drawn: Sequence[_Drawn]) -> list[AnchorRows]:
        """The source halves of each step, in one call."""
        draw = stacked_draw([one.draw for one in drawn])
        z_src = torch.cat([one.z_src for one in drawn])
        eps_phi, y_src = self._condition(tuple(row for one in drawn for row in one.rows))
        rows = AnchorRows.of(self.rule.anchor(eps_phi, z_src, y_src, draw), draw)
        return rows.split([len(one.z_src) for one in drawn])

    def _cached(self, drawn: Sequence[_Drawn], cache: AnchorCache) -> list[AnchorRows]:
        """The same, without the rows that the cache has; it gets the others."""
        names = [self._names_of(one) for one in drawn]
        found = {name: cache.get(name) for each in names for name in each}
        kept = {name: row for name, row in found.items() if row is not None}
        lacking = [
            one.some([number for number, name in enumerate(each) if name not in kept])
            for one, each in zip(drawn, names, strict=True)
            if not kept.keys() >= set(each)
        ]
        if lacking:
            made = [row for rows in self._evaluated(lacking) for row in rows.singles()]
            missing = [name for each in names for name in each if found[name] is None]
            for name, row in zip(missing, made, strict=True):
                kept[name] = row
                cache.put(name, row)
        device = self.y_src.embedding.device
        return [AnchorRows.cat([kept[name].to(device) for name in each]) for each in names]

    def _given(self, one: _Drawn, rows: AnchorRows) -> Anchor:
        """The anchor of a step, for every row of the batch."""
        if not one.sources.shared:
            return rows.anchor(one.draw)
        of_row = one.sources.of_row
        at = torch.tensor(of_row, device=one.z_src.device)
        return rows.rows(at).anchor(draw_rows(one.draw, of_row))

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

    def _names_of(self, one: _Drawn) -> list[str]:
        """The name of each source at a step: a digest of everything that decides its anchor."""
        sources = one.sources
        if self._names is None or self._names[0] is not sources:
            half = [*map(_content, (self.rule, self.timesteps)), self.eps_phi.guidance_scale]
            named = [
                (self.negative_prompt, prompt, self.rng.keys[row], _digest(sources.z_src[row]))
                for row in sources.rows
                for prompt in [self.subject.cases[row].prompt_src]
            ]
            self._names = sources, [digest_of([half, *names]) for names in named]
        return [f"{name}-{one.step}" for name in self._names[1]]


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
