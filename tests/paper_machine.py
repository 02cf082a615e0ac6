"""A machine with all that the studies of the paper read with size=paper, laid out as the downloads
are: the hub's cache, torch's cache, folders of data. The architectures are the true ones, the
networks small and random, the photos noise.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captures import write_photo
from file_server import COMMIT
from model_folders import with_older_names
from parquet_fixtures import cell, write_parquet
from pie_folder import ENTRY, FOLDERS, write_pie
from PIL import Image
from pix2pix_fixtures import columns
from tiny_clipseg import NAMES, write_tiny_clipseg
from tiny_sd import write_tiny_sd
from torchvision.models import get_model

TESTS = Path(__file__).parent
WEIGHTS = TESTS / "golden_metrics" / "weights"
LLFF = TESTS / "golden_captures" / "captures" / "orbit_simple_pinhole" / "llff"
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.7.0.dev0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
# The keys that configurations of 2022 have, and norm_num_groups: theirs is the default.
SHARED = ("_class_name", "act_fn", "block_out_channels", "down_block_types", "up_block_types")
SHARED += ("in_channels", "layers_per_block", "norm_num_groups", "out_channels", "sample_size")
UNET = ("attention_head_dim", "center_input_sample", "cross_attention_dim", "downsample_padding")
UNET += ("flip_sin_to_cos", "freq_shift", "mid_block_scale_factor", "norm_eps")
CONFIGS = {"unet": (*SHARED, *UNET), "vae": (*SHARED, "latent_channels")}
PHOTOS = ((96, 72), (72, 96))  # width and height
PIE = {"0": "0_random_140", "1": FOLDERS, "8": "8_change_background_80/2_natural/4_outdoor"}


@dataclass(frozen=True)
class Rows:
    """Of the data sets."""

    cats: int = 2
    ip2p: int = 2
    pie: int = 3


@dataclass(frozen=True)
class PaperMachine:
    """Its folder. `environment` points the libraries at it; `words` replace what no small file can
    stand for: a file named by its hash, a network whose widths its name decides.
    """

    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that a user sets."""
        names = {"HF_HUB_CACHE": "hub", "TORCH_HOME": "torch", "IDS_DATA": "data"}
        return {name: str(self.folder / place) for name, place in names.items()}

    @property
    def checkpoints(self) -> Path:
        """Where torch.hub and torchvision keep files."""
        return self.folder / "torch" / "hub" / "checkpoints"

    def words(self, study: str) -> list[str]:
        """Of `ids run` and `ids doctor`: LPIPS, the CLIP of open_clip, the size of images."""
        common = ["size=paper", "backbone.image_size=64"]
        clip = WEIGHTS / "clip_openai"
        openai = ["clip.model=openai", f"clip.checkpoint={clip / 'state_dict.pt'}"]
        openai += [f"clip.vocabulary={clip / 'bpe_vocab.txt.gz'}"]
        if study in ("paper/pie", "paper/edit_size"):
            return [
                *common,
                f"metrics.pie_lpips_unedit_part.backbone={self._named('squeezenet1_1')}",
            ]
        if study == "paper/nerf_table":
            lpips = f"metrics.views_lpips.metric.backbone={self._named('alexnet')}"
            return [*common, *openai, lpips]
        nets = {"lpips": "alexnet", "lpips_vgg": "vgg16"}
        return [
            *common,
            *openai,
            *(f"metrics.{k}.backbone={self._named(n)}" for k, n in nets.items()),
        ]

    def _named(self, net: str) -> Path:
        (file,) = self.checkpoints.glob(f"{net}-*.pth")
        return file


def make_paper_machine(
    folder: Path, write_networks: Callable[[Path], None] | None = None, rows: Rows | None = None
) -> PaperMachine:
    """Everything, in a few seconds. `write_networks` makes the folder of Stable Diffusion 1.4, a
    small one by default.
    """
    machine, rows = PaperMachine(folder), rows or Rows()
    made = folder / "made"
    (write_networks or write_sd14)(made / "sd14")
    write_tiny_clipseg(made / "clipseg")
    write_pix2pix(made / "ip2p", rows.ip2p)
    into_hub(folder / "hub", "models--CompVis--stable-diffusion-v1-4", made / "sd14")
    into_hub(folder / "hub", "models--CIDAS--clipseg-rd64-refined", made / "clipseg")
    into_hub(folder / "hub", "models--openai--clip-vit-large-patch14", WEIGHTS / "clip_hf")
    into_hub(folder / "hub", "datasets--FelixdoingAI--IP2P-200", made / "ip2p")
    _fill_checkpoints(machine.checkpoints)
    write_cats(folder / "data" / "cats", rows.cats)
    write_pie_bench(folder / "data" / "PIE-Bench", rows.pie)
    write_leaves(folder / "data" / "nerf_llff_data" / "leaves")
    shutil.rmtree(made)
    return machine


