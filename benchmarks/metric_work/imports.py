"""What importing PSNR and SSIM costs, each time in a new process. Linux only."""

import subprocess
import sys
from collections.abc import Iterator

BASE = "import torch, numpy, PIL.Image"
SCRIPT = """
import time
{base}
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4
before, began = resident(), time.perf_counter()
{module}
print(time.perf_counter() - began, resident() - before)
"""
MODULES = {
    "PSNR and SSIM": "from ids.metrics.psnr import PSNR; from ids.metrics.ssim import SSIM",
    "torchmetrics, for comparison": "import torchmetrics.image",
}


def import_cost() -> Iterator[str]:
    """Seconds and megabytes beyond torch, numpy and Pillow; the best of three."""
    for name, module in MODULES.items():
        found = [_cost(module) for _ in range(3)]
        if None in found:
            yield f"import of {name}: not installed"
            continue
        seconds, kilobytes = min(cost for cost in found if cost)
        yield f"import of {name}: {seconds:.2f} s, {kilobytes / 1024:.0f} MB beyond torch"


def _cost(module: str) -> tuple[float, float] | None:
    script = SCRIPT.format(base=BASE, module=module)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.returncode:
        return None
    seconds, kilobytes = map(float, done.stdout.split())
    return seconds, kilobytes
