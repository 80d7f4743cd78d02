"""The bound of every noisy task beside agents that learn, as a table in Markdown.

``python benchmarks/bounds.py --out bounds.json [--page docs/tasks/bounds.md]``. Rows that the JSON
has already are kept. Nothing of the agents is the ideal observer's code:

linear
    Ridge regression of the right action on the mean of every channel in every period, and on
    their products where they are few.
network
    A perceptron with one hidden layer on the same means, and on what was right in earlier trials
    of the session, forgotten at five speeds; where answers are paid unequally it learns what each
    earned, and takes the best.
threshold
    In tasks that do not tell when the stimulus is there: adds up the stimulus with a leak, answers
    above a threshold, not before some steps; leak, threshold and wait are those that earned most.
GRU
    A recurrent network trained by `Dataset` on the right action of every step.

Agents are fitted on seeds of their own, and run on the same trials as the bound.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np

import neuroloom.tasks as tasks

_FEW = 24
_FIT, _TRIALS = 12_000, 4000
_SPEEDS = (0.5, 0.7, 0.85, 0.95, 0.98)
GRU = (
    "ContextDecisionMaking-v1", "DelayComparison-v1", "DelayMatchCategory-v0",
    "DelayMatchSample-v0", "MultiSensoryIntegration-v1", "PerceptualDecisionMaking-v1",
    "PerceptualDecisionMakingDelayResponse-v0", "VisualSearch-v0",
    "perceptualdecisionmaking.ibl20-v1", "perceptualdecisionmaking.roitman02-v0",
    "yang19.dlydm1-v0", "yang19.dms-v1",
)  # fmt: skip
START, END = "<!-- table: written by benchmarks/bounds.py -->", "<!-- end of table -->"


class Means:
    """What agents read: means of periods, and what was right before.

    Parameters
    ----------
    id : str
        Of the task.
    """

    def __init__(self, id: str) -> None:
        plan = tasks.make_vec(id).plan
        self.names = list(plan.period_names)
        self.answer = int(np.flatnonzero(plan.phase == 2)[-1])
        counts = plan.block(np.random.default_rng(0), {}, n=256).counts
        self.steps, self.width = int(counts[:, self.answer].min()), plan.n_channels
        self.n_actions = plan.n_actions
        self.begin_sessions(0)

    def begin_sessions(self, n: int) -> None:
        """Forget everything."""
        self.sums = np.zeros((n, len(self.names), self.width))
        self.count = np.zeros((n, len(self.names)))
        self.past = np.zeros((n, len(_SPEEDS), self.n_actions))
        self.right = np.zeros(n, dtype=int)

    def see(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Take in a step, and return in which environments it is time to answer."""
        n, period = len(observation), info["period"]
        if len(self.sums) != n:
            self.begin_sessions(n)
        new = np.flatnonzero(info["new_trial"])
        seen = new[self.count[new].any(axis=1)]
        for at, speed in enumerate(_SPEEDS):
            self.past[seen, at] *= speed
            self.past[seen, at, self.right[seen]] += 1 - speed
        self.sums[new], self.count[new] = 0, 0
        self.sums[np.arange(n), period] += observation
        self.count[np.arange(n), period] += 1
        asked = period == self.answer
        self.right = np.where(asked, info["gt"], self.right)
        return asked & (self.count[:, self.answer] == self.steps)

    def features(self, now: np.ndarray) -> np.ndarray:
        """Return what is known when it is time to answer."""
        means = self.sums[now] / np.maximum(self.count[now], 1)[..., None]
        return np.column_stack(
            [means.reshape(len(means), -1), self.past[now].reshape(-1, self.past[0].size)]
        )