def write_sd14(folder: Path) -> None:
    """The files of CompVis/stable-diffusion-v1-4 in safetensors: older names of tensors, PNDM's
    scheduler, a tokenizer of two files and 77 tokens.
    """
    write_tiny_sd(folder, tokenizer_folder=WEIGHTS / "clip_hf")
    with_older_names(folder)
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()
    for name in NAMES:
        shutil.copy(WEIGHTS / "clip_hf" / name, folder / "tokenizer")
    for part, names in CONFIGS.items():
        file = folder / part / "config.json"
        config = json.loads(file.read_text())
        file.write_text(json.dumps({name: config[name] for name in names}))
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "PNDMScheduler"}
    index: dict[str, Any] = {part: ["diffusers", name] for part, name in parts.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"]}
    index |= {"tokenizer": ["transformers", "CLIPTokenizer"]}
    index |= {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.2.2"}
    (folder / "model_index.json").write_text(json.dumps(index))
    safety = folder / "safety_checker" / "config.json"  # a part that is not read
    safety.parent.mkdir()
    safety.write_text(json.dumps({"model_type": "clip"}))


def write_pix2pix(folder: Path, n_rows: int) -> None:
    """The parquet file of FelixdoingAI/IP2P-200, of so many rows."""
    rows = []
    for number in range(n_rows):
        photo = folder / f"{number}.jpg"
        write_photo(photo, PHOTOS[number % 2], seed=2000 + number)
        rows.append(cell(photo.read_bytes()))
        photo.unlink()
    table = columns(len(rows), original_image=rows)
    write_parquet(folder / "data" / "train-00000-of-00001-0123456789abcdef.parquet", table)


def write_cats(folder: Path, n_rows: int) -> None:
    """Photos of both orientations, and masks of the animal."""
    for number in range(n_rows):
        size = PHOTOS[number % 2]
        write_photo(folder / f"cat_{number}.jpg", size, seed=number)
        mask = Image.new("L", size, 0)
        mask.paste(255, (20, 20, 60, 60))
        (folder / "masks").mkdir(exist_ok=True)
        mask.save(folder / "masks" / f"cat_{number}.png")


def write_pie_bench(folder: Path, n_rows: int) -> None:
    """mapping_file.json and photos of three categories."""
    entries = {}
    for number in range(n_rows):
        category, below = list(PIE.items())[number % len(PIE)]
        name = f"{category}11{number // len(PIE):09d}"
        path = f"{below}/{name}.jpg"
        entries[name] = ENTRY | {
            "image_path": path,
            "editing_type_id": category,
        }
        write_photo(folder / "annotation_images" / path, (512, 512), seed=10 + number)
    write_pie(folder, entries)


def write_leaves(folder: Path) -> None:
    """An LLFF scene whose photos are a quarter of those that poses_bounds.npy describes."""
    shutil.copytree(LLFF / "images_2", folder / "images_4")
    rows = np.load(LLFF / "poses_bounds.npy")
    rows[:, [4, 9, 14]] *= 2  # height, width and focal length in pixels
    np.save(folder / "poses_bounds.npy", rows)


def into_hub(hub: Path, name: str, content: Path) -> None:
    """A repository as the hub's client keeps it: links to blobs that are named by their digest,
    SHA-256 for large files and git's for small ones.
    """
    place = hub / name
    snapshot = place / "snapshots" / COMMIT
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    (place / "blobs").mkdir()
    for file in (path for path in content.rglob("*") if path.is_file()):
        data = file.read_bytes()
        large = file.suffix in (".safetensors", ".parquet")
        git = hashlib.sha1(b"blob %d\0" % len(data) + data)
        blob = place / "blobs" / (hashlib.sha256(data) if large else git).hexdigest()
        blob.write_bytes(data)
        link = snapshot / file.relative_to(content)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))


def write_features(folder: Path, name: str) -> None:
    """The convolutions of a network of torchvision, which LPIPS reads of its file; random."""
    with torch.device("meta"):  # its linear layers are large
        shapes = get_model(name, weights=None).features.state_dict()
    torch.manual_seed(0)
    tensors = {
        f"features.{key}": torch.randn(x.shape) * (2 / x[0].numel()) ** 0.5
        for key, x in shapes.items()
    }
    torch.save(tensors, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8]
    (folder / "new.pth").rename(folder / f"{name}-{digest}.pth")


def _fill_checkpoints(folder: Path) -> None:
    """Networks of LPIPS named by their hash, DINO's under its own name."""
    folder.mkdir(parents=True)
    for name in ("alexnet", "vgg16"):
        write_features(folder, name)
    squeeze = WEIGHTS / "squeezenet1_1.pth"
    digest = hashlib.sha256(squeeze.read_bytes()).hexdigest()[:8]
    shutil.copy(squeeze, folder / f"squeezenet1_1-{digest}.pth")
    shutil.copy(WEIGHTS / "dino_vit_patch8.pth", folder / "dino_vitbase8_pretrain.pth")
