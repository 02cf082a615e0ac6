"""Commands in processes of their own that find the slow libraries loaded: forks of one that has
done nothing but import them. Reads a request a line, answers with the exit status.
"""

import importlib
import json
import os
import signal
import sys

SLOW = ("torch", "torchmetrics.functional.image", "transformers", "diffusers", "pandas")
SLOW += ("matplotlib.pyplot", "hydra", "safetensors.torch")


def serve() -> None:
    for name in SLOW:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(words: list[str], folder: str, out: str, err: str, timeout: int) -> None:
    """As `ids WORDS` would in that folder, what it prints going to two files."""
    os.chdir(folder)
    for stream, path in enumerate((os.devnull, out, err)):
        flags = os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, flags), stream)
    signal.alarm(timeout)
    sys.argv = ["ids", *words]
    from ids.cli import main

    sys.exit(main())


if __name__ == "__main__":
    serve()
