"""What a step costs beside the network: operators, passes, copies, and reads that wait for the
device. Counted, never timed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from conftest import GOLDEN
from golden_replay.recording import Golden
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ids.backbones import sites
from ids.backbones.latent_diffusion import LatentDiffusion, UNetDenoiser
from ids.core.edit import EditContext
from ids.core.protocols import Distillation
from ids.core.records import Draw, EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import VP, Guided, Uniform, noised
from ids.diffusion.caching import CachedDenoiser
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import DistillationEditor
from ids.methods import DDS, FPR, PDS, SDS, NoRefinement, PatchNCE, Refined, Sum
from ids.methods.rules import patch_nce
from ids.representations import LatentImage

RECORDED = Golden(GOLDEN).backbone(torch.float64)
SCHEDULE = scaled_linear_vp(torch.float64)
BACKBONE = replace(RECORDED, denoiser=replace(RECORDED.denoiser, schedule=SCHEDULE))
CDS = Sum({"dds": DDS(), "cut": PatchNCE(n_patches=24)}, {"dds": 0.5, "cut": 3.0})
RULES: dict[str, tuple[Distillation, object]] = {
    "sds": (SDS(), NoRefinement()),
    "dds": (DDS(), NoRefinement()),
    "cds": (CDS, NoRefinement()),
    "pds": (PDS(), NoRefinement()),
    "ids": (DDS(), FPR(1)),
}
WAITING = {"_local_scalar_dense", "equal", "is_nonzero", "nonzero", "item"}  # for the device
TO_HOST = (Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.item, Tensor.__bool__, torch.equal)


class Operators(TorchDispatchMode):
    """The operators that run, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


class HostReads(TorchFunctionMode):
    """The calls that bring numbers to the host, on any device."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += func in TO_HOST
        return func(*args, **(kwargs or {}))


def subject_of(rows: int) -> LatentImage:
    z = torch.randn(rows, 4, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    cases = [EditCase(str(i), Shapes(count=1)[0].source, "source", "target") for i in range(rows)]
    return LatentImage(z, cases, BACKBONE.decode)


def run(method: str, n_steps: int) -> None:
    rule, fpr = RULES[method]
    sgd = partial(torch.optim.SGD, lr=0.1)
    edit = DistillationEditor(rule, Uniform(), sgd, n_steps, fpr=fpr)  # type: ignore[arg-type]
    edit(EditContext(BACKBONE, Streams(("a", "b"))), subject_of(2))


def per_step(count: Callable[[int], int]) -> int:
    """Of a step, without what is done once per edit."""
    return (count(3) - count(1)) // 2


def operators(method: str, n_steps: int) -> Counter[str]:
    with Operators() as counted:
        run(method, n_steps)
    return counted.seen


@pytest.mark.parametrize("method", RULES)
def test_no_step_waits_for_the_device(method: str) -> None:
    def reads(n_steps: int) -> int:
        with HostReads() as reads:
            seen = operators(method, n_steps)
        return reads.seen + sum(seen[name] for name in WAITING)

    assert per_step(reads) == 0


def test_a_read_of_the_device_is_counted() -> None:
    """The test above can fail."""
    x = torch.ones(2)
    with HostReads() as reads, Operators() as counted:
        assert x.sum() > 1
        assert torch.equal(x, x.clone())
    assert reads.seen >= 2
    assert sum(counted.seen[name] for name in WAITING) >= 2


@pytest.mark.parametrize(("method", "calls", "most"), [("sds", 1, 40), ("dds", 2, 52)])
def test_operators_beside_the_network(method: str, calls: int, most: int) -> None:
    """Draws, guidance, the rule, the optimizer and the curves; they were 12 more in a DDS step."""
    z, t = torch.zeros(4, 4, 8, 8).double(), torch.tensor([5] * 4)
    y = BACKBONE.prompt(["source"] * 4)
    with torch.no_grad(), Operators() as network:
        BACKBONE.eps(z, y, t)
    step = per_step(lambda n: operators(method, n).total())
    assert 0 < step - calls * network.seen.total() <= most


def test_the_contrastive_score_makes_three_calls_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both source samples at once; of the target, the prompt's half alone has a gradient."""
    calls: list[tuple[int, bool]] = []
    original = UNetDenoiser.__call__

    def counted(self: UNetDenoiser, z_t: Tensor, *rest: Any) -> Tensor:
        calls.append((len(z_t), z_t.requires_grad and torch.is_grad_enabled()))
        return original(self, z_t, *rest)

    monkeypatch.setattr(UNetDenoiser, "__call__", counted)
    run("cds", 1)
    assert calls == [(4, False), (2, False), (2, True)]


