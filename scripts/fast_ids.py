"""The tables of docs/fast_ids.md: `experiments=fast_ids` at equal edit strength and at equal NFE.

ids run experiments=fast_ids; python scripts/fast_ids.py outputs
python scripts/fast_ids.py outputs --figures docs  # fast_ids_success.png, fast_ids_nfe.png

The NFE of an edit are spread evenly over its steps. On a bank of M draws, the source halves are
evaluated in the first M steps, and every step has two forwards for the target half.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import ids
from ids.report.figure import draw_curves
from ids.results.columns import columns_in
from ids.results.compare import with_values
from ids.results.methods import Question

NAMES = {"fpr.n_iters": "N", "fpr.scale": "λ", "timesteps.size": "size", "timesteps.over": "over"}
NAMES |= {"optimizer.lr": "lr"}
LR = 0.2  # of the baselines
RELEASED = {"fpr.n_iters": 3, "fpr.scale": 0.2165, "optimizer.lr": LR}
BASELINES = ("dds n_steps=96", "ids n_iters=3 n_steps=48")  # with the released constants
TITLES = {"knob": "steps", "nfe": "NFE", "psnr_background": "PSNR bg ↑", "success": "success ↑"}
TITLES |= {"feature_distance": "feat. dist. ↓", "psnr_truth": "PSNR true ↑"}
TITLES |= {"latent_distance": "latent dist."}
TITLES |= {"strongest": "highest success", "mean": "mean PSNR bg ↑"}
DIGITS = {"nfe": 0, "knob": 1}  # others: 2
IDENTITY = ("psnr_background", "feature_distance", "psnr_truth")
FIGURES = {
    "success": ("psnr_background", "feature_distance"),
    "nfe": ("success", "psnr_background"),
}
DRAWN = (
    *("dds", "ids", "ids (N=1, λ=0.65)", "ids (N=1, λ=0.65, lr=0.4)", "ids+polyak"),
    *("ids_bank (N=1, λ=0.65, size=8, lr=0.4)", "ids_descending (over=16)", "true_edit"),
)
TARGET = 2  # forwards of a step's target half under guidance


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output_dir", type=Path, nargs="?", default=Path("outputs"))
    parser.add_argument("--way", type=float, nargs="*", default=[48.0], help="steps x lr / 0.2")
    parser.add_argument("--success", type=float, nargs="*", default=[0.8, 0.9])
    parser.add_argument("--latent-distance", type=float, nargs="*", default=[0.5])
    parser.add_argument("--nfe", type=float, nargs="*", default=[384.0, 192.0, 96.0])
    parser.add_argument("--figures", type=Path, help="draw them into this folder, print nothing")
    words = parser.parse_args()
    frame = labelled(with_nfe(ids.results(words.output_dir, dataset="shapes-dev", states=True)))
    if words.figures:
        draw(frame[frame["label"].isin(DRAWN)], words.figures)
        return
    areas = [ids.frontier(frame, "success", "psnr_background", baseline=b) for b in BASELINES]
    print(f"## Common range of success\n\n{_grid(areas, ('strongest', 'mean'), ('mean',))}")
    way = frame.assign(step=frame["step"] * frame["setting.optimizer.lr"].astype(float) / LR)
    cost, distance = ("knob", "nfe"), "latent_distance"
    show(way.fillna({"step": 0}), "step", words.way, ("nfe", "success", distance, *IDENTITY), 1)
    show(frame, distance, words.latent_distance, (*cost, "success", *IDENTITY), 0)
    show(frame, "success", words.success, (*cost, *IDENTITY), 0)
    show(frame, "nfe", words.nfe, ("knob", "success", distance, *IDENTITY), 1)


def draw(frame: pd.DataFrame, folder: Path) -> None:
    """Identity over success, and both over NFE."""
    for axis, panels in FIGURES.items():
        question = Question(axis=axis, baseline=BASELINES[0])
        columns = columns_in([axis, *panels])
        draw_curves(with_values(frame), question, "", folder / f"fast_ids_{axis}.png", columns)


def show(
    frame: pd.DataFrame, axis: str, levels: Sequence[float], columns: Sequence[str], successes: int
) -> None:
    """Markdown at each level of the axis. Differences are of PSNR, and of success where it is not
    equal.
    """
    differing = ("success", "psnr_background")[1 - successes :]
    for level in levels:
        own = [column for column in (axis, *columns) if column not in ("knob", "step")]
        lines = [ids.matched(frame, axis, level, baseline=b, columns=own) for b in BASELINES]
        print(f"\n## {axis} {level:g}\n\n{_grid(lines, columns, differing)}")


def with_nfe(frame: pd.DataFrame) -> pd.DataFrame:
    """With the NFE of states on a bank, which are not known to the frame."""
    size = frame.get("setting.timesteps.size")
    if size is None:
        return frame
    n, step, draws = frame["setting.n_steps"].astype(float), frame["step"], size.astype(float)
    total = frame.groupby("key")["nfe"].transform("max")
    half = (total - TARGET * n) / draws.clip(upper=n)
    nfe = TARGET * step + half * step.clip(upper=draws)
    return frame.assign(nfe=frame["nfe"].where(draws.isna(), nfe))


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """With short labels: a method, and its values that differ from the released ones. Of edits
    that differ in their steps alone, the longest.
    """
    labels = {str(label): _label(lines.iloc[0]) for label, lines in frame.groupby("label")}
    frame = frame.assign(label=frame["label"].map(labels))
    n_steps = frame["setting.n_steps"].astype(float).fillna(0)
    return frame[n_steps == n_steps.groupby(frame["label"]).transform("max")]


def _label(line: pd.Series) -> str:
    fpr = str(line.get("setting.fpr._target_")).split(".")[-1]
    unused = {"NoRefinement": ("fpr.n_iters", "fpr.scale"), "PolyakFPR": ("fpr.n_iters",)}
    values = {key: line.get(f"setting.{key}") for key in NAMES if key not in unused.get(fpr, ())}
    words = [
        f"{NAMES[key]}={float(value):.2g}"
        for key, value in values.items()
        if pd.notna(value) and float(value) != RELEASED.get(key)
    ]
    name = str(line["label"]).split(" ")[0]
    return f"{name} ({', '.join(words)})" if words else name


def _grid(tables: Sequence[pd.DataFrame], columns: Sequence[str], differing: Sequence[str]) -> str:
    """Markdown: a line per method, and after each differing column the difference to each
    baseline.
    """
    cells = {
        (number, bool(line["against"]), line["method"], line["column"]): _cell(line)
        for number, lines in enumerate(tables)
        for _, line in lines.fillna({"against": ""}).iterrows()
        if line["column"] != "dominance"
    }
    baselines = [baseline.split(" ")[0] for baseline in BASELINES]
    head, rows = ["method"], {name: [name] for name in tables[0]["method"].unique()}
    for column in columns:
        head.append(TITLES[column])
        for name, row in rows.items():
            row.append(cells.get((0, False, name, column), ""))
        for number, baseline in enumerate(baselines if column in differing else ()):
            head.append(f"minus {baseline}")
            for name, row in rows.items():
                row.append(cells.get((number, True, name, column), ""))
    unread = [name for name, row in rows.items() if set(row[1:]) <= {"-", ""}]
    lines = [head, ["---"] * len(head), *(row for row in rows.values() if row[0] not in unread)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return table + (f"\n\nNot reached by: {'; '.join(unread)}." if unread else "")


def _cell(line: pd.Series) -> str:
    digits = DIGITS.get(line["column"], 2)
    if pd.isna(line["value"]):
        return "-"
    value, low, high = (f"{line[name]:.{digits}f}" for name in ("value", "low", "high"))
    return value if pd.isna(line["low"]) or low == high else f"{value} [{low}, {high}]"


if __name__ == "__main__":
    main()
