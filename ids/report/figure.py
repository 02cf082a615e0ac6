"""Preservation against edit strength: a curve per setting, a dot per kept state."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ids.core.text import printable
from ids.results.bootstrap import mean_curve, resampled
from ids.results.columns import Column, columns_in
from ids.results.curves import Curves, setting_states

PANELS = ("psnr_background", "psnr_truth", "lpips_alex", "feature_distance")


def draw_curves(
    frame: pd.DataFrame,
    axis: str,
    title: str,
    beside: Path,
    columns: Sequence[Column] | None = None,
) -> Path | None:
    """Of the `curve_frame` of one data set and backbone, as a PNG beside that file; None where the
    frame has none of the metrics in `PANELS`.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    columns = columns_in(map(str, frame)) if columns is None else columns
    shown = [c for c in columns if c.key in PANELS and c.key != axis and frame[c.key].notna().any()]
    if not shown:
        return None
    path = beside.with_suffix(".png")
    states = setting_states(frame, [axis, *(c.key for c in shown)])
    curves = {label: kept.curves() for label, kept in states.items()}
    width, height = 4.4 * len(shown), 4.2 + 0.1 * len(curves)
    with plt.rc_context({"text.parse_math": False}):  # a dollar in a name starts no formula
        figure, panels = plt.subplots(
            1, len(shown), figsize=(width, height), squeeze=False, layout="constrained"
        )
        for panel, column in zip(panels.flat, shown, strict=True):
            lines = _draw(panel, curves, axis, column)
        figure.suptitle(printable(title))
        labels = [printable(label) for label in curves]
        figure.legend(lines, labels, loc="outside lower center", ncol=3, fontsize=8, frameon=False)
        figure.savefig(path, dpi=120)
        plt.close(figure)
    return path


def _draw(panel: Any, curves: Mapping[str, Curves], axis: str, column: Column) -> list[Any]:
    """A line per setting."""
    import matplotlib

    colours = matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, max(len(curves), 2)))
    lines = []
    for colour, curve in zip(colours, curves.values(), strict=False):
        weights = resampled(curve.n_cases, 0)
        x, y = (mean_curve(curve.values[key], weights)[0] for key in (axis, column.key))
        lines += panel.plot(x, y, "o-", color=colour, markersize=3, linewidth=1)
    panel.set(xlabel=printable(axis.replace("_", " ")), ylabel=printable(column.header))
    panel.grid(alpha=0.3)
    return lines
