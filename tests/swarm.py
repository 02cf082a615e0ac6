"""Several runners at once, some of them killed at work: forks of a process that has composed and
built their experiments. Prints exit codes and the number of kills as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import fork_imports

RESULTS_BETWEEN_KILLS = 4


def main(commands: list[list[str]], kills: int, seed: int) -> None:
    from ids.config.build import build_experiment
    from ids.config.compose import compose_all

    built = []
    for words in commands:
        settings = compose_all(words)
        built.append([build_experiment(s, sweep=True) for s in settings])
    rng, ended, killed = random.Random(seed), [], 0
    alive = {start(experiments, index): index for index, experiments in enumerate(built)}
    while alive:
        if killed < kills:
            wait_for_results(RESULTS_BETWEEN_KILLS * (killed + 1))
            time.sleep(rng.uniform(0, 0.1))
            os.kill(rng.choice(sorted(alive)), signal.SIGKILL)
        pid, status = os.waitpid(-1, 0)
        index, code = alive.pop(pid), os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            killed += 1
            alive[start(built[index], index)] = index
        else:
            ended.append(code)
    print(json.dumps({"killed": killed, "codes": ended}))


def wait_for_results(count: int) -> None:
    """So that runners are killed at work, however fast they are."""
    while sum(1 for _ in Path("outputs").glob("results/??/*")) < count:
        time.sleep(0.01)


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
