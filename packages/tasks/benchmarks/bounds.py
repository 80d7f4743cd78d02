"""The bound of every noisy task beside a simple agent that learns, as a table in Markdown.

``python benchmarks/bounds.py --trials 4000 --out bounds.json``. The agent is linear: the mean of
every channel in every period, in the answer's own included, and their products with one another
where they are few, are fitted by ridge regression to the right action of one set of trials, and
run on another. Nothing of it is the ideal observer's code.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import neuroloom.tasks as tasks

_FEW = 24


class Linear:
    """A linear agent on the means of periods.

    Parameters
    ----------
    id : str
        Of the task.
    trials : int
        Trials that it learns from.
    """

    def __init__(self, id: str, trials: int) -> None:
        task = tasks.get_task(id)
        self.names = list(task.periods)
        self.answer = max(k for k, p in enumerate(task.periods.values()) if p.phase == 2)
        data = tasks.Dataset(task, batch_size=trials, align="trial", split="fit", seed=5).batch()
        self.width = data.inputs.shape[-1]
        sums = np.zeros((trials, len(self.names), self.width))
        for k in range(len(self.names)):
            inside = (data.period == k)[..., None]
            sums[:, k] = (data.inputs * inside).sum(0) / np.maximum(inside.sum(0), 1)
        here = data.period == self.answer
        self.steps = int(here.sum(0).min())
        right = np.where(here, data.target, 0).max(0)
        x = self.features(sums)
        self.kept = x.std(0) > 1e-9
        x = np.column_stack([x[:, self.kept], np.ones(trials)])
        y = np.eye(int(right.max()) + 1)[right]
        self.weights = np.linalg.solve(x.T @ x + 1e-3 * trials * np.eye(x.shape[1]), x.T @ y)
        self.begin_sessions(0)

    def features(self, means: np.ndarray) -> np.ndarray:
        """Return what the agent reads: means, and products of few."""
        x = means.reshape(len(means), -1)
        vary = x[:, x.std(0) > 1e-9] if len(x) > 1 and not hasattr(self, "vary") else None
        if vary is not None:
            self.vary = x.std(0) > 1e-9
        x = x[:, self.vary]
        if x.shape[1] > _FEW:
            return x
        a, b = np.triu_indices(x.shape[1])
        return np.column_stack([x, x[:, a] * x[:, b]])

    def begin_sessions(self, n: int) -> None:
        """Forget everything."""
        self.sums = np.zeros((n, len(self.names), self.width))
        self.count = np.zeros((n, len(self.names)))

    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Return the actions: an answer in the last step that is certain to come."""
        n, period = len(observation), info["period"]
        if len(self.sums) != n:
            self.begin_sessions(n)
        self.sums[info["new_trial"]], self.count[info["new_trial"]] = 0, 0
        self.sums[np.arange(n), period] += observation
        self.count[np.arange(n), period] += 1
        now = (period == self.answer) & (self.count[:, self.answer] == self.steps)
        actions = np.zeros(n, dtype=int)
        if now.any():
            x = self.features(self.sums[now] / np.maximum(self.count[now], 1)[..., None])
            x = np.column_stack([x[:, self.kept], np.ones(now.sum())])
            actions[now] = (x @ self.weights).argmax(1)
        return actions


class Threshold:
    """Detection: goes if one step is far above the noise."""

    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Return whether to go."""
        return ((info["period"] > 0) & (observation[:, 1] > 0.3)).astype(int)


def row(id: str, trials: int) -> dict[str, Any]:
    """Return bound, agent and maximum of a task."""
    bound = tasks.ideal_trials(id, trials, seed=1).table["reward"]
    agent: Any = Threshold() if id.startswith("Detection") else Linear(id, max(trials, 4000))
    sessions = None if tasks.make_vec(id).plan.sessions else 256
    got = tasks.run_trials(id, agent, trials, sessions=sessions, seed=1).table["reward"]
    most = tasks.run_trials(id, "ground_truth", trials, sessions=sessions, seed=1).table["reward"]
    error = np.sqrt((bound.var() + got.var()) / trials)
    return {
        "id": id,
        "bound": float(bound.mean()),
        "error": float(bound.std() / np.sqrt(trials)),
        "agent": float(got.mean()),
        "maximum": float(most.mean()),
        "holds": bool(got.mean() - bound.mean() <= max(0.005, 3 * error)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for id in tasks.all_envs(psychopy=True, contrib=True, collections=True):
        try:
            tasks.IdealObserver(id)
        except tasks.TaskError:
            continue
        rows.append(row(id, options.trials))
        one = rows[-1]
        shown = f"{one['bound']:.3f} ± {one['error']:.3f} | {one['agent']:.3f}"
        print(f"| {id} | {shown} | {one['maximum']:.3f} | {one['holds']} |", flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))
