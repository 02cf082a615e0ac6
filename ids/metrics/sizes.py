"""Images that metrics can measure."""

from collections.abc import Iterable

from ids.core.errors import ConfigError
from ids.core.protocols import Metric


def check_size(metrics: Iterable[Metric], height: int, width: int) -> None:
    """`ConfigError` where a metric is not defined on images of this size, in pixels."""
    small = {m.name: m.min_side for m in metrics if m.min_side > min(height, width)}
    if small:
        least = max(small.values())
        names = ", ".join(f"metrics.{name}" for name in small)
        raise ConfigError(
            f"{names}: expected images of at least {least} pixels a side; got {width}x{height}; "
            "set dataset.size, or leave out what cannot be measured, as in ~metrics.NAME"
        )
