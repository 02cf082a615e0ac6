"""The effect of refinement on the noise, over all steps of all edits in a store, per setting.

ids run experiments=fpr_family python scripts/refinement.py outputs

after/before: the residual ||z_src - z_0|t|| after the last iteration over that before the first
(mean, 95th percentile, share of steps where it grew). moved: |eps* - eps| / sqrt(d). White Gaussian
noise has norm 1, neighbours (lag-1 correlation) 0, kurtosis 3. cosine: of the gradient to the exact
one, if it was logged.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from ids.results.labels import setting_labels
from ids.run.records import EditRecord
from ids.run.store import Store

LABELS = {"eps_star_moved": "moved", "eps_star_norm": "norm", "eps_star_lag1": "neighbours"}
LABELS |= {"eps_star_kurtosis": "kurtosis", "fpr_cosine": "cosine"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output_dir", type=Path, nargs="?", default=Path("outputs"))
    store = Store(parser.parse_args().output_dir)
    looks = [store.look(key) for key in store.all_keys()]
    records = [look.record for look in looks if look.record and look.record.status == "ok"]
    labels = setting_labels(records)
    frames = [_steps(store, r).assign(setting=labels[r.setting]) for r in records]
    steps = pd.concat([frame for frame in frames if "ratio" in frame] or [pd.DataFrame()])
    if steps.empty:
        raise SystemExit(
            f"{store.root}: expected edits on refined noise; found none; "
            "run `ids run experiments=fpr_family`"
        )
    headers = ("setting", "steps", "after/before", "95 %", "grew", *LABELS.values())
    table = Table(*headers)
    for setting, rows in steps.groupby("setting"):
        ratio = rows["ratio"]
        cells = [f"{len(rows)}", f"{ratio.mean():.2f}", f"{ratio.quantile(0.95):.2f}"]
        cells.append(f"{(ratio > 1).mean():.1%}")
        means = rows.reindex(columns=list(LABELS)).mean()
        cells += ["" if pd.isna(value) else f"{value:.3f}" for value in means]
        table.add_row(str(setting), *cells)
    Console(width=140).print(table)


def _steps(store: Store, record: EditRecord) -> pd.DataFrame:
    """A row per step: the logged values, averaged over iterations."""
    curves = store.trace(record.key).curves
    values = {
        name: curve.float().reshape(len(curve), -1).mean(1).numpy()
        for name, curve in curves.items()
        if name in LABELS
    }
    if "fpr_residual_after" in curves:
        before = curves["fpr_residual"][:, 0].to(torch.float64)
        values["ratio"] = (curves["fpr_residual_after"] / before).numpy()
    return pd.DataFrame(values)


if __name__ == "__main__":
    main()
