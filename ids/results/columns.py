"""The columns of every table, in their order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ids.core.errors import ConfigError
from ids.run.evaluate import SEPARATOR


@dataclass(frozen=True)
class Column:
    """A column of the frame as people read it. `better`: 1 up, -1 down, 0 neither."""

    key: str
    title: str
    digits: int
    better: int = 0
    measured: bool = False  # one value a batch, not one a case
    exact: bool = False  # a count: no interval

    @property
    def header(self) -> str:
        return self.title + {1: " ↑", -1: " ↓", 0: ""}[self.better]


COLUMNS = (
    Column("success", "success", 2, better=1),
    Column("restored", "restored", 2, better=1),
    Column("psnr", "PSNR", 2, better=1),
    Column("psnr_background", "PSNR bg", 2, better=1),
    Column("ssim_background", "SSIM bg", 3, better=1),
    Column("lpips_alex", "LPIPS alex", 3, better=-1),
    Column("lpips_vgg", "LPIPS vgg", 3, better=-1),
    Column("lpips_squeeze", "LPIPS squeeze", 3, better=-1),
    Column("feature_distance", "feat. dist.", 3, better=-1),
    Column("psnr_truth", "PSNR true", 2, better=1),
    Column("clip_score", "CLIP", 3, better=1),
    Column("clip_directional", "CLIP dir.", 3, better=1),
    Column("clip_image", "CLIP img.", 3, better=1),
    Column("latent_distance", "latent dist.", 3),
    Column("seconds", "s/edit", 2, better=-1, measured=True),
    Column("nfe", "NFE", 0, measured=True, exact=True),
    Column("peak_mb", "peak MB", 0, better=-1, measured=True),
)
HIDDEN = ("ssim",)  # stored, and shown where it is asked for
OF_EDITS = (  # columns of a frame that are no number to average
    *("key", "label", "values", "status", "reason", "case", "id", "seed", "step"),
    *("batch", "engine"),
)
LEGEND = (
    "PSNR in dB, to the source: bg, outside the mask; true, to the true edit. "
    "Latent dist.: RMS of z_trg - z_src. NFE: forwards and backwards of one sample."
)


def select_columns(frame: pd.DataFrame, wanted: Sequence[str], keep: str = "") -> pd.DataFrame:
    """Without the columns that nobody asked for, but for `keep`; all where nobody asked."""
    shown = {column.key: _base(column.key) for column in columns_in(frame.columns)}
    for name in wanted:
        if name not in shown.values():
            there = ", ".join(sorted(set(shown.values())))
            raise ConfigError(f"--column: expected one of {there}; got {name!r}; change it")
    unwanted = [key for key, base in shown.items() if base not in wanted and key != keep]
    return frame.drop(columns=unwanted if wanted else [c for c in unwanted if c in HIDDEN])


def columns_in(present: Iterable[str]) -> list[Column]:
    """Those that the frame has; one per network where a metric stands on several. Metrics that are
    not listed here come last, under their own name.
    """
    names = [name for name in present if name not in OF_EDITS]
    listed = {column.key: column for column in COLUMNS}
    rank = {key: index for index, key in enumerate(listed)}
    found = []
    for name in sorted(names, key=lambda n: (rank.get(_base(n), len(rank)), n)):
        base, _, weights_id = name.partition(SEPARATOR)
        column = listed.get(base, Column(base, base.replace("_", " "), 3))
        found.append(replace(column, key=name, title=f"{column.title} {weights_id}".strip()))
    return found


def _base(name: str) -> str:
    return name.split(SEPARATOR)[0]
