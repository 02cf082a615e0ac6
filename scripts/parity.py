"""Replay folders of recorded numbers through the classes that `ids run` builds.

    python scripts/parity.py tests/golden tests/golden_rules    # a line each; status 1 on any FAIL
    python scripts/parity.py GOLDEN_DIR --only traj     # recordings whose name has this prefix

The recordings come from the authors' released code on small networks (see NOTICE). Float64, largest
absolute error 1e-9; recordings made in float32, 1e-5; our float32 path against their float64, 5e-4,
in golden_rules 1e-3 to 5e-5. A recorded number that nothing compares is a FAIL.
"""

import argparse
import sys
from pathlib import Path

import torch
from golden_replay.recording import Golden
from golden_replay.replays import replay_for


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="folder")
    parser.add_argument("--only", default="", help="recordings whose name has this prefix")
    args = parser.parse_args()
    for folder in args.folders:
        if not any(folder.glob("inputs_*.safetensors")):
            print(f"{folder}: expected a golden folder with inputs_NETWORK.safetensors; got none")
            return 2
    torch.set_num_threads(1)
    golden = [Golden(folder) for folder in args.folders]
    chosen = [(one, name) for one in golden for name in one.names() if name.startswith(args.only)]
    if not chosen:
        print(f"--only: expected the beginning of a recording's name; got {args.only!r}")
        return 2
    verdicts = [_replay(one, name) for one, name in chosen]
    return int(not all(verdicts))


def _replay(golden: Golden, name: str) -> bool:
    """Print one line; False on FAIL."""
    try:
        replay = replay_for(golden, name)
        if isinstance(replay, str):
            print(f"{name:28} skipped ({replay})", flush=True)
            return True
        verdict = replay(golden, name)
    except Exception as error:  # any fault of a foreign folder is one line
        print(f"{name:28} FAIL     {type(error).__name__}: {error}", flush=True)
        return False
    errors = "  ".join(f"{key} {error:.1e}" for key, error in verdict.errors.items())
    unknown = f"  not compared: {', '.join(verdict.unknown)}" if verdict.unknown else ""
    print(f"{name:28} {'ok  ' if verdict.ok else 'FAIL'}     {errors}{unknown}", flush=True)
    return verdict.ok


if __name__ == "__main__":
    sys.exit(main())
