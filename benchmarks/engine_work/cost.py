"""Memory above the weights, floating point operations, and the time of torch's operators."""

import os
from collections.abc import Callable
from typing import Any

import torch
from loops.counts import Counts
from loops.network import Network
from torch.utils.flop_counter import FlopCounterMode

from ids.core.tensors import Latent

REPEATED = 10
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's messages


def peak_above(call: Callable[[], object], device: torch.device) -> float:
    """Bytes that torch allocates during the call, at most at one time: activations, saved tensors
    and results; weights exist before it. On the CPU the allocator's events are summed up.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return float(torch.cuda.max_memory_allocated(device) - before)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        call()
    live = most = 0
    for event in sorted(_memory_events(profile), key=lambda event: int(event.start_ns())):
        live += event.nbytes()
        most = max(most, live)
    return float(most)


def _memory_events(profile: Any) -> list[Any]:
    return [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]


def operator_shares(call: Callable[[], object]) -> dict[str, float]:
    """Operator -> its share of the CPU time of repeated calls, the largest first."""
    call()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(REPEATED):
            call()
    times = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    total = sum(times.values())
    return {name: times[name] / total for name in sorted(times, key=lambda n: -times[n])}


def operations(network: Network, z: Latent, text: torch.Tensor) -> Counts:
    """Operations of a forward and of a backward to the input, of one sample; `network` computes its
    attention by plain matrix products.
    """
    t = torch.tensor([500], device=z.device)
    z_t = z.to(network.latent_dtype).requires_grad_()
    with FlopCounterMode(display=False) as forward:
        eps = network.noise(z_t, text, t)
    with FlopCounterMode(display=False) as backward:
        torch.autograd.grad(eps.sum(), z_t)
    return Counts(forward.get_total_flops(), backward.get_total_flops())


def degenerate(eps: Latent) -> str:
    """Why predictions for different rows say nothing about speed or rounding; empty for good
    ones.
    """
    if not bool(eps.isfinite().all()):
        return "expected finite noise predictions; got others"
    if not 0.1 < float(eps.std()) < 10 or float((eps[0] - eps[1]).std()) < 1e-3:
        return f"expected noise predictions that differ; got a deviation of {float(eps.std()):.2g}"
    return ""
