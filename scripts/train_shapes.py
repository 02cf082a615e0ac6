"""Train the embedded world's networks and write them as a Stable Diffusion folder.

    python scripts/train_shapes.py                     # everything: 105 minutes on two idle cores
    python scripts/train_shapes.py --minutes-unet 5    # a quick trial
    python scripts/train_shapes.py --stages export     # write the folder from the checkpoints
    python scripts/train_shapes.py --wide              # the wide networks: 45 minutes on one core

After an interruption the same command continues. No random draw depends on interruptions.
"""

import argparse
from pathlib import Path

import torch
from shapes_training.autoencoder import scenes_of, standardize, train_autoencoder
from shapes_training.classifier import train_classifier
from shapes_training.clip import train_clip
from shapes_training.course import Budget, Outcome
from shapes_training.diffusion import CHUNK, build_library, new_pupil, train_diffusion
from shapes_training.export import Trained, WideTrained, write_folder, write_wide_folder
from shapes_training.wide import WIDE_READER, train_wide

STAGES = ("vae", "unet", "classifier", "clip", "export")


def main() -> None:
    args = _parse()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if args.wide:
        _train_wide(args, device)
        return
    vae = train_autoencoder(
        args.work, Budget(120_000, args.minutes_vae, 16, 2e-3), args.seed, device
    )
    if args.stages == "vae":
        return
    standardize(vae.modules["vae"], args.seed)
    unet = _train_unet(args, vae, device)
    if args.stages == "unet":
        return
    judge = train_classifier(
        args.work, Budget(60_000, args.minutes_classifier, 32, 2e-3), args.seed, device
    )
    if args.stages == "classifier":
        return
    clip = train_clip(args.work, Budget(400_000, args.minutes_clip, 128, 1e-3), args.seed, device)
    if args.stages == "clip":
        return
    write_folder(args.out, Trained(vae, unet, judge, clip), args.seed, args.samples)


def _train_unet(args: argparse.Namespace, vae: Outcome, device: torch.device) -> Outcome:
    library = build_library(
        args.work,
        vae.modules["vae"],
        args.scenes,
        lambda chunk: scenes_of(args.seed, "unet", chunk, CHUNK),
    )
    budget = Budget(600_000, args.minutes_unet, 64, 1e-3)
    return train_diffusion(args.work, budget, library, new_pupil(args.seed), args.seed, device)


def _train_wide(args: argparse.Namespace, device: torch.device) -> None:
    work, out = args.work / "wide", args.out.with_name(f"{args.out.name}_wide")
    budget = Budget(600_000, args.minutes_wide, 64, 5e-4)
    unet = train_wide(work, budget, args.scenes_wide, args.seed, device)
    if args.stages == "unet":
        return
    reads = Budget(60_000, args.minutes_classifier, 32, 2e-3)
    judge = train_classifier(work, reads, args.seed, device, WIDE_READER)
    if args.stages == "classifier":
        return
    write_wide_folder(out, WideTrained(unet, judge), args.seed, args.samples)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", choices=STAGES, default="export", help="stop after this stage")
    parser.add_argument(
        "--work", type=Path, default=Path("outputs/shapes_training"), help="checkpoints and latents"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("ids/shapes/weights"), help="the folder to write"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--scenes", type=int, default=48_000, help="scenes whose latents are cached"
    )
    parser.add_argument(
        "--minutes-vae", type=float, default=26, help="CPU minutes per thread, summed over resumes"
    )
    parser.add_argument("--minutes-unet", type=float, default=60)
    parser.add_argument("--minutes-classifier", type=float, default=8)
    parser.add_argument("--minutes-clip", type=float, default=14.5)
    parser.add_argument(
        "--wide",
        action="store_true",
        help="train the wide networks from the shipped ones, into OUT_wide",
    )
    parser.add_argument("--scenes-wide", type=int, default=30_000)
    parser.add_argument("--minutes-wide", type=float, default=40)
    parser.add_argument("--samples", type=int, default=240, help="drawn to measure quality")
    return parser.parse_args()


if __name__ == "__main__":
    main()
