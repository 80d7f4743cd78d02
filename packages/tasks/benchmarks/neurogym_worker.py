"""NeuroGym's side of the benchmark: reads one JSON job a line, answers with seconds.

Run by ``bench.py`` in a virtual environment that has neurogym 2.3.1. A job names a kind and a
task; what it needs is made and warmed up on the first job of the kind and kept until the next.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

warnings.simplefilter("ignore")

import gymnasium  # noqa: E402
import neurogym  # noqa: E402
import numpy as np  # noqa: E402
from neurogym import wrappers  # noqa: E402
from neurogym.utils.data import Dataset  # noqa: E402
from neurogym.utils.scheduler import RandomSchedule  # noqa: E402
from neurogym.wrappers import ScheduleEnvs  # noqa: E402


def dataset(job: dict[str, Any]) -> Any:
    source: Any = job["task"]
    if job.get("ids"):
        envs = [neurogym.make(id) for id in job["ids"]]
        source = ScheduleEnvs(envs, RandomSchedule(len(envs)), env_input=True)
    return Dataset(source, batch_size=job["batch_size"], seq_len=100)


def vector(job: dict[str, Any]) -> Any:
    made = gymnasium.vector.SyncVectorEnv([lambda: neurogym.make(job["task"])] * job["n"])
    made.reset(seed=1)
    return made


WRAPPERS: dict[str, Any] = {
    "SideBias": lambda env: wrappers.SideBias(env, [[0.2, 0.8], [0.8, 0.2]], 20),
    "TrialHistoryV2": wrappers.TrialHistoryV2,
    "RandomGroundTruth": wrappers.RandomGroundTruth,
    "ScheduleAttr": lambda env: wrappers.ScheduleAttr(env, lambda: 0, [{"coh": 0}]),
    "PassReward": wrappers.PassReward,
    "PassAction": wrappers.PassAction,
    "Noise": wrappers.Noise,
    "ReactionTime": wrappers.ReactionTime,
}


class Peer:
    """What was made for the last job, and is used again if the next one is of its kind."""

    def __init__(self) -> None:
        self.key: Any = None
        self.made: Any = None
        self.actions: Any = None

    def make(self, job: dict[str, Any]) -> None:
        key = {k: v for k, v in job.items() if k != "seconds"}
        if key == self.key:
            return
        self.key = key
        rng = np.random.default_rng(0)
        if job["kind"] == "dataset":
            self.made = dataset(job)
            self.made()
        elif job["kind"] == "vector":
            self.made = vector(job)
            n = self.made.single_action_space.n
            self.actions = rng.integers(n, size=(64, job["n"]))
        else:
            self.made = neurogym.make(job["task"])
            if job["kind"] == "wrapped":
                self.made = WRAPPERS[job["wrapper"]](self.made)
            # Not all of its wrappers take a seed.
            self.made.reset() if job["kind"] == "wrapped" else self.made.reset(seed=1)
            self.actions = rng.integers(self.made.action_space.n, size=4096).tolist()

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Work for at least ``job["seconds"]`` and say how many pieces a second were done."""
        self.make(job)
        made, kind = self.made, job["kind"]
        count, start, cpu = 0, time.perf_counter(), time.process_time()
        while True:
            if kind == "dataset":
                # Whole caches, as all the drawing is done when one is filled; the last sequence
                # of a cache is never served.
                for _ in range(max(1, made._cache_len // made.seq_len - 1)):
                    made()
                    count += 1
            elif kind == "vector":
                for actions in self.actions:
                    made.step(actions)
                count += self.actions.size
            else:
                step = made.step
                for action in self.actions:
                    step(action)
                count += len(self.actions)
            wall = time.perf_counter() - start
            if wall >= job["seconds"]:
                cpu = time.process_time() - cpu
                return {"rate": count / wall, "cpu": cpu / wall}


def main() -> None:
    peer = Peer()
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = peer.run(job)
        except Exception as error:  # what NeuroGym cannot do is a finding, and said as one
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
