"""Frames of kept states whose matched numbers are known."""

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
