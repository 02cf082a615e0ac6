"""Commands in processes of their own that find the slow libraries loaded: forks of one that has
done nothing but import them. Reads a request a line, answers with the exit status.
"""

import json
import os
import signal
import sys

import fork_imports


def serve() -> None:
    fork_imports.load()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(words: list[str], folder: str, out: str, err: str, timeout: int) -> None:
    """As `ids WORDS` would in that folder, what it prints going to two files."""
    os.chdir(folder)
    fork_imports.redirect(out, err)
    signal.alarm(timeout)
    fork_imports.command(words)


if __name__ == "__main__":
    serve()
