"""The columns of tables: their titles and digits belong to the metrics, their order is here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ids.core.errors import ConfigError
from ids.core.protocols import Metric
from ids.metrics.builtin import builtin_metrics
from ids.metrics.lpips_network import NETS
from ids.run.evaluate import SEPARATOR
from ids.run.records import MetricValue


@dataclass(frozen=True)
class Column:
    """A column of a frame as tables show it. `better`: 1 up, -1 down, 0 neither. `metric`: name,
    revision and network, as stored; empty where it is no stored metric.
    """

    key: str
    title: str
    digits: int
    better: int = 0
    unit: str = ""
    measured: bool = False  # one value per batch, not per case
    exact: bool = False  # a count: no interval
    derived: bool = False  # a number about the row's difference: neither interval nor n
    metric: str = ""

    @property
    def header(self) -> str:
        """The title, with an arrow where larger or smaller is better."""
        return self.title + {1: " ↑", -1: " ↓", 0: ""}[self.better]


PIE_ORDER = (  # of the released table: its default columns, then the others
    *(
        "structure_distance",
        "psnr_unedit_part",
        "lpips_unedit_part",
        "mse_unedit_part",
        "ssim_unedit_part",
    ),
    *(f"clip_similarity_{of}" for of in ("source_image", "target_image", "target_image_edit_part")),
    *("psnr", "lpips", "mse", "ssim"),
    *("structure_distance_unedit_part", "structure_distance_edit_part"),
    *("psnr_edit_part", "lpips_edit_part", "mse_edit_part", "ssim_edit_part"),
)
IP2P_ORDER = ("sim_image", "sim_direction", "sim_0", "sim_1")  # of InstructPix2Pix's released code
ORDER = (  # the most important first; metrics from outside the package come after `restored`
    *("success", "restored", "wide_success"),
    *("psnr_background", "lpips_alex", "lpips_vgg", "lpips_squeeze", "feature_distance"),
    *("clip_score", "clip_directional", "latent_distance", "psnr", "ssim_background", "psnr_truth"),
    *(f"lpips_{net}_background" for net in NETS),
    *(
        "structure_distance",
        "iou",
        "clip_score_edited",
        "clip_image",
        "ssim",
        "mse_background",
        "mse",
    ),
    *("psnr_edited", "ssim_edited", "mse_edited", *(f"lpips_{net}_edited" for net in NETS)),
    *(f"pie_{name}{stack}" for name in PIE_ORDER for stack in ("", "_current")),
    *(f"ip2p_{name}{pixels}" for name in IP2P_ORDER for pixels in ("", "_minus_one_to_one")),
    *("seconds", "nfe", "peak_mb"),
)
MEASUREMENTS = {
    "seconds": Column("seconds", "s/edit", 2, better=-1, unit="s", measured=True),
    "nfe": Column("nfe", "NFE", 0, measured=True, exact=True),
    "peak_mb": Column("peak_mb", "peak MB", 0, better=-1, unit="MiB", measured=True),
}
OF_EDITS = (  # columns of a frame that are no number to average
    *("key", "label", "values", "status", "reason", "case", "id", "seed", "step"),
    *("batch", "engine", "anchors", "undefined", "knob"),
)
LEGEND = {
    "background": "bg: outside the mask.",
    "edited": "ed: inside the mask.",
    "pie": "PIE: as PIE-Bench's released code; bg and ed blacken the other pixels and count all.",
    "ip2p": "IP2P: as InstructPix2Pix's released code; ±1: images in [-1, 1], as it passes them.",
    "wide_success": "wide success: the wide classifier reads all that the target prompt names.",
    "iou": "IoU: of the mask and the object found in the edit.",
    "psnr_truth": "PSNR true: to the true edit; other distances are to the source.",
    "latent_distance": "latent dist.: root mean square of z_trg - z_src.",
    "nfe": "NFE: network forwards and backwards of one sample.",
}


def columns_in(
    present: Iterable[str], stored: Mapping[str, MetricValue] | None = None
) -> list[Column]:
    """The number columns of a frame, in order; one per network where a metric has values of
    several. `stored` has a value of each metric, by name: its title, digits and direction.
    """
    rank = {name: 2 * place for place, name in enumerate(ORDER)}
    outside = rank["restored"] + 1
    names = sorted(
        (name for name in present if name not in OF_EDITS),
        key=lambda name: (rank.get(base_of(name), outside), name),
    )
    known = builtin_metrics()
    found = []
    for name in names:
        base, _, weights_id = name.partition(SEPARATOR)
        column = MEASUREMENTS.get(base) or _metric_column(base, stored or {}, known)
        found.append(replace(column, key=name, title=f"{column.title} {weights_id}".strip()))
    return found


def select_columns(
    columns: Sequence[Column], wanted: Collection[str], keep: str = ""
) -> list[Column]:
    """The columns of these metrics, and the one of key `keep`; all columns if no metric is named.
    `ConfigError` for a name that no column has.
    """
    names = {base_of(column.key) for column in columns}
    for name in wanted:
        if name not in names:
            raise ConfigError(
                f"--column: expected one of {', '.join(sorted(names))}; got {name!r}; change it"
            )
    shown = wanted or names
    return [c for c in columns if base_of(c.key) in shown or c.key == keep]


def legend(columns: Iterable[Column]) -> str:
    """The meaning of these columns' titles, and their units."""
    by_unit: dict[str, list[str]] = {}
    for column in columns:
        if column.unit and not column.measured:
            by_unit.setdefault(column.unit, []).append(column.title)
    units = "; ".join(f"{', '.join(titles)} in {unit}" for unit, titles in by_unit.items())
    names = {base_of(column.key) for column in columns}
    words = names.union(*(name.split("_") for name in names.intersection(ORDER)))
    meanings = [text for word, text in LEGEND.items() if word in words]
    return " ".join([*([f"{units}."] if units else []), *meanings])


def base_of(key: str) -> str:
    """`clip_score` of `clip_score | vit_b32-1f2e3d4c`."""
    return key.split(SEPARATOR)[0]


def _metric_column(
    name: str, stored: Mapping[str, MetricValue], known: Mapping[str, Metric]
) -> Column:
    """By the stored value; records of version 0.2 have no title, and the package's metrics have it
    still.
    """
    value = stored.get(name)
    source = value if value is not None and value.title else known.get(name)
    if source is None:
        better = _sign(value.higher_is_better) if value else 0
        return Column(name, name.replace("_", " "), 3, better, value.unit if value else "")
    return Column(name, source.title, source.digits, _sign(source.higher_is_better), source.unit)


def _sign(higher_is_better: bool | None) -> int:
    return {True: 1, False: -1, None: 0}[higher_is_better]
