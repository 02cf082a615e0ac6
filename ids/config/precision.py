"""`backbone.precision=auto` as the precision that it stands for, before anything is planned: it is
part of the key of results.
"""

from collections.abc import Mapping
from typing import Any

AUTO = "auto"
TARGETS = ("ids.backbones.StableDiffusion", "ids.backbones.StableDiffusion3")
CLUSTERS = ("ids.launch.Slurm", "ids.launch.Ray")


def with_precision(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a setting with `auto` replaced: fp16 where edits are made on a GPU, fp32 on a
    CPU. `engine.device` decides; where that is `auto`, too: whether workers of a cluster get GPUs,
    or else whether this machine has one.
    """
    backbone = values["backbone"]
    if backbone.get("_target_") not in TARGETS or backbone.get("precision") != AUTO:
        return values
    precision = "fp16" if _on_gpu(values["engine"], values["launch"]) else "fp32"
    return values | {"backbone": backbone | {"precision": precision}}


def _on_gpu(engine: Mapping[str, Any], launch: Mapping[str, Any]) -> bool:
    device = str(engine.get("device"))
    if device != AUTO:
        return device.startswith("cuda")
    if launch.get("_target_") in CLUSTERS and launch.get("cluster") != "local":
        gres = launch.get("gres")
        return "gpu" in str(gres) if gres else bool(launch.get("gpus"))
    import torch

    return bool(torch.cuda.is_available())
