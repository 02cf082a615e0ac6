"""The arithmetic of the released SDS, DDS, CDS, PDS and IDS, one image and one step at a time. What
it costs depends on the network that it is given: `loops.released` or `loops.plain`.

The draws are given, which costs these loops nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ids.core.prompt import Prompts
from ids.core.records import Draw
from ids.core.tensors import Latent
from ids.editing import DistillationEditor
from ids.methods import DDS, FPR, PDS, SDS, FiniteDifferenceFPR, NoRefinement, PatchNCE, Sum
from loops.network import Network
from loops.patches import contrast


@dataclass(frozen=True)
class Task:
    """One edit: z_src [1, C, H, W], prompts of one row, and a draw per step."""

    z_src: Latent
    y: Prompts
    draws: Sequence[Draw]
    z_trg: Latent | None = None  # where the edit starts; None: at z_src

    @property
    def start(self) -> Latent:
        """Where the edit starts."""
        return self.z_src if self.z_trg is None else self.z_trg


class Step(NamedTuple):
    """What a step computes from. `z_trg` is a leaf that requires a gradient."""

    network: Network
    editor: DistillationEditor
    y: Prompts
    z_src: Latent
    z_trg: Latent
    draw: Draw


def states(network: Network, editor: DistillationEditor, task: Task) -> Iterator[Latent]:
    """z_trg after each step, detached; the same tensor each time."""
    z_src = task.z_src.to(network.latent_dtype)
    z_trg = torch.nn.Parameter(task.start.to(network.latent_dtype, copy=True))
    optimizer = editor.optimizer([z_trg])
    gradient = _RULES[type(editor.distillation)]
    for draw in task.draws[: editor.n_steps]:
        optimizer.zero_grad()
        step = Step(network, editor, task.y, z_src, z_trg, draw)
        loss = editor.grad_scale * (z_trg * gradient(step).detach()).sum()
        loss.backward()
        network.show(loss)
        optimizer.step()
        yield z_trg.detach()


def edited(network: Network, editor: DistillationEditor, task: Task) -> Latent:
    """z_trg of a whole edit."""
    *_, z_trg = states(network, editor, task)
    return z_trg


def _sds(step: Step) -> Tensor:
    """2 F: the target, guided."""
    eps = step.draw.eps.to(step.z_trg.dtype)
    z_t = step.network.diffuse(step.z_trg.detach(), eps, step.draw.t)
    with torch.no_grad():
        return _guided(step, z_t, step.y.trg.embedding) - eps


def _dds(step: Step) -> Tensor:
    """4 F: source and target, guided, in one call of four rows. IDS refines the noise before."""
    return _delta(step, _noise(step))


def _noise(step: Step) -> Tensor:
    """The drawn noise, or eps* at the cost of 2 N F + 2 N G: N gradient steps on z_t of the source,
    then the noise that leads there.
    """
    network, t, fpr = step.network, step.draw.t, step.editor.fpr
    drawn = step.draw.eps.to(step.z_src.dtype)
    if isinstance(fpr, NoRefinement):
        return drawn
    if not isinstance(fpr, FPR | FiniteDifferenceFPR):
        raise TypeError(f"reference loop: expected a released refiner; got {type(fpr).__name__}")
    probe = fpr.probe if isinstance(fpr, FiniteDifferenceFPR) else 0.0
    z_t = network.diffuse(step.z_src, drawn, t)
    for _ in range(fpr.n_iters):
        exact = isinstance(fpr, FPR)
        change = _gradient(step, z_t) if exact else _difference(step, z_t, probe)
        z_t = z_t.detach() - fpr.scale * change
    alpha, sigma = network.coefficients(t)
    return (z_t - alpha * step.z_src) / sigma


def _gradient(step: Step, z_t: Tensor) -> Tensor:
    """Of the residual's length, by automatic differentiation."""
    z_t = z_t.detach().requires_grad_()
    length = torch.linalg.vector_norm(step.z_src - _posterior_mean(step, z_t))
    (gradient,) = torch.autograd.grad(length, z_t)
    return gradient


