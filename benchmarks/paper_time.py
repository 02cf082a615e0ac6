"""Time, NFE and disk of the studies of the paper with size=paper, without its weights and data:
networks of Stable Diffusion 1.4's size with random weights, as many rows as the data sets have, of
noise. One edit of each method is a trial; `--dry-run` multiplies.

    python benchmarks/paper_time.py FOLDER                          # a GPU of 24 GB; seven minutes
    python benchmarks/paper_time.py FOLDER --small --device cpu     # small networks: the same code

FOLDER gets the files, laid out as their downloads, and the store of the trial; what is there is
kept. Time is that of edits alone, without loading and metrics. Numbers of quality mean nothing.
"""

import argparse
import csv
import io
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from loops.worlds import SD15, random_unet

from ids.config.sources import find_sources

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]

from paper_machine import (  # type: ignore[import-not-found]  # noqa: E402
    PaperMachine,
    Rows,
    make_paper_machine,
    write_sd14,
)

ROWS = Rows(cats=250, ip2p=200, pie=700)
VAE = (128, 256, 512, 512)
TEXT = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
TRIALS = [
    "experiments=paper/table1 dataset=paper_ip2p",
    "experiments=paper/fpr_rules",
    "experiments=paper/complexity",
]
COLUMNS = ("seconds", "nfe", "peak_mb")
SMALL = ["backbone.image_size=64"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small networks, two steps")
    parser.add_argument("--make", action="store_true", help="the files alone")
    args = parser.parse_args()
    folder, began = args.folder.resolve(), time.perf_counter()
    machine = PaperMachine(folder)
    if not folder.exists():
        make_paper_machine(folder, write_sd14 if args.small else write_full_sd14, ROWS)
    print(f"files: {time.perf_counter() - began:.0f} s", flush=True)
    if args.make:
        return 0
    command = _Command(machine, args.device, args.small)
    status = [command.shown(*trial.split(), "limit=1") for trial in TRIALS]
    print("\n".join(command.table()), flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for line in pool.map(command.estimate, _studies()):
            print(line, flush=True)
    return max(status)


def _studies() -> list[str]:
    """Those of images."""
    names = (name for name in find_sources().options("experiments") if name.startswith("paper/"))
    return [name for name in names if name != "paper/nerf_table"]


class _Command:
    """`ids run` on a machine."""

    def __init__(self, machine: PaperMachine, device: str, small: bool) -> None:
        self.machine, self.small = machine, small
        self.common = [f"engine.device={device}", f"output_dir={machine.folder / 'outputs'}"]
        self.common += ["logger=none", *(["steps.n_steps=2"] if small else [])]

    def __call__(self, study: str, words: Sequence[str], **more: Any) -> "Any":
        replaced = [w for w in self.machine.words(study) if self.small or w not in SMALL]
        return subprocess.run(
            [sys.executable, "-m", "ids.cli", "run", *words, *replaced, *self.common],
            env={**os.environ, **self.machine.environment, "HF_HUB_OFFLINE": "1"},
            **more,
        )

    def shown(self, study: str, *words: str) -> int:
        """A trial, with its output; its exit status."""
        began = time.perf_counter()
        done = self(study.partition("=")[2], [study, *words])
        print(f"{study}: exit {done.returncode}, {time.perf_counter() - began:.0f} s", flush=True)
        status: int = done.returncode
        return status

    def table(self) -> Iterator[str]:
        """Seconds, NFE and peak memory of the edits of the trials, a line per method."""
        words = ["table", "--format", "csv", "--output-dir", str(self.machine.folder / "outputs")]
        text = subprocess.check_output([sys.executable, "-m", "ids.cli", *words], text=True)
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for row in csv.DictReader(io.StringIO(text)):
            if row["column"] in COLUMNS and row["value"] and not row["against"]:
                found[row["method"]][row["column"]] = float(row["value"])
        yield "| method | s per edit | NFE | peak, GB |"
        yield "| --- | --- | --- | --- |"
        for method, cost in found.items():
            if cost.get("nfe"):
                seconds, nfe, peak = (cost[name] for name in COLUMNS)
                yield f"| {method} | {seconds:.1f} | {nfe:,.0f} | {peak / 1000:.1f} |"

    def estimate(self, study: str) -> str:
        """The lines of its --dry-run in one."""
        words = [f"experiments={study}", "--dry-run"]
        done = self(study, words, capture_output=True, text=True)
        return f"{study:22} {'; '.join(_facts(done.stdout)) or done.stderr.strip()}"


def _facts(text: str) -> Iterator[str]:
    for line in text.splitlines():
        name, _, value = line.partition("  ")
        if name in ("to do", "NFE", "time", "disk"):
            yield f"{name} {value.strip()}"


def write_full_sd14(folder: Path) -> None:
    """The folder of Stable Diffusion 1.4 with networks of its size and random weights, in float16;
    the tokenizer is a small one.
    """
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel

    write_sd14(folder)
    torch.manual_seed(0)
    ends = CLIPTextConfig.from_pretrained(folder / "text_encoder")
    text = CLIPTextConfig(
        **TEXT,
        num_hidden_layers=12,
        bos_token_id=ends.bos_token_id,
        eos_token_id=ends.eos_token_id,
    )
    vae: Any = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=VAE,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )
    parts: dict[str, Any] = {"unet": random_unet(SD15), "vae": vae}
    parts["text_encoder"] = CLIPTextModel(text)
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)


if __name__ == "__main__":
    sys.exit(main())
