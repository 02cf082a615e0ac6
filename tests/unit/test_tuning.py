"""Engine options of a GPU: what they set up, and that they are no part of a result's identity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ids.backbones import Gaussian, InMemory, LatentDiffusion, StableDiffusion
from ids.backbones.graphs import Graphs
from ids.backbones.offload import Idle
from ids.backbones.tuning import tune
from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.edit import AnchorCache
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.records import Anchor, Draw
from ids.core.rng import Streams
from ids.editing.ahead import Ahead
from ids.run import Engine, Session
from ids.run.engine import set_tf32

CPU = torch.device("cpu")
LATENT = torch.zeros(2, 4, 2, 2)
EVERY = Engine(
    "cpu", channels_last=True, attention="math", checkpointing=True, offload=True, graphs=True
)


@dataclass(frozen=True)
class Unchanged:
    """A hook that changes nothing."""

    sites: str

    def __call__(self, site: str, h: Tensor) -> Tensor:
        return h


@pytest.fixture(scope="module")
def shapes() -> LatentDiffusion:
    return StableDiffusion("shapes").load(CPU)


def predicted(backbone: Any, z: Tensor) -> Tensor:
    y, t = backbone.prompt(["a red disk", ""]), torch.tensor([100, 800])
    found: Tensor = backbone.eps(z, y, t)
    return found


@pytest.fixture(scope="module")
def z() -> Tensor:
    return torch.randn(2, 12, 8, 8, generator=torch.Generator().manual_seed(0))


def test_options_change_rounding_alone(shapes: LatentDiffusion, z: Tensor) -> None:
    tuned = tune(StableDiffusion("shapes").load(CPU), EVERY.tuning, CPU)
    assert isinstance(tuned, LatentDiffusion)
    with_grad, wanted = z.clone().requires_grad_(), z.clone().requires_grad_()
    eps, plain = predicted(tuned, with_grad), predicted(shapes, wanted)
    torch.testing.assert_close(eps, plain, atol=2e-5, rtol=1e-4)
    assert eps.is_contiguous()
    (found,), (expected,) = (
        torch.autograd.grad(out.square().sum(), x) for out, x in ((eps, with_grad), (plain, wanted))
    )
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    latent = tuned.encode(x)
    torch.testing.assert_close(latent, shapes.encode(x), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(tuned.decode(latent), shapes.decode(latent), atol=1e-4, rtol=1e-3)


def test_the_layout_and_checkpoints_reach_the_networks() -> None:
    tuned: Any = tune(StableDiffusion("shapes").load(CPU), EVERY.tuning, CPU)
    unet, vae = tuned.denoiser.unet, tuned.autoencoder.vae.network
    for first in (unet.conv_in, vae.encoder.conv_in):
        assert first.weight.is_contiguous(memory_format=torch.channels_last)
    assert unet.is_gradient_checkpointing
    default: Any = tune(StableDiffusion("shapes").load(CPU), Engine().tuning, CPU)
    assert not default.denoiser.unet.is_gradient_checkpointing
    assert default.denoiser.unet.conv_in.weight.is_contiguous()


def test_only_stable_diffusion_is_set_up(shapes: LatentDiffusion) -> None:
    world = Gaussian().load(CPU)
    assert tune(world, EVERY.tuning, CPU) is world
    given = InMemory(shapes, 64, 1.0)
    assert Session(EVERY).backbone(given) is shapes


def test_other_options_load_the_backbone_anew() -> None:
    source = StableDiffusion("shapes")
    session = Session(Engine("cpu"))
    first = session.backbone(source)
    assert session.with_engine(Engine("cpu", batch_size=2)).backbone(source) is first
    second: Any = session.with_engine(Engine("cpu", offload=True)).backbone(source)
    assert second is not first
    assert isinstance(second.autoencoder.vae, Idle)


def test_graphs_are_for_a_gpu_and_see_hooks(shapes: LatentDiffusion, z: Tensor) -> None:
    seen: list[bool] = []

    def evaluate(z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        seen.append(hooked)
        return z_t

    denoiser = shapes.denoiser.evaluated_by(evaluate)
    y, t = Prompt(torch.zeros(2, 4, 8)), torch.tensor([1, 2])
    denoiser(z, y, t)
    sites = "up_blocks.*.attn1"
    with pytest.raises(ConfigError), denoiser.hooked(Unchanged("none*")):
        pass
    denoiser(z, y, t)
    denoiser.features(z, y, t, sites)
    denoiser(z, y, t)
    assert seen == [False, False, True, False]
    on_cpu: Any = tune(shapes, Engine(graphs=True).tuning, CPU)
    on_gpu: Any = tune(shapes, Engine().tuning, torch.device("cuda"))
    without: Any = tune(shapes, Engine(graphs=False).tuning, torch.device("cuda"))
    kinds = [isinstance(one.denoiser._evaluation, Graphs) for one in (on_cpu, on_gpu, without)]
    assert kinds == [False, True, False]


def test_offloaded_weights_are_on_the_device_during_a_call_alone() -> None:
    network = nn.Linear(3, 2).requires_grad_(False)
    at_home, seen = network.weight.data_ptr(), []
    network.register_forward_hook(lambda *_: seen.append(network.weight.data_ptr()))
    idle, x = Idle(network, CPU), torch.ones(1, 3)
    wanted = network(x)
    assert torch.equal(idle(x), wanted)
    assert seen[0] == at_home != seen[1]
    with pytest.raises(RuntimeError):
        idle(torch.ones(1, 4))
    assert network.weight.data_ptr() == at_home
    idle(x.requires_grad_()).sum().backward()
    assert network.weight.data_ptr() == seen[-1] != at_home  # the backward reads it
    assert x.grad is not None


def test_options_are_described_where_they_are_not_the_default() -> None:
    default = Engine("cpu").describe(CPU)
    chosen = replace(EVERY, tf32=True).describe(CPU)
    assert chosen == default | {
        "tf32": "true",
        "graphs": "true",
        "channels_last": "true",
        "attention": "math",
        "checkpointing": "true",
        "offload": "true",
    }


def test_single_precision_is_single_precision() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    try:
        for allowed in (True, False):
            set_tf32(allowed)
            assert torch.backends.cudnn.allow_tf32 is allowed
            assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
    finally:
        torch.backends.cudnn.allow_tf32 = before[0]
        torch.set_float32_matmul_precision(before[1])


@pytest.mark.parametrize(
    ("words", "precision"),
    [
        ("engine.device=cpu", "fp32"),
        ("engine.device=cuda", "fp16"),
        ("engine.device=cuda:1 launch=devices", "fp16"),
        ("launch=slurm", "fp16"),
        ("launch=slurm launch.gpus=0", "fp32"),
        ("launch=slurm launch.gres='gpu:a100:1' launch.gpus=0", "fp16"),
        ("launch=slurm launch.gres='shard:1'", "fp32"),
        ("launch=ray launch.gpus=0.5", "fp16"),
        ("launch=slurm engine.device=cpu", "fp32"),
        ("engine.device=cuda backbone.precision=fp32", "fp32"),
    ],
)
def test_the_precision_is_known_before_anything_is_planned(words: str, precision: str) -> None:
    (setting,) = compose_all(["backbone=sd15", *words.split()])
    assert setting.values["backbone"]["precision"] == precision


@pytest.mark.parametrize("found", [True, False])
def test_the_precision_follows_this_machine(found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    for more in ([], ["launch=slurm", "launch.cluster=local"]):
        (setting,) = compose_all(["backbone=sd15", *more])
        assert setting.values["backbone"]["precision"] == ("fp16" if found else "fp32")


def test_wrong_options_are_one_line() -> None:
    for word, expected in {
        "engine.graphs=sometimes": "engine.graphs: expected bool or auto; got 'sometimes'",
        "engine.attention=quick": "one of auto, flash, cudnn, efficient, math; got 'quick'",
        "engine.offload=1": "engine.offload: expected bool; got 1",
    }.items():
        (setting,) = compose_all([word])
        with pytest.raises(ConfigError) as error:
            build_experiment(setting)
        assert expected in str(error.value)


class Half:
    """Source halves of two latents that cost nothing."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, step: int) -> Anchor:
        return Anchor(Draw(torch.zeros(2), LATENT, Streams.of(0, ["a", "b"])), LATENT)

    def sources(self, step: int) -> Tensor:
        return LATENT

    def several(self, steps: Sequence[int], *caches: AnchorCache | None) -> Iterator[Anchor]:
        self.calls.append(len(steps))
        return map(self, steps)


def test_source_halves_ahead_are_as_many_as_fit() -> None:
    after: list[int] = []

    def fit(rows: int) -> int:
        after.append(rows)
        return 6

    half, ahead = Half(), Ahead(8, fit=fit)
    assert len(list(ahead(half, 10))) == 10
    assert half.calls == [1, 3, 3, 3]
    assert len(list(ahead(half, 3))) == 3
    assert half.calls[4:] == [3]
    assert after == [2]  # measured once
