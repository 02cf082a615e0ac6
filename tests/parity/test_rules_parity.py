"""Rules and editors beside those of the paper against recordings of the authors' code, and proof
that the comparison can fail: every quirk of that code, undone, fails.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import GOLDEN_RULES
from golden_replay import direct_inversion as direct_replay
from golden_replay import infedit as infedit_replay
from golden_replay import ssd as ssd_replay
from golden_replay.recording import Golden
from golden_replay.replays import replay_for
from torch import Tensor

from ids.backbones import free_u
from ids.core.edit import EditContext
from ids.core.tensors import Coefficient, Latent
from ids.diffusion import Annealed
from ids.diffusion.consistency import ConsistentStep
from ids.methods import SSD, DirectInversion
from ids.methods.editors import infedit
from ids.methods.inversion import InversionRequest, InversionResult

NAMES = Golden(GOLDEN_RULES).names()
QUICK = {"ssd/freeu", "directinversion/refine", "infedit/eta04"}
Patch = pytest.MonkeyPatch


def replayed(name: str) -> bool:
    replay = replay_for(Golden(GOLDEN_RULES), name)
    assert not isinstance(replay, str), replay
    return replay(Golden(GOLDEN_RULES), name).ok


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES]
)
def test_recording_is_reproduced(name: str) -> None:
    replay = replay_for(Golden(GOLDEN_RULES), name)
    assert not isinstance(replay, str), replay
    verdict = replay(Golden(GOLDEN_RULES), name)
    assert verdict.ok, verdict.errors
    assert not verdict.unknown


def _read_as(module: Any, **changed: object) -> Callable[[Patch], None]:
    """The editor of other hyperparameters than the recorded ones."""

    def undo(patch: Patch) -> None:
        original = module.editor_of
        patch.setattr(module, "editor_of", lambda hyper: original({**hyper, **changed}))

    return undo


def _whole_weights(patch: Patch) -> None:
    """The image scale and the guidance scale as configured, not halved."""
    _read_as(ssd_replay, image_scale=4.0, guidance_scale=15.0)(patch)


def _later_identity(patch: Patch) -> None:
    """psi at t / T, not at (t - 1) / T."""
    original = SSD.psi
    patch.setattr(SSD, "psi", lambda self, s, t: original(self, s, t + 1))


def _without_offset(patch: Patch) -> None:
    """Timesteps from 0, as of a schedule without the offset 1."""
    original = Annealed.timestep
    patch.setattr(Annealed, "timestep", lambda self, step: original(self, step) - 1)


def _no_freeu(patch: Patch) -> None:
    patch.setattr(free_u.FreeU, "register", lambda self, unet: None)


def _freeu_by_block(patch: Patch) -> None:
    """As diffusers has it: the first block of the up path is the widest, the second the next."""

    def by_block(unet: Any) -> list[tuple[object, int]]:
        widths = unet.config.block_out_channels[::-1]
        return [(r, widths[i]) for i, block in enumerate(unet.up_blocks) for r in block.resnets]

    patch.setattr(free_u, "_resnets", by_block)


def _exact_mask(patch: Patch) -> None:
    """s in the precision of the maps."""
    original = torch.ones

    def ones(*size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        return original(*size, dtype=torch.float64, device=device)

    patch.setattr(free_u.torch, "ones", ones)


def _blend_of_states(patch: Patch) -> None:
    """Offsets of the unscaled trajectory, scaled afterwards."""

    def pulled(self: InversionResult, z_src: Latent, t: int, below: int) -> Latent:
        return z_src + self.pull.get(t, 0.0) ** 2 * (self.states[below] - z_src)

    patch.setattr(InversionResult, "pulled", pulled)


def _shifted_steps(patch: Patch) -> None:
    """The offset of the second step of every two, not of the first."""
    patch.setattr(
        DirectInversion, "_share", lambda self, i: 0.0 if (i + 1) % self.every else self.share
    )


def _source_alone(patch: Patch) -> None:
    """No offsets of the target."""
    patch.setattr(InversionResult, "pushed", lambda self, z_trg, t: z_trg)


def _guided_inversion(patch: Patch) -> None:
    """The inversion at the guidance scale of the sampling."""
    original = DirectInversion.__call__

    def call(
        self: DirectInversion, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult:
        guided = replace(self, guidance_scale=request.guidance_scale)
        return original(guided, context, z_src, request)

    patch.setattr(DirectInversion, "__call__", call)


def _deviation(patch: Patch) -> None:
    """eta as DDIM has it, a share of the standard deviation."""
    original = ConsistentStep.noised
    patch.setattr(
        ConsistentStep,
        "noised",
        lambda self, z_0, eps: original(self._replace(eta=self.eta**2), z_0, eps),
    )


def _source_of_the_target(patch: Patch) -> None:
    """The next source from the target's call, the first, not from the mutual one's."""
    original = infedit._predictions

    def swapped(backbone: Any, y_null: Any, branches: Any, t: int) -> list[Latent]:
        source, target, *mutual = original(backbone, y_null, branches, t)
        return [source, target, *[target for _ in mutual]]

    patch.setattr(infedit, "_predictions", swapped)


def _guided_source(patch: Patch) -> None:
    """The target at guidance 1 beside a guided source."""

    def branches(self: infedit.InfEdit, y: Any, z: Latent) -> list[infedit.Branch]:
        return [infedit.Branch(z, y.src, 3.0), infedit.Branch(z, y.trg, 1.0)]

    patch.setattr(infedit.InfEdit, "_branches", branches)


def _from_noise(patch: Patch) -> None:
    """The start from noise alone, where the source was noised."""
    patch.setattr(infedit, "diffuse", lambda s, z_0, eps, t: eps)


def _consistent_drift(patch: Patch) -> None:
    """Without the source's consistency noise."""
    original: Callable[..., Coefficient] = infedit.ConsistentStep.predicted
    patch.setattr(
        ConsistentStep,
        "predicted",
        lambda self, z_t, eps: original(self._replace(eps_src=torch.zeros_like(eps)), z_t, eps),
    )


