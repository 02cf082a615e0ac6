"""Identity over edit strength: a curve per method, a dot per state or setting."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pandas as pd

from ids.core.errors import DataError
from ids.core.text import printable
from ids.results.bootstrap import plain_mean
from ids.results.columns import Column
from ids.results.curves import States
from ids.results.frontier import Frontier, band, frontier_of
from ids.results.knobs import STEPS
from ids.results.methods import MethodCurves, Question, method_curves

PANELS = (  # of matched tables
    *("psnr_background", "psnr_truth", "lpips_alex", "feature_distance"),
    *("views_psnr_background", "views_psnr_truth", "depth_change"),  # of scenes
)
CONTROLS = ("X", "*", "P")  # markers of edits without a curve: null edit, true edit
FIGURES = ("png", "svg", "pdf")
# Okabe & Ito's colours, which the colour-blind tell apart too; curves beyond differ in their line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES, MARKERS = ("-", "--", ":", "-."), ("o", "s", "^", "D")
# A dollar in a name starts no formula; text of an SVG is text; the same bytes every time.
STYLE: Any = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "ids",
    "pdf.fonttype": 42,  # text of a PDF is text
}


def draw_curves(
    frame: pd.DataFrame,
    question: Question,
    title: str,
    beside: Path,
    columns: Sequence[Column],
    endings: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Of the `curve_frame` of one data set and backbone: a panel per column, over the cases that
    all methods have, as files with these of the endings `FIGURES` beside that file. Columns without
    such cases have no panel; without any panel, nothing is drawn.
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
                if label not in frontier.apart:
                    _draw(panel, frontier, label, states, styles[label])
            axis = next((_label(c) for c in columns if c.key == methods.axis), methods.axis)
            panel.set(xlabel=printable(axis), ylabel=printable(_label(column)))
            panel.grid(alpha=0.3)
        figure.suptitle(printable(title), fontsize=10, wrap=True)
        handles = panels[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncol=3, fontsize=8, frameon=False)
        paths = [save_figure(figure, beside.with_suffix(f".{ending}")) for ending in endings]
        plt.close(figure)
    return paths


def save_figure(figure: Any, path: Path) -> Path:
    """In the format of its ending; the same bytes every time."""
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    metadata = dated.get(path.suffix)
    figure.savefig(path, dpi=120, metadata=metadata, bbox_inches="tight")  # a legend is not cut
    return path


def _label(column: Column) -> str:
    """`PSNR bg ↑ (dB)`."""
    return f"{column.header} ({column.unit})" if column.unit else column.header


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
    """A colour, line and name per curve, with its knob if that is not the steps; controls are black
    marks.
    """
    looks = cycle(product(zip(LINES, MARKERS, strict=True), COLOURS))
    markers = iter(CONTROLS * len(methods.states))
    styles: dict[str, dict[str, Any]] = {}
    for label in methods.states:
        knob = methods.knobs.get(label)
        name = printable(label if knob in (None, STEPS) else f"{label}, along {knob}")
        # a leading underscore would hide a name from the legend
        look = _curve_style(next(looks)) if knob else _mark_style(next(markers))
        styles[label] = {"label": f" {name}", **look}
    return styles


def _curve_style(look: tuple[tuple[str, str], str]) -> dict[str, Any]:
    (line, marker), colour = look
    shape = {"marker": marker, "markersize": 3.5, "linestyle": line, "linewidth": 1.3}
    return {"color": colour, **shape}


def _mark_style(marker: str) -> dict[str, Any]:
    return {"color": "black", "marker": marker, "markersize": 8, "linestyle": "none"}


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
