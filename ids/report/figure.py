"""Identity against strength: a curve per setting, a dot per kept state."""

from pathlib import Path

import numpy as np
import pandas as pd

from ids.report.columns import columns_in
from ids.report.curves import mean_curve, resampled
from ids.report.matched import setting_curves

PANELS = ("psnr_background", "psnr_truth", "lpips_alex", "feature_distance")


def draw_curves(frame: pd.DataFrame, axis: str, title: str, beside: Path) -> Path | None:
    """Of the `curve_frame` of one data set and backbone; None where it has none of the panels."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    shown = [c for c in columns_in(frame.columns) if c.key in PANELS and c.key != axis]
    shown = [c for c in shown if frame[c.key].notna().any()]
    if not shown:
        return None
    path = beside.with_suffix(".png")
    curves = setting_curves(frame, [axis, *(c.key for c in shown)])
    width, height = 4.4 * len(shown), 4.2 + 0.1 * len(curves)
    figure, panels = plt.subplots(
        1, len(shown), figsize=(width, height), squeeze=False, layout="constrained"
    )
    colours = plt.get_cmap("turbo")(np.linspace(0.05, 0.95, max(len(curves), 2)))
    for panel, column in zip(panels.flat, shown, strict=True):
        for colour, (label, own) in zip(colours, curves.items(), strict=False):
            weights = resampled(len(own.cases), 0)
            x, y = (mean_curve(own.values[key], weights)[0] for key in (axis, column.key))
            panel.plot(x, y, "o-", color=colour, markersize=3, linewidth=1, label=label)
        panel.set(xlabel=axis.replace("_", " "), ylabel=column.header)
        panel.grid(alpha=0.3)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.suptitle(title)
    figure.legend(handles, labels, loc="outside lower center", ncol=3, fontsize=8, frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
