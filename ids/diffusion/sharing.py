"""Predictions of sources at their drawn noise, shared by rules, refiners and guidance scales."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ids.core.anchor_rows import AnchorRows, draw_rows
from ids.core.capabilities import FeatureBackbone, require
from ids.core.edit import AnchorCache
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Schedule
from ids.core.records import Draw
from ids.core.tensors import Features, Latent, PerRow, Timestep
from ids.diffusion.caching import CachedDenoiser, Seen
from ids.diffusion.guidance import Guided, guide

AtNoise = Callable[[Denoiser, Latent, Latent, Prompt, Timestep], tuple[PerRow, Latent]]


@dataclass(frozen=True)
class DrawnSources:
    """Sources at their drawn noise. `names` stand for everything that decides the prediction of a
    row for its prompt, `null_names` for the null prompt.
    """

    z_src: Latent
    z_t: Seen
    y: Prompt
    draw: Draw
    names: Sequence[str]
    null_names: Sequence[str]

    def rows(self, rows: Sequence[int]) -> "DrawnSources":
        """Some of the rows."""
        at = torch.tensor(rows, device=self.z_src.device)
        names, null_names = ([x[row] for row in rows] for x in (self.names, self.null_names))
        z_t, draw = Seen.of(self.z_t.z[at]), draw_rows(self.draw, rows)
        return DrawnSources(self.z_src[at], z_t, self.y[at], draw, names, null_names)


@dataclass(frozen=True)
class SharedDenoiser:
    """The denoiser of source halves. Its predictions at the drawn noise are kept row by row, for
    the null prompt and the source prompt apart, so that they serve every guidance scale. At another
    z_t, such as a refined one, it is the guided denoiser.
    """

    eps_phi: Guided
    drawn: DrawnSources
    cache: AnchorCache

    @property
    def schedule(self) -> Schedule:
        """The denoiser's."""
        return self.eps_phi.schedule

    @property
    def guidance_scale(self) -> float:
        """The denoiser's."""
        return self.eps_phi.guidance_scale

    @property
    def y_null(self) -> Prompt:
        """The denoiser's."""
        return self.eps_phi.y_null

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The guided noise prediction. One with a graph is always computed, and kept without it."""
        if not self.is_drawn(z_t, y, t):
            return self.eps_phi(z_t, y, t)
        if torch.is_grad_enabled() and z_t.requires_grad:
            return self._with_graph(z_t)
        n = len(z_t)
        if self.eps_phi.guidance_scale == 1:
            return self._predictions(range(n, 2 * n))
        eps_null, eps_y = self._predictions(range(2 * n)).chunk(2)
        return guide(eps_null, eps_y, self.eps_phi.guidance_scale)

    def unguided(self, z_t: Latent, prompts: Sequence[Prompt], t: Timestep) -> Sequence[Latent]:
        """The noise predictions without guidance; those of null and source prompt at the drawn
        noise are shared.
        """
        n, known = len(z_t), (self.y_null, self.drawn.y)
        shared = self.is_drawn(z_t, self.drawn.y, t) and all(
            any(y is one for one in known) for y in prompts
        )
        if not shared or (torch.is_grad_enabled() and z_t.requires_grad):
            return self.eps_phi.unguided(z_t, prompts, t)
        at = [0 if y is self.y_null else n for y in prompts]
        return [self._predictions(range(first, first + n)) for first in at]

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        """The noise prediction, detached, and the maps of the prompt's half, which is always
        computed.
        """
        if not self.is_drawn(z_t, y, t):
            return self.eps_phi.features(z_t, y, t, sites)
        eps, maps = require(self.eps_phi.backbone, FeatureBackbone).features(z_t, y, t, sites)
        eps_y = eps.detach()
        self._keep(self.drawn.names, eps_y)
        if self.eps_phi.guidance_scale == 1:
            return eps_y, maps
        eps_null = self._predictions(range(len(z_t)))
        return guide(eps_null, eps_y, self.eps_phi.guidance_scale), maps

    def is_drawn(self, z_t: Latent, y: Prompt, t: Timestep) -> bool:
        """Are these the sources at the drawn noise? Compared as tensors in memory."""
        return y is self.drawn.y and t is self.drawn.draw.t and z_t in self.drawn.z_t

    def once(self, compute: AtNoise) -> tuple[PerRow, Latent]:
        """What `compute` gives at the drawn noise, a number and a latent per row: kept under its
        name and the guidance scale.
        """
        drawn = self.drawn

        def make(rows: Sequence[int]) -> AnchorRows:
            part = self
            if len(rows) < len(drawn.names):
                at = torch.tensor(rows, device=drawn.z_src.device)
                part = SharedDenoiser(self.eps_phi.rows(at), drawn.rows(rows), self.cache)
            of = part.drawn
            number, latent = compute(part, of.z_src, of.z_t.z, of.y, of.draw.t)
            return AnchorRows.of_latents(latent, {"number": number})

        what = f"{compute.__name__}-{float(self.eps_phi.guidance_scale)}"
        names = [f"{name}-{what}" for name in drawn.names]
        found = kept_rows(self.cache, names, make, drawn.z_src.device).anchor(drawn.draw)
        return found.logs["number"], found.reference

    def _with_graph(self, z_t: Latent) -> Latent:
        drawn, scale = self.drawn, self.eps_phi.guidance_scale
        if scale == 1:
            eps_y = self.eps_phi(z_t, drawn.y, drawn.draw.t)
            self._keep(drawn.names, eps_y.detach())
            return eps_y
        eps_null, eps_y = self.eps_phi.pair(z_t, drawn.y, drawn.draw.t)
        self._keep([*drawn.null_names, *drawn.names], torch.cat([eps_null, eps_y]).detach())
        return guide(eps_null, eps_y, scale)

    @torch.no_grad()
    def _predictions(self, numbers: range) -> Latent:
        """The rows of these numbers: the null prompt's first, then the prompt's."""
        drawn = self.drawn
        z_t, t = drawn.z_t.z.repeat(2, 1, 1, 1), drawn.draw.t.repeat(2)
        y = self.eps_phi.joined(self.y_null, drawn.y)

        def make(rows: Sequence[int]) -> AnchorRows:
            at = torch.tensor([numbers[row] for row in rows], device=z_t.device)
            return AnchorRows.of_latents(self.eps_phi.backbone.eps(z_t[at], y[at], t[at]))

        names = [*drawn.null_names, *drawn.names][numbers.start : numbers.stop]
        rows = kept_rows(self.cache, names, make, z_t.device)
        return rows.reference

    def _keep(self, names: Sequence[str], eps: Latent) -> None:
        for name, row in zip(names, AnchorRows.of_latents(eps).singles(), strict=True):
            self.cache.put(name, row)


def shared_denoiser(
    eps_phi: Guided,
    z_src: Latent,
    y: Prompt,
    draw: Draw,
    names: tuple[Sequence[str], Sequence[str]],
    cache: AnchorCache,
) -> CachedDenoiser:
    """The denoiser of these sources, whose `noised` gives the tensor that it knows again. `names`
    are those of the rows with their prompts and with the null prompt.
    """
    cached = CachedDenoiser(eps_phi)
    drawn = DrawnSources(z_src, Seen.of(cached.noised(z_src, draw)), y, draw, *names)
    return replace(cached, eps_phi=SharedDenoiser(eps_phi, drawn, cache))


def once(
    compute: AtNoise, eps_phi: Denoiser, z_src: Latent, z_t: Latent, y: Prompt, t: Timestep
) -> tuple[PerRow, Latent]:
    """`compute` of the other arguments; kept, where z_t is a source at its drawn noise."""
    shared = eps_phi.eps_phi if isinstance(eps_phi, CachedDenoiser) else eps_phi
    if isinstance(shared, SharedDenoiser) and shared.is_drawn(z_t, y, t):
        return shared.once(compute)
    return compute(eps_phi, z_src, z_t, y, t)


def kept_rows(
    cache: AnchorCache,
    names: Sequence[str],
    make: Callable[[Sequence[int]], AnchorRows],
    device: torch.device,
) -> AnchorRows:
    """The rows of these names, on the device. Those that the cache lacks are made by their numbers,
    all at once, each name once, and given to it.
    """
    found = {name: cache.get(name) for name in names}
    kept = {name: row for name, row in found.items() if row is not None}
    lacking = {name: number for number, name in enumerate(names) if name not in kept}
    if lacking:
        made = make(list(lacking.values())).singles()
        for name, row in zip(lacking, made, strict=True):
            kept[name] = row
            cache.put(name, row)
    return AnchorRows.cat([kept[name].to(device) for name in names])
