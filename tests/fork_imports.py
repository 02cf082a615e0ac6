"""The slow libraries, loaded once in a process that forks a child for every command."""

import importlib
import os
import pkgutil
import sys
from contextlib import suppress
from typing import NoReturn

# What the package imports when it is needed.
SLOW = ("torch", "transformers", "diffusers", "pandas", "matplotlib.pyplot", "hydra")
SLOW += ("safetensors.torch", "open_clip", "timm", "wandb", "scipy.stats")
SLOW += ("diffusers.models.unets.unet_2d_condition", "diffusers.models.autoencoders")
SLOW += ("transformers.models.clip.modeling_clip", "diffusers.schedulers.scheduling_ddpm")
SLOW += ("wandb.apis.public", "torchvision.transforms.v2", "accelerate")
SLOW += ("pandas.core.methods.to_dict", "pyarrow.pandas_compat", "PIL.JpegImagePlugin")


def load() -> None:
    import ids

    for name in (*SLOW, *(module.name for module in pkgutil.walk_packages(ids.__path__, "ids."))):
        importlib.import_module(name)


def compose(words: list[str]) -> None:
    """What `ids run` composes first; it remembers the options, for later forks too."""
    from ids.config.compose import compose_sweep

    if words[:1] == ["run"] and "--config-dir" not in words:
        with suppress(Exception):  # the command itself reports it
            compose_sweep([word for word in words[1:] if not word.startswith("-")])


def redirect(out: str, err: str, append: bool = False) -> None:
    """Standard streams of this process from nothing and into files."""
    mode = os.O_APPEND if append else os.O_TRUNC
    for stream, path in enumerate((os.devnull, out, err)):
        flags = os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | mode
        os.dup2(os.open(path, flags), stream)


def command(words: list[str]) -> NoReturn:
    """As `ids WORDS` would."""
    sys.argv = ["ids", *words]
    from ids.cli import main

    try:
        sys.exit(main())
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