@torch.no_grad()
def _difference(step: Step, z_t: Tensor, probe: float) -> Tensor:
    """The same by two posterior means."""
    mean = _posterior_mean(step, z_t)
    residual: Tensor = step.z_src - mean
    h = probe * step.network.coefficients(step.draw.t)[1] * z_t[0].numel() ** 0.5
    further = _posterior_mean(step, z_t + h * residual / torch.linalg.vector_norm(residual))
    gradient: Tensor = (mean - further) / h
    return gradient


def _posterior_mean(step: Step, z_t: Tensor) -> Tensor:
    eps = _guided(step, z_t, step.y.src.embedding)
    return step.network.posterior_mean(z_t, eps, step.draw.t)


def _guided(step: Step, z_t: Tensor, embedding: Tensor) -> Tensor:
    """The guided noise prediction of one latent: two rows."""
    text = torch.cat([step.y.null.embedding, embedding])
    both = step.network.noise(torch.cat([z_t] * 2), text, step.draw.t.repeat(2))
    return _combined(step, *both.chunk(2))


def _combined(step: Step, eps_null: Tensor, eps_y: Tensor) -> Tensor:
    return eps_null + step.editor.guidance_scale * (eps_y - eps_null)


@torch.no_grad()
def _delta(step: Step, eps: Tensor) -> Tensor:
    """Guided prediction of the target minus that of the source, on the same noise."""
    network, t = step.network, step.draw.t
    z_t = torch.cat([network.diffuse(z, eps, t) for z in (step.z_src, step.z_trg.detach())])
    null, src, trg = (y.embedding for y in (step.y.null, step.y.src, step.y.trg))
    text = torch.cat([null, null, src, trg])
    rows = network.noise(torch.cat([z_t, z_t]), text, t.repeat(4))
    source, target = _combined(step, *rows.chunk(2)).chunk(2)
    return target - source


def _pds(step: Step) -> Tensor:
    """4 F: the stochastic latents of source and target, a call of two rows each."""
    pairs = (step.z_src, step.y.src), (step.z_trg.detach(), step.y.trg)
    with torch.no_grad():
        source, target = (_stochastic(step, z, y.embedding) for z, y in pairs)
    return target - source


def _stochastic(step: Step, z: Tensor, embedding: Tensor) -> Tensor:
    network, t, t_prev = step.network, step.draw.t, step.draw.t_prev
    assert t_prev is not None
    alpha_t, beta_t = network.single_step(t)
    bar, bar_prev = (network.coefficients(at)[0] ** 2 for at in (t, t_prev))
    z_t = network.diffuse(z, step.draw.eps.to(z.dtype), t)
    eps = _guided(step, z_t, embedding)
    z_0 = network.posterior_mean(z_t, eps, t)
    mean = bar_prev.sqrt() * beta_t / (1 - bar) * z_0
    mean = mean + alpha_t.sqrt() * (1 - bar_prev) / (1 - bar) * z_t
    sigma = ((1 - bar_prev) / (1 - bar) * beta_t).sqrt()
    noise = step.draw.rng.normal("eps_prev", like=z)
    return (network.diffuse(z, noise, t_prev) - mean) / sigma


def _cds(step: Step) -> Tensor:
    """6 F + 2 G: as DDS, whose call keeps the source's features; then the target once more with a
    graph, whose features are compared, and whose gradient is added to that of z_trg.
    """
    rule = step.editor.distillation
    assert isinstance(rule, Sum)
    cut = rule.terms["cut"]
    assert isinstance(cut, PatchNCE)
    eps = _noise(step)
    delta = _delta(step, eps)
    reference = step.network.kept_maps(row=2)
    z_t = step.network.diffuse(step.z_trg, eps, step.draw.t)
    _guided(step, z_t, step.y.trg.embedding)
    loss = contrast(cut, reference, step.network.maps(row=1), step.draw.rng)
    (step.editor.grad_scale * rule.weights["cut"] * loss).backward()
    step.network.show(loss)
    return rule.weights["dds"] * delta


_RULES: dict[type, Callable[[Step], Tensor]] = {
    SDS: _sds,
    DDS: _dds,
    PDS: _pds,
    Sum: _cds,
}
