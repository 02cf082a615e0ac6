"""CUDA graphs: which calls are recorded and replayed, by a recorder that stands for a device."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from ids.backbones.evaluation import Direct
from ids.backbones.graphs import KEPT, LAUNCH_BOUND, RECORDINGS, WARM_UPS, CudaRecorder, Graphs


class Net(nn.Module):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([2.0]), requires_grad=False)
        self.calls = 0

    def forward(
        self, z: Tensor, t: Tensor, encoder_hidden_states: Tensor, return_dict: bool
    ) -> tuple[Tensor]:
        self.calls += 1
        bias = t.view(-1, 1, 1, 1) + encoder_hidden_states.mean((1, 2)).view(-1, 1, 1, 1)
        return (self.scale * z + bias,)


@dataclass
class Tape:
    """Records as a device does: a replay reads the memory of the recorded inputs and writes that of
    the recorded output.
    """

    slower: bool = False
    fails: bool = False
    recorded: int = 0
    replayed: int = 0
    timed: list[str] = field(default_factory=list)

    def record(self, call: Callable[[], Tensor]) -> Callable[[], Tensor]:
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        self.recorded += 1
        output = call()

        def replay() -> Tensor:
            self.replayed += 1
            return output.copy_(call())

        return replay

    def seconds(self, call: Callable[[], Tensor]) -> float:
        replayed = self.replayed
        call()
        return 1.0 if (self.replayed > replayed) != self.slower else 2.0


def graphs(tape: Tape, always: bool = False) -> tuple[Net, Graphs]:
    net = Net()
    return net, Graphs(net, Direct(net), tape, always)


def inputs(seed: int, rows: int = 2, side: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    z, text = torch.randn(rows, 4, side, side, generator=g), torch.randn(rows, 3, 5, generator=g)
    return z, torch.randint(1000, (rows,), generator=g), text


def wanted(z: Tensor, t: Tensor, text: Tensor) -> Tensor:
    return Net()(z, t, text, False)[0]


def test_the_third_call_is_recorded_and_later_ones_replayed_on_their_inputs() -> None:
    tape = Tape()
    _, evaluate = graphs(tape, always=True)
    outputs = [evaluate(*inputs(seed), False) for seed in range(6)]
    assert (tape.recorded, tape.replayed) == (1, 6 - WARM_UPS)
    for seed, found in enumerate(outputs):  # none was overwritten by a later replay
        assert torch.equal(found, wanted(*inputs(seed)))


def test_a_graph_that_is_not_faster_is_not_used() -> None:
    tape = Tape(slower=True)
    _, evaluate = graphs(tape)
    for seed in range(6):
        assert torch.equal(evaluate(*inputs(seed), False), wanted(*inputs(seed)))
    assert (tape.recorded, tape.replayed) == (1, 1)  # the comparison
    tape = Tape()
    _, evaluate = graphs(tape)
    for seed in range(6):
        evaluate(*inputs(seed), False)
    assert (tape.recorded, tape.replayed) == (1, 1 + 6 - WARM_UPS)


@pytest.mark.parametrize("reason", ["hooks", "gradient", "gradient of the text", "size"])
def test_calls_that_no_graph_can_make_are_direct(reason: str) -> None:
    tape = Tape()
    net, evaluate = graphs(tape)
    side = int(LAUNCH_BOUND**0.5) + 1 if reason == "size" else 4
    for seed in range(5):
        z, t, text = inputs(seed, side=side)
        if reason == "gradient":
            z.requires_grad_()
        if reason == "gradient of the text":
            text.requires_grad_()
        found = evaluate(z, t, text, reason == "hooks")
        assert found.requires_grad == reason.startswith("gradient")
    assert (tape.recorded, net.calls) == (0, 5)


def test_a_gradient_that_is_switched_off_needs_no_direct_call() -> None:
    tape = Tape()
    _, evaluate = graphs(tape, always=True)
    for seed in range(4):
        z, t, text = inputs(seed)
        with torch.no_grad():
            found = evaluate(z.requires_grad_(), t, text, False)
        assert torch.equal(found, wanted(*inputs(seed)))
    assert tape.recorded == 1


def test_shapes_have_graphs_of_their_own_and_few_are_kept() -> None:
    tape = Tape()
    _, evaluate = graphs(tape, always=True)
    for rows in range(1, KEPT + 2):
        for seed in range(4):
            found = evaluate(*inputs(seed, rows), False)
            assert torch.equal(found, wanted(*inputs(seed, rows)))
    assert tape.recorded == KEPT + 1
    assert len(evaluate._graphs) == KEPT
    before = tape.recorded
    for seed in range(3):
        evaluate(*inputs(seed, 1), False)  # the oldest is gone: recorded anew
    assert tape.recorded == before + 1


def test_shapes_that_change_all_the_time_are_not_recorded_for_ever() -> None:
    tape = Tape()
    _, evaluate = graphs(tape, always=True)
    for rows in range(1, 3 * RECORDINGS):
        for seed in range(3):
            assert torch.equal(evaluate(*inputs(seed, rows), False), wanted(*inputs(seed, rows)))
    assert tape.recorded == RECORDINGS


def test_moved_weights_are_recorded_anew() -> None:
    tape = Tape()
    net, evaluate = graphs(tape, always=True)
    for seed in range(4):
        evaluate(*inputs(seed), False)
    net.scale.data = torch.tensor([3.0])
    for seed in range(4):
        z, t, text = inputs(seed)
        torch.testing.assert_close(evaluate(z, t, text, False), wanted(z, t, text) + z)
    assert tape.recorded == 2


def test_a_failed_recording_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    tape = Tape(fails=True)
    _, evaluate = graphs(tape, always=True)
    with caplog.at_level(logging.WARNING):
        for rows in (1, 2, 3):
            for seed in range(4):
                found = evaluate(*inputs(seed, rows), False)
                assert torch.equal(found, wanted(*inputs(seed, rows)))
    (message,) = (record.getMessage() for record in caplog.records)
    assert "recording failed (operation not permitted when stream is capturing)" in message


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_graphs_of_a_device_agree_with_direct_calls() -> None:
    device = torch.device("cuda")
    net = Net().to(device)
    evaluate = Graphs(net, Direct(net), CudaRecorder(device), always=True)
    for seed in range(6):
        here = [x.to(device) for x in inputs(seed)]
        found = evaluate(here[0], here[1], here[2], False)
        torch.testing.assert_close(found.cpu(), wanted(*inputs(seed)))
    assert any(evaluate._graphs.values())
