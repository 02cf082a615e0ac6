"""Scenes on the device against the same on the CPU, and both rasterizers of Gaussians."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from device_checks.checks import Check, Machine, expect, relative
from ids.core.camera import Camera
from ids.core.capture import Capture
from ids.data import SceneShapes
from ids.scenes.fit import Fit, mean_psnr
from ids.scenes.gaussians import GaussianSplats, rasterized
from ids.scenes.photos import held_out, on_device, shot
from ids.scenes.triplane import TriPlanes
from ids.scenes.voxels import Voxels

CPU = torch.device("cpu")
MODELS: dict[str, Any] = {
    "voxels": Voxels(16, 16),
    "triplane": TriPlanes((16, 32), 4, 16, 12, 12),
    "gaussians": GaussianSplats(300),
}
SINGLE = 1e-3  # largest relative difference of a view and of its gradient in single precision
RASTERIZERS = 1e-2, 1e-1  # of a view and its gradient: gsplat has other limits of opacity
PSNR = 0.5  # dB, largest difference of two fits: sums are rounded in another order at each step


def scene_checks() -> list[Check]:
    """Views and gradients, fits, and gsplat."""
    return [
        *(Check(f"scenes/view/{name}", _view(name)) for name in MODELS),
        *(Check(f"scenes/fit/{name}", _fit(name)) for name in MODELS),
        Check("scenes/gsplat", _gsplat),
    ]


@cache
def _capture() -> Capture:
    case = SceneShapes(count=1, n_views=10, size=32)[0]
    capture: Capture = case.source.capture()  # type: ignore[attr-defined]
    return capture


def _view(name: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        (view, gradient), (wanted, wanted_gradient) = (
            _seen(name, place) for place in (machine.device, CPU)
        )
        errors = relative(view, wanted), relative(gradient, wanted_gradient)
        return expect(max(errors) < SINGLE, f"view {errors[0]:.1e}, gradient {errors[1]:.1e}")

    return run


def _seen(name: str, place: torch.device) -> tuple[Tensor, Tensor]:
    """A view with its distances, and the gradient of its squared norm; both on the CPU."""
    model = MODELS[name](_capture())
    model.to(place)
    camera = on_device(_capture(), place).photos[1].camera
    view = _flat(model.render(camera))
    parameters = [p for group in model.groups() for p in group.parameters]
    found = torch.autograd.grad(view.square().sum(), parameters, allow_unused=True)
    return view.detach().cpu(), torch.cat([g.flatten().cpu() for g in found if g is not None])


def _flat(render: Any) -> Tensor:
    """Colours, distance and opacity, [P, 5]."""
    return torch.cat([render.rgb, render.distance[:, None], render.opacity[:, None]], dim=1)


def _fit(name: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        here, there = (_fitted(name, place) for place in (machine.device, CPU))
        message = f"held out {here:.2f} dB, CPU {there:.2f} dB"
        return expect(abs(here - there) < PSNR, message)

    return run


def _fitted(name: str, place: torch.device) -> float:
    """PSNR of the photos that were held out, after a short fit."""
    model, capture = MODELS[name](_capture()), on_device(_capture(), place)
    model.to(place)
    Fit(n_steps=40, n_rays=512, lr=0.03)(model, capture)
    return mean_psnr(model, [shot(photo) for photo in held_out(capture)])


def _gsplat(machine: Machine) -> str:
    if not machine.cuda or find_spec("gsplat") is None:
        return "skipped: needs a GPU and the package gsplat"
    from ids.scenes.gsplat_backend import rasterized_by_gsplat

    model = MODELS["gaussians"](_capture())
    model.to(machine.device)
    camera = on_device(_capture(), machine.device).photos[1].camera
    (view, gradient), (wanted, wanted_gradient) = (
        _splatted(way, model, camera) for way in (rasterized_by_gsplat, rasterized)
    )
    errors = relative(view, wanted), relative(gradient, wanted_gradient)
    close = all(error < limit for error, limit in zip(errors, RASTERIZERS, strict=True))
    return expect(close, f"view {errors[0]:.1e}, gradient {errors[1]:.1e}")


def _splatted(way: Any, model: Any, camera: Camera) -> tuple[Tensor, Tensor]:
    splats = type(model.splats())(*(part.detach().requires_grad_() for part in model.splats()))
    view = _flat(way(splats, camera, torch.full((3,), 0.3, device=camera.c2w.device), None))
    found = torch.autograd.grad(view.square().sum(), list(splats))
    return view.detach(), torch.cat([g.flatten() for g in found])
