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
    Column("strength", "strength", 3),
    Column("seconds", "s/edit", 2, better=-1, measured=True),
    Column("passes", "passes", 0, measured=True, exact=True),
    Column("peak_mb", "peak MB", 0, better=-1, measured=True),
)
LEGEND = (
    "PSNR in dB, to the source: bg, outside the mask; true, to the true edit. "
    "Strength: RMS of z_trg - z_src."
)


def only(frame: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    """Without the columns that nobody asked for; all where nobody asked."""
    known = [column.key for column in COLUMNS]
    for name in wanted:
        if name not in known:
            raise ConfigError(f"--column: expected one of {', '.join(known)}; got {name!r}")
    unwanted = [c for c in map(str, frame) if c.split(SEPARATOR)[0] in known and c not in wanted]
    return frame.drop(columns=[c for c in unwanted if wanted and c != "passes"])


def columns_in(present: Iterable[str]) -> list[Column]:
    """Those that the frame has; one per network where a metric stands on several."""
    present = list(present)
    found = []
    for column in COLUMNS:
        for name in present:
            base, _, basis = name.partition(SEPARATOR)
            if base == column.key:
                found.append(replace(column, key=name, title=f"{column.title} {basis}".strip()))
    return found