QUIRKS = [
    (_whole_weights, "ssd/default_iter1500"),
    (_later_identity, "ssd/default_iter1500"),
    (_without_offset, "ssd/default_iter1500"),
    (_no_freeu, "ssd/freeu"),
    (_freeu_by_block, "ssd/freeu"),
    (_exact_mask, "ssd/freeu"),
    (_blend_of_states, "directinversion/refine_scaled"),
    (_read_as(direct_replay, variant="full"), "directinversion/refine_scaled"),
    (_read_as(direct_replay, variant="full"), "directinversion/refine_no_offset"),
    (_read_as(direct_replay, variant="no_offset"), "directinversion/refine"),
    (_shifted_steps, "directinversion/refine_skip"),
    (_source_alone, "directinversion/refine_add_target"),
    (_guided_inversion, "directinversion/refine_vary"),
    (_read_as(direct_replay, controller="refine"), "directinversion/none"),
    (_deviation, "infedit/eta04"),
    (_source_of_the_target, "infedit/eta04"),
    (_consistent_drift, "infedit/eta04"),
    (_guided_source, "infedit/nocfg"),
    (_from_noise, "infedit/eta1_g75_strength08"),
    (_read_as(infedit_replay, denoise_model=False), "infedit/eta1_g75_strength08"),
]
FAST = {"_exact_mask", "_deviation"}


def _named(index: int) -> Any:
    undo, name = QUIRKS[index]
    marks = () if undo.__name__ in FAST else pytest.mark.slow
    return pytest.param(undo, name, marks=marks, id=f"{undo.__name__}-{name}-{index}")


@pytest.mark.parametrize(("undo", "name"), [_named(i) for i in range(len(QUIRKS))])
def test_a_quirk_that_is_undone_fails(
    undo: Callable[[Patch], None], name: str, monkeypatch: Patch
) -> None:
    undo(monkeypatch)
    assert not replayed(name)


def test_weights_of_another_recipe_are_refused(tmp_path: Path) -> None:
    for part in ("model_tiny", "ssd"):
        shutil.copytree(GOLDEN_RULES / part, tmp_path / part)
    shutil.copy(GOLDEN_RULES / "inputs_tiny.safetensors", tmp_path)
    recipe = tmp_path / "model_tiny/recipe.json"
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"seed": 1}))
    with pytest.raises(ValueError, match=r"recipe\.json: expected weights of digest"):
        Golden(tmp_path).backbone(torch.float64)
