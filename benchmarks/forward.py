"""CPU milliseconds of a call of the network without a gradient, by its rows: diffusers' modules and
the engine's evaluation of the same weights. One thread, interleaved rounds: median, least.

    python benchmarks/forward.py                               # three minutes
    python benchmarks/forward.py --only embedded --operators   # where the engine's time goes

Half of the rows have the null prompt, half that of a case, as under guidance.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from engine_work.cells import World, worlds
from engine_work.clock import spread, timed
from engine_work.cost import operator_shares
from engine_work.report import environment
from loops.worlds import random_latents, shape_cases

from ids.core.protocols import Backbone

CPU = torch.device("cpu")
ROWS = (2, 4, 8, 16)
SHAPES = {"embedded": [(12, 8, 8)], "reduced": [(4, side, side) for side in (8, 16, 24, 32)]}
SHOWN = 8  # operators
OUT = Path(__file__).parent / "results" / "forward-cpu.md"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT, help="the Markdown file")
    parser.add_argument("--operators", action="store_true", help="of two rows, their shares alone")
    args = parser.parse_args()
    torch.set_num_threads(1)
    head = ", ".join(f"{name} {value}" for name, value in environment(CPU, "fp32").items())
    lines = ["# A call of the network", "", head, "", __doc__.split("\n\n")[0], ""]
    lines += [_line(["network", *(f"{rows} rows" for rows in args.rows)])]
    lines += [_line(["---"] * (len(args.rows) + 1))]
    for name, world in worlds(set(args.only), CPU, "fp32").items():
        if args.operators:
            print(f"{name}: {operators(world, SHAPES[name][-1])}")
            continue
        for shape in SHAPES[name]:
            lines += table(f"{name}, {' x '.join(map(str, shape))}", world, shape, args)
            print("\n".join(lines[-2:]), flush=True)
    if not args.operators:
        args.out.write_text("\n".join(lines) + "\n")


def table(name: str, world: World, shape: Sequence[int], args: argparse.Namespace) -> Iterator[str]:
    """A line of the modules and one of the engine."""
    found = [_times(world, shape, rows, args.rounds) for rows in args.rows]
    for side, taken in zip(("modules", "engine"), zip(*found, strict=True), strict=True):
        yield _line([f"{name}, {side}", *(f"{x['median']:.4g}, {x['min']:.4g}" for x in taken)])


def operators(world: World, shape: Sequence[int]) -> str:
    """The largest shares of the CPU time of the engine's call of two rows."""
    with torch.no_grad():
        shares = operator_shares(_call(world.tuned, shape, rows=2))
    return ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:SHOWN])


@torch.no_grad()
def _times(
    world: World, shape: Sequence[int], rows: int, rounds: int
) -> tuple[dict[str, float], ...]:
    """Milliseconds of the modules and of the engine."""
    calls = [_call(backbone, shape, rows) for backbone in (world.backbone, world.tuned)]
    for call in calls:
        call()  # the warm-up
    taken = [[timed(call, CPU).cpu * 1e3 for call in calls] for _ in range(rounds)]
    return tuple(spread(times) for times in zip(*taken, strict=True))


def _call(backbone: Backbone, shape: Sequence[int], rows: int) -> Callable[[], object]:
    case = shape_cases(1)[0]
    y = backbone.prompt([""] * (rows // 2) + [case.prompt_trg] * (rows - rows // 2))
    z, t = random_latents(rows, shape, CPU), torch.linspace(50, 900, rows).long()
    return lambda: backbone.eps(z, y, t)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
