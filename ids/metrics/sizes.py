"""The sizes of images on which metrics are defined."""

from collections.abc import Iterable

from ids.core.errors import ConfigError
from ids.core.protocols import Metric


def check_size(metrics: Iterable[Metric], height: int, width: int) -> None:
    """`ConfigError` where a metric is not defined on images of this size, in pixels."""
    small = {m.name: m.min_side for m in metrics if m.min_side > min(height, width)}
    if small:
        names = ", ".join(f"metrics.{name}" for name in small)
        raise ConfigError(
            f"{names}: expected images of at least {max(small.values())} pixels a side; got "
            f"{width}x{height}; set dataset.size, or remove the metric with ~metrics.NAME"
        )