class Learner(Means):
    """An agent on means: it first looks on, then is fitted, then acts."""

    def __init__(self, id: str, seed: int) -> None:
        super().__init__(id)
        self.rng = np.random.default_rng(seed)
        self.pays = tasks.make_vec(id).plan.pays
        self.kept: list[np.ndarray] = []
        self.tried: list[np.ndarray] = []
        self.earned: list[np.ndarray] = []
        self.acts = False
        self.pending = np.zeros(0)

    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Return the actions."""
        now = self.see(observation, info)
        actions = np.zeros(len(observation), dtype=int)
        if self.acts:
            if now.any():
                actions[now] = self.best(self.features(now))
            return actions
        if self.pending.shape != now.shape:
            self.pending = np.full(now.shape, -1)
        done = np.flatnonzero(info["new_trial"] & (self.pending >= 0))
        for env in done:
            self.earned[self.pending[env]] = info["reward"][env]
        self.pending[done] = -1
        if now.any():
            here = np.flatnonzero(now)
            tried = (
                self.rng.integers(self.n_actions, size=len(here)) if self.pays else info["gt"][here]
            )
            actions[here] = tried
            self.pending[here] = len(self.earned) + np.arange(len(here))
            self.kept.extend(self.features(now))
            self.tried.extend(tried)
            self.earned.extend(np.zeros(len(here)))
        return actions

    def fit(self) -> None:
        """Learn from what was seen."""
        x, tried = np.array(self.kept), np.array(self.tried)
        self.acts = True
        self.learn(x, tried, np.array(self.earned))

    def learn(self, x: np.ndarray, tried: np.ndarray, earned: np.ndarray) -> None:
        """Fit."""
        raise NotImplementedError

    def best(self, x: np.ndarray) -> np.ndarray:
        """Return the best actions."""
        raise NotImplementedError


class Linear(Learner):
    """Ridge regression on means and their products."""

    def read(self, x: np.ndarray) -> np.ndarray:
        """Return means and, of few, their products."""
        x = x[:, self.vary]
        if x.shape[1] <= _FEW:
            a, b = np.triu_indices(x.shape[1])
            x = np.column_stack([x, x[:, a] * x[:, b]])
        return np.column_stack([x, np.ones(len(x))])

    def learn(self, x: np.ndarray, tried: np.ndarray, earned: np.ndarray) -> None:
        """Fit."""
        self.vary = x.std(0) > 1e-9
        read = self.read(x)
        wanted = np.eye(self.n_actions)[tried]
        if not self.pays:
            self.weights = self.solve(read, wanted)
            return
        columns = [
            self.solve(read[tried == a], earned[tried == a][:, None]) for a in range(self.n_actions)
        ]
        self.weights = np.column_stack(columns)

    def solve(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the weights."""
        return np.linalg.solve(x.T @ x + 1e-4 * len(x) * np.eye(x.shape[1]), x.T @ y)

    def best(self, x: np.ndarray) -> np.ndarray:
        """Return the best actions."""
        return (self.read(x) @ self.weights).argmax(1)


class Network(Learner):
    """A perceptron on means and on the past."""

    def learn(self, x: np.ndarray, tried: np.ndarray, earned: np.ndarray) -> None:
        """Fit."""
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        options: dict[str, Any] = {"hidden_layer_sizes": (64,) if x.shape[1] < 100 else (128,)}
        options |= {"early_stopping": True, "alpha": 1e-3, "random_state": 0, "max_iter": 200}
        if not self.pays:
            self.nets = [make_pipeline(StandardScaler(), MLPClassifier(**options)).fit(x, tried)]
            return
        self.nets = [
            make_pipeline(StandardScaler(), MLPRegressor(**options)).fit(
                x[tried == a], earned[tried == a]
            )
            for a in range(self.n_actions)
        ]

    def best(self, x: np.ndarray) -> np.ndarray:
        """Return the best actions."""
        if not self.pays:
            return np.asarray(self.nets[0].predict(x))
        return np.column_stack([net.predict(x) for net in self.nets]).argmax(1)


