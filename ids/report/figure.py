"""Identity over edit strength: a curve per method, a dot per state or setting."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ids.core.errors import DataError
from ids.core.text import printable
from ids.results.bootstrap import plain_mean
from ids.results.columns import Column
from ids.results.curves import States
from ids.results.frontier import Frontier, band, frontier_of
from ids.results.knobs import STEPS
from ids.results.methods import MethodCurves, Question, method_curves

PANELS = ("psnr_background", "psnr_truth", "lpips_alex", "feature_distance")  # of matched tables
CONTROLS = ("X", "*", "P")  # markers of edits without a curve: null edit, true edit
# A dollar in a name starts no formula; text of an SVG is text; the same bytes every time.
STYLE: Any = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "ids",
}


def draw_curves(
    frame: pd.DataFrame, question: Question, title: str, beside: Path, columns: Sequence[Column]
) -> list[Path]:
    """Of the `curve_frame` of one data set and backbone: a panel per column, over the cases that
    all methods have, as a PNG and an SVG beside that file. Columns without such cases have no
    panel; without any panel, nothing is drawn.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    methods = method_curves(frame, question, [column.key for column in columns])
    shown = dict(_frontiers(methods, columns))
    if not shown:
        return []
    size = (max(6.4, 4.4 * len(shown)), 4.6 + 0.1 * len(methods.states))
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(shown), figsize=size, squeeze=False)
        figure.set_layout_engine("constrained")
        styles = _styles(methods)
        for panel, (column, frontier) in zip(panels.flat, shown.items(), strict=True):
            for label, states in methods.states.items():
                _draw(panel, frontier, label, states, styles[label])
            axis = next((c.title for c in columns if c.key == methods.axis), methods.axis)
            panel.set(xlabel=printable(axis), ylabel=printable(column.header))
            panel.grid(alpha=0.3)
        figure.suptitle(printable(title), fontsize=10, wrap=True)
        handles = panels[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncol=3, fontsize=8, frameon=False)
        paths = [beside.with_suffix(ending) for ending in (".png", ".svg")]
        figure.savefig(paths[0], dpi=120, bbox_inches="tight")  # a wide legend is not cut
        figure.savefig(paths[1], metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)
    return paths


def _frontiers(
    methods: MethodCurves, columns: Sequence[Column]
) -> Iterator[tuple[Column, Frontier]]:
    for column in columns:
        if column.key != methods.axis:
            try:
                yield column, frontier_of(methods.states, methods.axis, column)
            except DataError:
                continue  # no case has this metric under every method


def _styles(methods: MethodCurves) -> dict[str, dict[str, Any]]:
    """A colour and a name per curve, with its knob if that is not the steps; controls are black."""
    import matplotlib

    colours = iter(matplotlib.colormaps["turbo"](np.linspace(0.08, 0.92, len(methods.knobs))))
    markers = iter(CONTROLS * len(methods.states))
    styles: dict[str, dict[str, Any]] = {}
    for label in methods.states:
        knob = methods.knobs.get(label)
        name = printable(label if knob in (None, STEPS) else f"{label}, along {knob}")
        line = {"marker": "o", "markersize": 3.5, "linewidth": 1.3}
        mark = {"color": "black", "markersize": 8, "linestyle": "none"}
        place = {"color": next(colours)} if knob else {"marker": next(markers)}
        # a leading underscore would hide a name from the legend
        styles[label] = {"label": f" {name}", **(line if knob else mark), **place}
    return styles


def _draw(
    panel: Any, frontier: Frontier, label: str, states: States, style: Mapping[str, Any]
) -> None:
    """A curve with its band, or the only point of a control."""
    if label not in frontier.lines:
        curve = states.curves()
        x, y = (plain_mean(curve, key)[:1] for key in (frontier.axis, frontier.identity.key))
        panel.plot(x, y, **style)
        return
    line = frontier.lines[label]
    levels, ends = band(line, frontier.n)
    panel.fill_between(levels, *ends.T, color=style["color"], alpha=0.13, linewidth=0)
    panel.plot(line.strength[0], line.identity[0], **style)
