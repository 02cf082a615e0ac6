"""Commands in new processes that find the slow libraries loaded: forks of a process that has only
imported them, and composed the options of earlier commands. Reads one request per line and answers
with the exit status.
"""

import gc
import json
import os
import signal
import sys

import fork_imports


def serve() -> None:
    fork_imports.load()
    gc.freeze()  # a collection in a child copies no page of the libraries
    for line in sys.stdin:
        request = json.loads(line)
        fork_imports.compose(request["words"])
        child = os.fork()
        if child == 0:
            run(**request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(words: list[str], folder: str, out: str, err: str, timeout: int) -> None:
    """`ids WORDS` in that folder, its output written to two files; never returns."""
    os.chdir(folder)
    fork_imports.redirect(out, err)
    signal.alarm(timeout)
    fork_imports.command(words)


if __name__ == "__main__":
    serve()
