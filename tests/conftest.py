"""Fixtures: small networks with the true topology, the exact world, and the command in a
subprocess.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from ids.backbones import Gaussian, GaussianWorld
from ids.core.edit import Silent
from ids.run import Store

torch.set_num_threads(1)
settings.register_profile("ids", deadline=None)  # timing never decides a test
settings.load_profile("ids")
ROOT = Path(__file__).resolve().parents[1]
GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(ROOT / "scripts"))
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"}
Done = subprocess.CompletedProcess[str]


TINY_CLIP = {  # in open_clip's layout
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}


@pytest.fixture
def world() -> GaussianWorld:
    return Gaussian().load(torch.device("cpu"))


@pytest.fixture
def silent() -> Silent:
    return Silent()


@dataclass
class Warm:
    """A process that has the slow imports behind it, and forks for every command. One that was
    interrupted is not asked again: its answer would go to the next command.
    """

    process: "subprocess.Popen[str] | None" = None

    def __call__(self, words: Sequence[str], folder: Path, timeout: int) -> Done:
        with tempfile.TemporaryDirectory() as prints:
            out, err = Path(prints, "out"), Path(prints, "err")
            asked = {"words": words, "timeout": timeout, "folder": str(folder)}
            try:
                status = self._answer(asked | {"out": str(out), "err": str(err)})
            except BaseException:
                self.stop()
                raise
            if status == -signal.SIGALRM:
                raise subprocess.TimeoutExpired(["ids", *words], timeout, out.read_text())
            return subprocess.CompletedProcess(
                ["ids", *words], status, out.read_text(), err.read_text()
            )

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
        self.process = None

    def _answer(self, asked: dict[str, object]) -> int:
        self.process = self.process or subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm.py"))],
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@dataclass(frozen=True)
class Ids:
    """The command, in a process and a folder of its own. Where the environment is another, one that
    starts from nothing.
    """

    folder: Path
    warm: Warm

    def __call__(self, *words: str, timeout: int = 240, **env: str) -> Done:
        if not env:
            return self.warm(words, self.folder, timeout)
        return subprocess.run(
            [sys.executable, "-m", "ids.cli", *words],
            cwd=self.folder,
            env=os.environ | ENVIRONMENT | env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def store(self, output_dir: str = "outputs") -> Store:
        return Store(self.folder / output_dir)

    def results(self) -> list[Path]:
        return sorted((self.folder / "outputs" / "results").glob("??/*/job.json"))


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    warm = Warm()
    yield warm
    warm.stop()


@pytest.fixture
def ids(tmp_path: Path, warm: Warm) -> Ids:
    return Ids(tmp_path, warm)


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion folder of the true topology (four levels, CLIP text, KL VAE), random and
    small.
    """
    folder = tmp_path_factory.mktemp("sd")
    write_tiny_sd(folder)
    return folder


def write_tiny_sd(folder: Path, prediction: str = "epsilon") -> None:
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    from ids.shapes.caption import vocabulary

    torch.manual_seed(0)
    words, merges = vocabulary()
    tokenizer = CLIPTokenizer(vocab=words, merges=merges, model_max_length=16)
    down = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 16, 32, 32),
        down_block_types=down,
        up_block_types=up,
        layers_per_block=2,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        latent_channels=4,
        norm_num_groups=8,
        sample_size=64,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=16,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    scheduler = DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
    )
    for name, part in {"unet": unet, "vae": vae, "text_encoder": text}.items():
        part.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler.save_pretrained(folder / "scheduler")


Write = Callable[[Path], None]
