"""The trials of a search in the plane of its two objectives, as an image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ids.core.text import printable
from ids.report.figure import STYLE
from ids.results.columns import Column
from ids.results.grids import Estimate

Means = Sequence[tuple[Estimate, Estimate]]  # of identity and fidelity
COLOURS = ("#1f5fa8", "#c2551b", "#3d8b40")  # of the sets, in order


def draw_pareto(
    columns: tuple[Column, Column],
    tried: Means,
    sets: Mapping[str, Means],
    title: str,
    beside: Path,
) -> Path:
    """A dot per trial, and the points of each set with their intervals, joined by a line: identity
    over fidelity (`columns`, in that order). Written as a PNG beside that file.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    identity, fidelity = columns
    with plt.rc_context(STYLE):
        figure, panel = plt.subplots(figsize=(6.4, 4.8))
        figure.set_layout_engine("constrained")
        y, x = _values(tried)
        panel.plot(x, y, "o", color="0.7", markersize=4, label=f"{len(tried)} trials")
        for (name, means), colour in zip(sets.items(), COLOURS, strict=False):
            _draw(panel, name, means, colour)
        panel.set(xlabel=printable(fidelity.header), ylabel=printable(identity.header))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, frameon=False)
        panel.set_title(printable(title), fontsize=10, wrap=True)
        path = beside.with_suffix(".png")
        figure.savefig(path, dpi=120)
        plt.close(figure)
    return path


def _draw(panel: Any, name: str, means: Means, colour: str) -> None:
    y, x = _values(means)
    panel.errorbar(
        x,
        y,
        xerr=_errors([fidelity for _, fidelity in means]),
        yerr=_errors([identity for identity, _ in means]),
        label=f" {printable(name)}",
        color=colour,
        marker="o",
        markersize=5,
        linewidth=1.2,
        elinewidth=0.7,
    )


def _values(means: Means) -> tuple[list[float], list[float]]:
    return [identity.value for identity, _ in means], [fidelity.value for _, fidelity in means]


def _errors(means: Sequence[Estimate]) -> np.ndarray:
    """The lengths of the intervals below and above each mean; 0 without an interval."""
    lengths = [(mean.value - mean.low, mean.high - mean.value) for mean in means]
    return np.asarray(np.nan_to_num(np.clip(np.array(lengths).T, 0, None)))
