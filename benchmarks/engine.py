"""The engine beside the released loops and a plain modern loop: time, memory, evaluations.

    python benchmarks/engine.py                             # CPU, one thread, four minutes
    python benchmarks/engine.py --device cuda --budget 420  # Stable Diffusion 1.5, 512 px, fp16
    python benchmarks/engine.py --tiny                      # its cells on a tiny network, seconds

Weights are random except those of the embedded world: time and memory only, nothing about quality.
Loops run round by round in one process on the same weights and draws. Cells come in the order of
importance; after `--budget` seconds no further one begins. Results are written after every cell.
"""

import argparse
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import torch
from engine_work.attention import attention_table, attention_times
from engine_work.cells import Cell, cpu_cells, gpu_cells, tiny_cells, worlds
from engine_work.clock import product_speed
from engine_work.cost import degenerate, operations
from engine_work.measure import PLAIN, RELEASED, Bench, measure
from engine_work.report import Results, environment, row_of, summary
from loops.network import Network
from loops.plain import plain
from loops.released import released
from loops.worlds import PRECISIONS

from ids.run.engine import set_tf32

RESULTS = Path(__file__).parent / "results"
NOTES = {
    False: "Embedded world: trained weights. Reduced: Stable Diffusion's topology, 32 to 128 "
    "channels, 4 x 32 x 32 latents, random weights.",
    True: "Random weights: time and memory only, nothing about quality.",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, help="default: fp32, fp16 on a GPU")
    parser.add_argument("--budget", type=float, default=240, help="seconds")
    parser.add_argument("--tiny", action="store_true", help="the GPU's cells on a tiny network")
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="NAME", help="world/method/images x prompts"
    )
    parser.add_argument(
        "--steps", type=int, default=0, help="of an edit; half of it for several edits"
    )
    parser.add_argument("--rounds", type=int, default=9, help="at most")
    parser.add_argument("--rows", type=int, help="edits side by side: 16, 64 on a GPU")
    parser.add_argument("--out", type=Path, help="the JSON file")
    args = parser.parse_args()
    began, device = time.perf_counter(), torch.device(args.device)
    if device.type == "cpu":
        torch.set_num_threads(1)
    args.precision = args.precision or ("fp16" if device.type == "cuda" else "fp32")
    args.rows = args.rows or (64 if device.type == "cuda" else 16)
    set_tf32(False)
    cells = [c for c in _cells(args, device) if any(fnmatch(c.name, name) for name in args.only)]
    results, bench = _results(args, device), _bench(args, device, cells)
    print(f"matrix product: {bench.product / 1e12:.3g} TFLOP/s", flush=True)
    if device.type == "cuda" or args.tiny:
        results.head["attention"] = attention_times(device, PRECISIONS[args.precision], args.tiny)
        print(attention_table(results.head["attention"]), flush=True)
    for at, cell in enumerate(cells):
        left = args.budget - (time.perf_counter() - began)
        if left < 0:
            print(f"budget of {args.budget:g} s: {len(cells) - at} cells are left out")
            break
        results.put(cell.name, _measured(cell, bench))
        print(_shown(cell, results.cells[cell.name], time.perf_counter() - began), flush=True)
    print(summary(results.cells))
    return int(any("error" in record for record in results.cells.values()))


def _cells(args: argparse.Namespace, device: torch.device) -> list[Cell]:
    if args.tiny:
        return tiny_cells()
    return gpu_cells() if device.type == "cuda" else cpu_cells()


def _results(args: argparse.Namespace, device: torch.device) -> Results:
    where = environment(device, args.precision)
    name = "tiny" if args.tiny else str(where["device"]).lower().replace(" ", "-")
    random = args.tiny or device.type == "cuda"
    head = {"title": f"Engine on {where['device']}", "note": NOTES[random], "environment": where}
    return Results(args.out or RESULTS / f"engine-{device.type}-{name}.json", head)


def _bench(args: argparse.Namespace, device: torch.device, cells: list[Cell]) -> Bench:
    found = worlds({cell.world for cell in cells}, device, args.precision)
    networks: dict[tuple[str, str], Network] = {}
    counted = {}
    for name, world in found.items():
        networks[name, RELEASED] = released(world.backbone)
        networks[name, PLAIN] = plain(world.backbone)
        z, cases = world.sources(2, 1)
        text = world.backbone.prompt([case.prompt_src for case in cases])
        counted[name] = operations(networks[name, RELEASED], z[:1], text.embedding[:1])
        _check(name, z, text.embedding, networks[name, PLAIN])
    return Bench(
        device=device,
        worlds=found,
        networks=networks,
        operations=counted,
        product=product_speed(device, PRECISIONS[args.precision]),
        n_steps=args.steps,
        rounds=args.rounds,
        seconds=args.budget / max(len(cells), 1),
        rows=args.rows,
    )


def _check(name: str, z: torch.Tensor, text: torch.Tensor, network: Network) -> None:
    """`SystemExit` for a network whose predictions are degenerate."""
    with torch.no_grad():
        eps = network.noise(z, text, torch.tensor([50, 900], device=z.device))
    if message := degenerate(eps):
        raise SystemExit(f"{name}: {message}")


def _measured(cell: Cell, bench: Bench) -> dict[str, object]:
    """A cell that fails costs itself alone."""
    try:
        return measure(cell, bench)
    except (RuntimeError, FloatingPointError) as error:  # out of memory, numbers in fp16
        return {"error": str(error).splitlines()[0][:200]}


def _shown(cell: Cell, record: dict[str, object], seconds: float) -> str:
    if "error" in record:
        return f"{seconds:5.0f} s  {cell.name}: {record['error']}"
    return f"{seconds:5.0f} s  {'  '.join(row_of(cell.name, record))}"


if __name__ == "__main__":
    sys.exit(main())
