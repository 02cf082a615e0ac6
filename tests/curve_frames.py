"""Frames of kept states whose matched numbers are known."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ids.results.curves import Curves

STEPS = (0.0, 10.0, 20.0, 30.0)
CASES = tuple(f"c{i:02}" for i in range(40))


def curves(speed: float, loss: float, n: int = 40, seed: int = 0) -> Curves:
    """Cases that edit at `speed` a step and lose `loss` of identity per unit of strength."""
    rng = np.random.default_rng(seed)
    pace = rng.normal(1, 0.1, (n, 1))
    strength = speed * pace * np.array([STEPS])
    level = rng.normal(30, 3, (n, 1))
    values = {"axis": strength, "psnr": level - loss * strength, "step": np.tile(STEPS, (n, 1))}
    return Curves(np.array(STEPS), values, moving=True)


def lines(label: str, curve: Curves, seeds: int = 2) -> list[dict[str, object]]:
    values = {"distillation": label.split(" ")[0], "g": label[-2:]}
    common = {"label": label, "values": values}
    return [
        {
            **common,
            "key": f"{label}{case}{seed}",
            "case": case,
            "seed": seed,
            "step": step,
            "nfe": 4 * step,
            "success": curve.values["axis"][row, at],
            "psnr": curve.values["psnr"][row, at],
        }
        for row, case in enumerate(CASES[: curve.n_cases])
        for at, step in enumerate(curve.steps)
        for seed in range(seeds)
    ]


def constant(label: str, psnr: float) -> list[dict[str, object]]:
    values = {"axis": np.ones((len(CASES), 1)), "psnr": np.full((len(CASES), 1), psnr)}
    return lines(label, Curves(np.zeros(1), values, moving=False), seeds=1)


def data() -> pd.DataFrame:
    return pd.DataFrame(
        [
            *lines("ids (g=3)", curves(0.05, 5)),
            *lines("dds (g=3)", curves(0.05, 10)),
            *lines("dds (g=7)", curves(0.05, 20)),
            *constant("true_edit", 31.0),
        ]
    )


def sampled(
    name: str,
    settings: Sequence[Mapping[str, object]],
    strength: Sequence[float],
    psnr: Sequence[float],
    n: int = 20,
    seed: int = -1,
) -> list[dict[str, object]]:
    """Edits without kept states: a setting per strength. Cases differ in level, not in order."""
    pace = 1 + 0.05 * np.linspace(-1, 1, n)
    return [
        {
            "label": f"{name} ({', '.join(f'{k}={v}' for k, v in values.items())})",
            "values": {key: str(value) for key, value in values.items()},
            "key": f"{name}{values}{case}",
            "case": case,
            "seed": seed,
            "step": math.nan,
            "nfe": 10.0,
            "success": pace[row] * s,
            "psnr": pace[row] + p,
        }
        for values, s, p in zip(settings, strength, psnr, strict=True)
        for row, case in enumerate(CASES[:n])
    ]


def straight(
    label: str, points: Sequence[tuple[float, float]], n: int = 20
) -> list[dict[str, object]]:
    """A curve along steps whose mean goes through these points of (success, PSNR), the same in
    every case but for a level of PSNR.
    """
    at = np.arange(len(points)) * 10.0
    x, y = (np.tile([float(point[k]) for point in points], (n, 1)) for k in (0, 1))
    values = {"axis": x, "psnr": y + np.linspace(-1, 1, n)[:, None]}
    return lines(label, Curves(at, values, moving=True), seeds=1)
