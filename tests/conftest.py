"""Fixtures: small networks with the true topology, the exact world, and the command in a
subprocess.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import settings
from mounting import mount
from tiny_sd import write_tiny_sd
from tiny_sd3 import write_tiny_sd3

from ids.backbones import Gaussian, GaussianWorld
from ids.cli.entry import GARBAGE
from ids.config.compose import compose_all
from ids.config.setting import Composed
from ids.config.sources import find_sources
from ids.core.edit import Silent
from ids.run import Store

if TYPE_CHECKING:
    from paper_machine import PaperMachine

torch.set_num_threads(1)
settings.register_profile("ids", deadline=None, max_examples=40)  # no test on timing
settings.load_profile("ids")
ROOT = Path(__file__).resolve().parents[1]
GOLDEN = Path(__file__).parent / "golden"
GOLDEN_METRICS = Path(__file__).parent / "golden_metrics"
GOLDEN_RULES = Path(__file__).parent / "golden_rules"
sys.path.insert(0, str(ROOT / "scripts"))
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"}
Done = subprocess.CompletedProcess[str]
InProcess = Callable[..., tuple[int, str, str]]
Compose = Callable[[Sequence[str]], list[Composed]]


TINY_CLIP = {  # in open_clip's layout
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}


def pytest_collection_finish() -> None:
    """The libraries stay: no collection of garbage looks at them again. Others are as rare as in a
    command.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


@pytest.fixture
def world() -> GaussianWorld:
    return Gaussian().load(torch.device("cpu"))


@pytest.fixture
def silent() -> Silent:
    return Silent()


@pytest.fixture(scope="session")
def compose() -> Compose:
    """`compose_all` of the options of this package. Words that choose the same options share their
    composition, as in a search.
    """
    return partial(compose_all, sources=find_sources(), composed={})


@dataclass
class ForkServer:
    """A process that has imported the slow libraries and forks for every command. After an
    interrupted command it is replaced: its answer would be read as that of the next command.
    `environment` are further variables.
    """

    process: "subprocess.Popen[str] | None" = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, words: Sequence[str], folder: Path, timeout: int) -> Done:
        with tempfile.TemporaryDirectory() as prints:
            out, err = Path(prints, "out"), Path(prints, "err")
            request = {"words": words, "timeout": timeout, "folder": str(folder)}
            try:
                status = self._answer(request | {"out": str(out), "err": str(err)})
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

    def _answer(self, request: dict[str, object]) -> int:
        self.process = self.process or subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            env=os.environ | ENVIRONMENT | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        print(json.dumps(request), file=self.process.stdin, flush=True)
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@dataclass(frozen=True)
class Ids:
    """The command `ids` in a new process and a test's folder: a fork of the server, or a newly
    started process if environment variables are given.
    """

    folder: Path
    server: ForkServer

    def __call__(self, *words: str, timeout: int = 240, **env: str) -> Done:
        if not env:
            return self.server(words, self.folder, timeout)
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
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.stop()


@pytest.fixture
def ids(tmp_path: Path, fork_server: ForkServer) -> Ids:
    return Ids(tmp_path, fork_server)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk of 160 KB. Skips where none can be mounted: tests/e2e/test_failing_disk.py has
    errors at every write as well.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=160k", "none", str(folder)):
        pytest.skip("expected permission to mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


@pytest.fixture
def in_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcess:
    """`ids WORDS` in this process and the test's folder: exit status, output, errors."""
    from ids.cli import main

    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return command


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion folder of the true topology (four levels, CLIP text encoder, KL
    autoencoder) with small random networks.
    """
    folder = tmp_path_factory.mktemp("sd")
    write_tiny_sd(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_sd3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 3 folder of the true architecture with small random networks."""
    folder = tmp_path_factory.mktemp("sd3")
    write_tiny_sd3(folder)
    return folder


@pytest.fixture(scope="session")
def paper_machine(tmp_path_factory: pytest.TempPathFactory) -> "PaperMachine":
    """A machine with all files of the paper's studies at size=paper, small."""
    from paper_machine import make_paper_machine

    return make_paper_machine(tmp_path_factory.mktemp("paper"))