def test_places_are_copied_to_the_device_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """All sites, sizes and both halves together: 36 copies of a step on Stable Diffusion 1.5."""
    copied: list[Tensor] = []
    original = patch_nce.to_device

    def counted(x: Tensor, device: torch.device) -> Tensor:
        copied.append(x)
        return original(x, device)

    monkeypatch.setattr(patch_nce, "to_device", counted)
    run("cds", 3)
    assert len(copied) == 3


def test_modules_are_selected_once_for_all_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[object] = []
    original = sites.select_modules

    def counted(*args: Any) -> Any:
        found.append(args)
        return original(*args)

    monkeypatch.setattr(sites, "select_modules", counted)
    fresh = Golden(GOLDEN).backbone(torch.float64)
    z, y, t = torch.zeros(1, 4, 16, 16).double(), fresh.prompt(["source"]), torch.tensor([5])
    first, second = (fresh.features(z, y, t, "up_blocks.*.attn1")[1] for _ in range(2))
    assert first.keys() == second.keys()
    assert len(found) == 1
    fresh.features(z, y, t, "mid_block.resnets.0")
    assert len(found) == 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_coefficients_are_read_from_a_table(dtype: torch.dtype) -> None:
    """Bit for bit those of float64, rounded; one operator each."""
    schedule, t = scaled_linear_vp(dtype), torch.arange(1000)
    alpha_bar = schedule.alpha_bar
    assert torch.equal(schedule.alpha(t).flatten(), alpha_bar.sqrt().to(dtype))
    assert torch.equal(schedule.sigma(t).flatten(), (1 - alpha_bar).sqrt().to(dtype))
    assert schedule.alpha(t).shape == (1000, 1, 1, 1)
    with Operators() as counted:
        schedule.alpha(t)
        schedule.sigma(t)
    assert counted.seen.total() == 2
    assert VP(alpha_bar, torch.float16).alpha(t).dtype == torch.float16


def test_equal_inputs_are_known_without_their_numbers() -> None:
    """One pass for one z_0, eps and t in memory, also for a view of it; another latent, or one that
    was changed since, is another pass.
    """
    calls: list[Tensor] = []

    class Counted:
        schedule = BACKBONE.schedule

        def __call__(self, z_t: Tensor, y: object, t: Tensor) -> Tensor:
            calls.append(z_t)
            return z_t

    z, y = torch.randn(1, 4, 8, 8).double(), BACKBONE.prompt(["source"])
    draw = Draw(torch.tensor([300]), torch.randn_like(z), Streams(("a",)))
    eps_phi = CachedDenoiser.of(Counted())
    assert CachedDenoiser.of(eps_phi) is eps_phi
    for same in (z, z.detach()):
        eps_phi(noised(eps_phi, same, draw), y, draw.t)
    assert len(calls) == 1
    eps_phi(noised(eps_phi, z.clone(), draw), y, draw.t)
    assert len(calls) == 2
    z.add_(1)
    changed = eps_phi(noised(eps_phi, z, draw), y, draw.t)
    assert len(calls) == 3
    torch.testing.assert_close(changed, calls[1] + BACKBONE.schedule.alpha(draw.t))


def test_refined_noise_and_its_logs_share_a_pass() -> None:
    draw = Draw(torch.tensor([300]), torch.randn(1, 4, 16, 16).double(), Streams(("a",)))
    z, y = torch.randn(1, 4, 16, 16).double(), BACKBONE.prompt(["source"])
    eps_phi = Guided(BACKBONE, BACKBONE.prompt([""]), 7.5)
    with Operators() as rule:
        Refined(CDS, FPR(1)).anchor(eps_phi, z, y, draw)
    with torch.no_grad(), Operators() as network:
        BACKBONE.eps(torch.cat([z, z]), BACKBONE.prompt(["source"] * 2), torch.tensor([5, 5]))
    convolutions = [seen["convolution"] for seen in (rule.seen, network.seen)]
    assert convolutions[0] == 2 * convolutions[1]  # FPR's pass, and one for rule and logs


def test_decoding_goes_on_with_fewer_latents_where_memory_is_short() -> None:
    """A finished edit is not lost to the autoencoder."""
    tried: list[int] = []

    class Small:
        def encode(self, x: Tensor) -> Tensor:
            raise NotImplementedError

        def decode(self, z: Tensor) -> Tensor:
            tried.append(len(z))
            if len(z) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
            return z[:, :3]

    backbone = LatentDiffusion(BACKBONE.denoiser, Small(), BACKBONE.text)
    z = torch.randn(11, 4, 2, 2)
    assert torch.equal(backbone.decode(z), z[:, :3])
    assert tried == [8, 4, 2, 2, 2, 2, 2, 1]