class Threshold:
    """Adds up the stimulus with a leak, and goes above a threshold.

    Parameters
    ----------
    leak : float
        Share that is lost in a step.
    height : float
        The threshold.
    wait : int
        Steps of the trial before which it does not go.
    """

    def __init__(self, leak: float, height: float, wait: int) -> None:
        self.leak, self.height, self.wait = leak, height, wait

    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Return whether to go."""
        if not hasattr(self, "level") or len(self.level) != len(observation):
            self.level, self.step = np.zeros(len(observation)), np.zeros(len(observation))
        self.level[info["new_trial"]], self.step[info["new_trial"]] = 0, 0
        inside = info["period"] > 0
        self.level = np.where(inside, (1 - self.leak) * self.level + observation[:, 1], 0)
        self.step += inside
        return (inside & (self.level > self.height) & (self.step > self.wait)).astype(int)


def best_threshold(id: str) -> Threshold:
    """Return the threshold agent that earns most on trials of its own."""
    grid = itertools.product((0.0, 0.3, 0.6, 1.0), (0.2, 0.3, 0.4, 0.6, 0.9, 1.3), (0, 1, 3))
    made = [Threshold(*one) for one in grid]
    earned = [run(id, agent, 2000, seed=7) for agent in made]
    return made[int(np.argmax([one.mean() for one in earned]))]


class Recurrent:
    """A trained GRU as a policy: it answers in the last step that is certain to come."""

    def __init__(self, id: str, batches: int = 2500) -> None:
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(1)
        self.torch, self.means = torch, Means(id)
        data = tasks.Dataset(id, batch_size=64, align="trial", split="fit", seed=5, output="torch")
        self.net = torch.nn.GRU(self.means.width, 64)
        self.out = torch.nn.Linear(64, self.means.n_actions)
        parameters = [*self.net.parameters(), *self.out.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=5e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, batches)
        for _ in range(batches):
            batch = data.batch()
            weight = batch.mask * torch.where(
                torch.as_tensor(batch.period) == self.means.answer, 1.0, 0.1
            )
            logits = self.out(self.net(batch.inputs)[0])
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), batch.target.flatten(), reduction="none"
            )
            loss = (loss * weight.flatten()).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()

    def begin_sessions(self, n: int) -> None:
        """Forget everything."""
        self.means.begin_sessions(n)
        self.state = self.torch.zeros(1, n, 64)

    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Return the actions."""
        now = self.means.see(observation, info)
        with self.torch.no_grad():
            self.state[:, self.torch.as_tensor(info["new_trial"])] = 0
            shown, self.state = self.net(self.torch.as_tensor(observation)[None], self.state)
            answer = self.out(shown[0]).argmax(1).numpy()
        return np.where(now, answer, 0)


def run(id: str, agent: Any, trials: int, seed: int) -> np.ndarray:
    """Return the reward of every trial."""
    sessions = None if tasks.make_vec(id).plan.sessions else 256
    return (
        tasks.run_trials(id, agent, trials, sessions=sessions, seed=seed).table["reward"].to_numpy()
    )


def row(id: str) -> dict[str, Any]:
    """Return bound, agents and maximum of a task."""
    bound = tasks.ideal_trials(id, _TRIALS, seed=1).table["reward"].to_numpy()
    most = run(id, "ground_truth", _TRIALS, seed=1)
    agents: dict[str, Any] = {}
    if tasks.get_task(id).unannounced:
        agents["threshold"] = best_threshold(id)
    else:
        for name, kind in (("linear", Linear), ("network", Network)):
            agents[name] = kind(id, seed=3)
            run(id, agents[name], _FIT, seed=5)
            agents[name].fit()
    if id in GRU:
        agents["GRU"] = Recurrent(id)
    earned = {name: run(id, agent, _TRIALS, seed=1) for name, agent in agents.items()}
    holds = {}
    for name, reward in earned.items():
        error = np.sqrt((bound.var() + reward.var()) / _TRIALS)
        holds[name] = bool(reward.mean() - bound.mean() <= max(0.005, 3 * error))
    return {
        "id": id,
        "bound": float(bound.mean()),
        "error": float(bound.std() / np.sqrt(_TRIALS)),
        "agents": {name: float(reward.mean()) for name, reward in earned.items()},
        "maximum": float(most.mean()),
        "holds": all(holds.values()),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows in Markdown."""
    names = ("linear", "network", "threshold", "GRU")
    lines = [
        "| id | bound | linear | network | threshold | GRU | maximum |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        agents = [f"{one['agents'][n]:.3f}" if n in one["agents"] else "" for n in names]
        bound = f"{one['bound']:.3f} ± {one['error']:.3f}"
        lines.append(f"| {one['id']} | {bound} | {' | '.join(agents)} | {one['maximum']:.3f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--page", type=Path, help="page to write the table into")
    options = parser.parse_args()
    rows = json.loads(options.out.read_text()) if options.out.is_file() else []
    done = {one["id"] for one in rows}
    for id in tasks.all_envs(psychopy=True, contrib=True, collections=True):
        if id in done or (options.only and id not in options.only):
            continue
        try:
            tasks.IdealObserver(id)
        except tasks.TaskError:
            continue
        rows.append(row(id))
        print(json.dumps(rows[-1]), flush=True)
        options.out.write_text(json.dumps(sorted(rows, key=lambda one: one["id"]), indent=1))
    rows.sort(key=lambda one: one["id"])
    print(table(rows))
    print(f"{len(rows)} bounds, {sum(not one['holds'] for one in rows)} do not hold")
    if options.page:
        text = options.page.read_text()
        before, after = text.split(START)[0], text.split(END)[1]
        options.page.write_text(f"{before}{START}\n{table(rows)}\n{END}{after}")


if __name__ == "__main__":
    main()
