"""The files of an edited scene beside its result:

scene.safetensors   renders of all cameras before and after, and opacities (8 bits),
                    distances (16 bits), the model; views of kept states (8 bits)
views.png           some views: before, after, and their distances
path.png            a video around the scene, before and after, as an animated PNG
"""

import io
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image as PIL
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ids.core.checkpoints import with_prefix
from ids.core.errors import DataError
from ids.core.records import Edited, EditedScene
from ids.core.tensors import Images
from ids.images import LEVELS, to_pil

SCENE, SHEET, VIDEO = "scene.safetensors", "views.png", "path.png"
MODEL, STATE = "model.", "state."
WHOLE = torch.contiguous_format  # tensors of a file may not share memory
IMAGES = ("before", "after", "path_before", "path_after")
DISTANCES = ("distance_before", "distance_after")
OPACITIES = ("opacity_before", "opacity_after")
SHOWN = 6  # views of the sheet
FRAME = 90  # milliseconds


def scene_files(edited: Edited) -> dict[str, bytes]:
    """Name -> content; empty for an image."""
    if (scene := edited.scene) is None:
        return {}
    return {SCENE: _tensors(scene), SHEET: _sheet(scene), VIDEO: _video(scene)}


def read_scene(folder: Path) -> EditedScene | None:
    """The scene in the folder of a result; None where the result is an image. `DataError` for a
    damaged file.
    """
    file = folder / SCENE
    try:
        tensors = load(file.read_bytes())
        images = {name: tensors[name].float() / LEVELS for name in IMAGES}
        distances = {name: tensors[name] for name in DISTANCES}
        opacities = {name: _opacity(tensors, name) for name in OPACITIES}
        kept = sorted(with_prefix(STATE, tensors).items())
        states = {int(step): views.float() / LEVELS for step, views in kept}
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: expected the tensors of a scene; got {error}; make the edit again"
        ) from None
    model = with_prefix(MODEL, tensors)
    return EditedScene(**images, **distances, **opacities, model=model, states=states)


def _opacity(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """1 where the file has none: of a result of version 0.4 or older."""
    if name not in tensors:
        return torch.ones_like(tensors[DISTANCES[0]], dtype=torch.float32)
    return tensors[name].float() / LEVELS


def _tensors(scene: EditedScene) -> bytes:
    bytewise = *IMAGES, *OPACITIES
    found = {name: _levels(getattr(scene, name)) for name in bytewise}
    found |= {f"{STATE}{step:06}": _levels(views) for step, views in scene.states.items()}
    found |= {name: getattr(scene, name) for name in DISTANCES}
    found |= {f"{MODEL}{name}": value for name, value in scene.model.items()}
    return save({name: x.clone(memory_format=WHOLE) for name, x in found.items()})


def _levels(images: Tensor) -> Tensor:
    return (images * LEVELS).round().to(torch.uint8)


def _sheet(scene: EditedScene) -> bytes:
    every = max(len(scene.before) // SHOWN, 1)
    chosen = slice(0, every * SHOWN, every)
    maps = distance_maps(scene)
    rows = scene.before[chosen], scene.after[chosen], *(m[chosen] for m in maps)
    return _png([to_pil(torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1))])


def _video(scene: EditedScene) -> bytes:
    pairs = zip(scene.path_before, scene.path_after, strict=True)
    return _png([to_pil(torch.cat(pair, dim=2)) for pair in pairs])


def distance_maps(scene: EditedScene) -> tuple[Images, Images]:
    """Distances before and after as grey images, near ones bright, on one scale."""
    before, after = grey_distances(scene.distance_before, scene.distance_after)
    return before, after


def grey_distances(*distances: Float[Tensor, "V H W"]) -> list[Images]:
    """Inverse distances as grey images, near ones bright, on the scale of the first."""
    inverse = [1 / distance.float().clamp(min=1e-3) for distance in distances]
    low, high = (_quantile(inverse[0], share) for share in (0.01, 0.99))
    return [_grey(((x - low) / (high - low + 1e-9)).clamp(0, 1)) for x in inverse]


def _grey(x: Tensor) -> Images:
    return x[:, None].expand(-1, 3, -1, -1)


def _quantile(x: Tensor, share: float) -> Tensor:
    """Of any number of values, which torch's own is not for."""
    return x.flatten().kthvalue(max(round(share * x.numel()), 1)).values


def _png(frames: list[PIL.Image]) -> bytes:
    """One image, or an animated PNG."""
    content = io.BytesIO()
    options: Mapping[str, object] = (
        {"save_all": True, "append_images": frames[1:], "duration": FRAME, "loop": 0}
        if len(frames) > 1
        else {}
    )
    frames[0].save(content, "PNG", **options)
    return content.getvalue()
