"""`backbone.freeu` reaches the network that `ids run` evaluates."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from conftest import InProcess

from ids.backbones import StableDiffusion
from ids.backbones.free_u import low_scaled
from ids.backbones.tuning import tune
from ids.core.protocols import Backbone
from ids.run import Engine

CPU = torch.device("cpu")
SHAPES = StableDiffusion("shapes", image_size=64, fpr_scale=0.2165)
RELEASED = (1.1, 1.1, 0.9, 0.2)


def prediction(backbone: Backbone) -> torch.Tensor:
    z = torch.randn(1, 12, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return backbone.eps(z, backbone.prompt(["a plain red circle"]), torch.tensor([500]))


def test_the_network_of_a_run_is_changed_as_the_loaded_one() -> None:
    """On a CPU a run does not call the modules of most networks: those of FreeU it has to."""
    plain = prediction(tune(SHAPES.load(CPU), Engine().tuning, CPU))
    source = replace(SHAPES, freeu=RELEASED)
    loaded = prediction(source.load(CPU))
    run = prediction(tune(source.load(CPU), Engine().tuning, CPU))
    assert torch.equal(run, loaded)
    assert (run - plain).abs().max() > 1e-3


def test_factors_of_1_change_nothing_beyond_rounding() -> None:
    source = replace(SHAPES, freeu=(1.0, 1.0, 1.0, 1.0))
    expected = prediction(SHAPES.load(CPU))
    torch.testing.assert_close(prediction(source.load(CPU)), expected, rtol=0, atol=1e-5)


def test_the_middle_of_the_spectrum_is_scaled() -> None:
    """A constant map lies in it, a checkerboard in its corner."""
    ones = torch.ones(1, 1, 8, 8)
    board = torch.tensor([1.0, -1.0]).repeat(4).outer(torch.tensor([1.0, -1.0]).repeat(4))
    torch.testing.assert_close(low_scaled(ones, 0.25), 0.25 * ones)
    torch.testing.assert_close(low_scaled(board[None, None], 0.25), board[None, None])


def test_it_has_a_name_of_its_own_in_the_identity() -> None:
    changed = replace(SHAPES, freeu=RELEASED).identity()
    assert {key: changed[key] for key in changed if key != "freeu"} == SHAPES.identity()
    assert changed["freeu"] == "[1.1, 1.1, 0.9, 0.2]"


@pytest.mark.parametrize("freeu", [(1.1, 1.1, 0.9), (1.0, 1.0, 1.0, float("nan"))])
def test_other_values_are_refused(freeu: Any) -> None:
    with pytest.raises(ValueError, match=r"^backbone\.freeu: expected the four numbers"):
        replace(SHAPES, freeu=freeu)


def test_the_command_line_takes_it_and_refuses_others_in_one_line(in_process: InProcess) -> None:
    fast = (
        "debug=fast",
        "backbone=shapes",
        "method=ssd",
        "method.n_steps=1",
        "limit=1",
        "controls=none",
    )
    assert in_process("run", *fast, "logger=none", "backbone.freeu=[1.1,1.1,0.9,0.2]")[0] == 0
    code, _, errors = in_process("run", "backbone.freeu=[1.1,1.1,0.9]", "logger=none")
    assert code == 2
    assert errors.startswith("ids: ConfigError: backbone.freeu: expected the four numbers")
    assert len(errors.strip().splitlines()) == 1
