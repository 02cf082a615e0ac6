"""Several runners at once, some of them killed at work: forks of a process that has composed and
built their experiments. Prints exit codes, the number of kills, and the edits that each kill hit,
as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import fork_imports


def main(commands: list[list[str]], kills: int, every: int, seed: int) -> None:
    """`every` is the number of results between two kills."""
    from ids.config.build import build_experiment
    from ids.config.compose import compose_all

    built = []
    for words in commands:
        settings = compose_all(words)
        built.append([build_experiment(s, sweep=True) for s in settings])
    rng, ended, killed, hit = random.Random(seed), [], 0, []
    alive = {start(experiments, index): index for index, experiments in enumerate(built)}
    while alive:
        if killed < kills:
            wait_for_results(every * (killed + 1))
            time.sleep(rng.uniform(0, 0.1))
            found = kill(rng.choice(sorted(alive)))
        pid, status = os.waitpid(-1, 0)
        index, code = alive.pop(pid), os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            killed += 1
            hit += found
            alive[start(built[index], index)] = index
        else:
            ended.append(code)
    print(json.dumps({"killed": killed, "codes": ended, "hit": hit}))


def wait_for_results(count: int) -> None:
    """So that runners are killed at work, however fast they are."""
    while sum(1 for _ in Path("outputs").glob("results/??/*")) < count:
        time.sleep(0.01)


def kill(pid: int) -> list[str]:
    """Kill a runner. The names of the claims that it held, each of them an edit."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    links = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").glob("*")]
    os.kill(pid, signal.SIGKILL)
    return [Path(link).stem for link in links if link.endswith(".lock")]


def start(experiments: list, index: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    fork_imports.redirect(f"runner{index}.out", f"runner{index}.err", append=True)
    try:
        for number, experiment in enumerate(experiments):
            experiment.run(Path("outputs", "runs", str(os.getpid()), str(number)))
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    fork_imports.load()
    main(**json.loads(sys.argv[1]))
