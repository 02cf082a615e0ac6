"""Forwards of a UNet as CUDA graphs: one launch in place of hundreds. It pays for small batches,
where the device waits for the host.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ids.backbones.evaluation import Evaluation

log = logging.getLogger(__name__)
KEPT = 4  # graphs; each keeps the memory of a forward
WARM_UPS = 2  # direct calls of a shape before it is recorded
RECORDINGS = 16  # in all: where shapes change more often, recording costs more than it gains
LAUNCH_BOUND = 8 * 64 * 64  # rows x height x width of latents up to which graphs can pay
GAIN = 1.03  # direct time / replay time from which a graph is used
ROUNDS = 3  # of the comparison

Replay = Callable[[], Tensor]  # repeats a recorded call on the same memory
Key = tuple[Any, ...]


@runtime_checkable
class Recorder(Protocol):
    """Records calls on a device, and times them."""

    def record(self, call: Callable[[], Tensor]) -> Replay:
        """The call as a graph. `RuntimeError` where it cannot be recorded."""
        ...

    def seconds(self, call: Callable[[], Tensor]) -> float:
        """Of one call, with its launches."""
        ...


@dataclass(frozen=True)
class CudaRecorder:
    """CUDA graphs of a device. Recording waits for the device; replays do not."""

    device: torch.device

    def record(self, call: Callable[[], Tensor]) -> Replay:
        """As `Recorder`; libraries are initialized on a side stream before."""
        with torch.cuda.device(self.device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                call()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            # Calls of other threads, as of a tracker, do not spoil the recording.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                output = call()

        def replay() -> Tensor:
            graph.replay()
            return output

        return replay

    def seconds(self, call: Callable[[], Tensor]) -> float:
        """The least of some calls, by the device's events."""
        times: list[float] = []
        with torch.cuda.device(self.device):
            for _ in range(ROUNDS):
                start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                torch.cuda.synchronize()
                start.record()
                call()
                end.record()
                end.synchronize()
                times.append(start.elapsed_time(end) / 1e3)
        return min(times)


@dataclass(frozen=True)
class _Graph:
    """A recorded call and the memory that it reads. Weights are held so that no other tensor gets
    their addresses.
    """

    inputs: Sequence[Tensor]
    replay: Replay
    weights: Sequence[Tensor]

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor:
        for fixed, x in zip(self.inputs, inputs, strict=True):
            fixed.copy_(x)
        return self.replay().clone()


@dataclass
class Graphs:
    """Evaluates small batches without a gradient by CUDA graphs, one per shape. A graph is recorded
    at the third call of its shape, timed once against the `direct` evaluation, and used where it is
    faster; with `always` for any size and time. Calls with hooks or a gradient are direct.

    Where the weights are moved, graphs are recorded anew. Where recording fails, one warning is
    logged, and calls are direct from then on.
    """

    unet: nn.Module = field(repr=False)
    direct: Evaluation
    recorder: Recorder
    always: bool = False
    _left: int = field(default=RECORDINGS, init=False, repr=False)
    _calls: dict[Key, int] = field(default_factory=dict, init=False, repr=False)
    _graphs: dict[Key, _Graph | None] = field(default_factory=dict, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    def __call__(self, z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        inputs = z_t, t, text
        if not hooked and self._suits(inputs):
            with self._lock:  # a graph has one set of inputs
                if graph := self._graph(inputs):
                    return graph(inputs)
        return self.direct(*inputs, hooked)

    def _suits(self, inputs: Sequence[Tensor]) -> bool:
        """Small, without a gradient, on one device."""
        z_t = inputs[0]
        if torch.is_grad_enabled() and any(x.requires_grad for x in inputs):
            return False
        small = len(z_t) * z_t.shape[-2] * z_t.shape[-1] <= LAUNCH_BOUND
        return (small or self.always) and all(x.device == z_t.device for x in inputs)

    def _graph(self, inputs: Sequence[Tensor]) -> _Graph | None:
        """The graph of these shapes; None where calls are direct."""
        address = next(self.unet.parameters()).data_ptr()
        key = address, *((x.shape, x.dtype, x.device) for x in inputs)
        if key in self._graphs:
            self._graphs[key] = self._graphs.pop(key)  # the newest is last
            return self._graphs[key]
        self._calls[key] = self._calls.get(key, 0) + 1
        if self._calls[key] <= WARM_UPS or not self._left:
            return None
        self._left -= 1
        self._graphs[key] = self._recorded(inputs)
        if len(self._graphs) > KEPT:
            oldest = next(iter(self._graphs))
            del self._graphs[oldest], self._calls[oldest]
        return self._graphs[key]

    @torch.no_grad()
    def _recorded(self, inputs: Sequence[Tensor]) -> _Graph | None:
        fixed = [x.detach().clone() for x in inputs]

        def call() -> Tensor:
            return self.direct(fixed[0], fixed[1], fixed[2], False)

        try:
            weights = [p.data for p in self.unet.parameters()]
            graph = _Graph(fixed, self.recorder.record(call), weights)
            return graph if self.always or self._faster(graph.replay, call) else None
        except RuntimeError as error:
            self._left = 0
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            log.warning(
                "CUDA graphs: recording failed (%s); the network is called directly", reason
            )
            return None

    def _faster(self, replay: Replay, call: Callable[[], Tensor]) -> bool:
        return self.recorder.seconds(replay) * GAIN < self.recorder.seconds(call)
