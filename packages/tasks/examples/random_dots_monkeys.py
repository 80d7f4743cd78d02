"""A bounded observer and a trained network on random dots, beside two monkeys.

``NEUROLOOM_DATA=… python random_dots_monkeys.py figure.svg [out.json]``: the diffusion model's
noise, bound and non-decision time (and the network's bound, urgency and non-decision time) are
fitted on every other trial of each monkey of Roitman & Shadlen (2002), and compared with the rest.
Needs torch (``neuroloom-tasks[torch]``).
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import nn

import neuroloom.tasks as tasks
from neuroloom.shared import style

TASK = "perceptualdecisionmaking.roitman02-v0"
DT = 20


def monkeys(folder: Path) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return two halves of each monkey's trials."""
    table = pd.read_csv(folder / "roitman_rts.csv").rename(columns={"rt": "reaction_time"})
    table["coh"] *= 100
    parts = {f"monkey {m:g}": t.reset_index(drop=True) for m, t in table.groupby("monkey")}
    return {name: (trials[::2], trials[1::2]) for name, trials in parts.items()}


def behaviour(task: tasks.Task, policy: Any, n_trials: int = 100_000) -> pd.DataFrame:
    """Return the answered trials, timed from the onset of the dots."""
    table = tasks.run_trials(task, policy, n_trials, sessions=256, seed=1).table
    table["reaction_time"] += DT / 1000
    return table[table["action"] > 0]


class Network(nn.Module):
    """Gated recurrent units that say at every step which action is right, and how surely."""

    def __init__(self, n_units: int = 64) -> None:
        super().__init__()
        self.recurrent = nn.GRU(3, n_units)
        self.readout = nn.Linear(n_units, 3)

    def forward(self, inputs: torch.Tensor, state: Any = None) -> Any:
        """Return the logits of the actions, and the state."""
        hidden, state = self.recurrent(inputs, state)
        return self.readout(hidden), state


def train(task: tasks.Task, n_batches: int = 800, seed: int = 1) -> Network:
    """Return a network trained to name the direction at every step of the dots."""
    torch.manual_seed(seed)
    data = tasks.Dataset(task, batch_size=64, align="trial", output="torch", seed=seed)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, n_batches)
    for _ in range(n_batches):
        inputs, target = data()
        loss = nn.functional.cross_entropy(network(inputs)[0].flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network.eval()


@dataclass(frozen=True)
class Bound:
    """Odds at which a network answers: ``height`` at the onset of the dots, and a slope in time."""

    height: float
    slope: float

    def at(self, seconds: Any) -> Any:
        """Return the bound so long after the onset."""
        return np.maximum(self.height + self.slope * np.asarray(seconds), 0.05)


class Confident:
    """A policy: answer as soon as the network's odds for one side reach a bound."""

    def __init__(self, network: Network, bound: Bound) -> None:
        self.network, self.bound, self.state = network, bound, None
        self.seconds = np.zeros(0)

    @torch.no_grad()
    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        """Return the actions."""
        if self.state is None:
            self.seconds = np.zeros(len(observation))
        else:
            self.state[:, info["new_trial"]] = 0
        logits, self.state = self.network(torch.from_numpy(observation)[None], self.state)
        odds = (logits[0, :, 1] - logits[0, :, 2]).numpy()
        self.seconds = np.where(info["period"] > 0, self.seconds + DT / 1000, 0.0)
        sure = (np.abs(odds) >= self.bound.at(self.seconds)) & (info["period"] > 0)
        return np.where(sure, np.where(odds > 0, 1, 2), 0)


def compare(model: pd.DataFrame, real: pd.DataFrame) -> dict[str, float]:
    """Return how far the model's curves are from the real ones."""
    share, shown = tasks.psychometric(model).mean, tasks.psychometric(real).mean
    time, seen = tasks.chronometric(model).mean, tasks.chronometric(real).mean
    return {
        "psychometric_rmse": float(np.sqrt(np.mean((share - shown) ** 2))),
        "mean_time_r": float(np.corrcoef(time, seen)[0, 1]),
        "mean_time_rmse": float(np.sqrt(np.mean((time - seen) ** 2))),
    }


@torch.no_grad()
def odds_of(task: tasks.Task, network: Network, n_trials: int = 20_000) -> tuple[Any, ...]:
    """Return the odds at every step of trials that are watched to their end, and what was right."""
    data = tasks.Dataset(task, batch_size=n_trials, align="trial", split="fit", seed=1)
    batch = data.batch()
    logits = network(torch.from_numpy(batch.inputs))[0]
    dots = batch.period[:, 0] > 0
    odds = (logits[..., 1] - logits[..., 2]).numpy()[dots]
    return odds, batch.target[-1], batch.conditions["coh"][-1]


def fit_bound(task: tasks.Task, network: Network, half: pd.DataFrame) -> tuple[Bound, float]:
    """Return bound and non-decision time that bring the network closest to half the trials."""
    odds, right, coh = odds_of(task, network)
    seconds = (1 + np.arange(len(odds))) * DT / 1000
    share, time = tasks.psychometric(half), tasks.chronometric(half)
    error = np.maximum((time.high - time.low) / 2, 1e-3)

    def differ(bound: Bound) -> tuple[float, float]:
        over = np.abs(odds) >= bound.at(seconds)[:, None]
        first = over.argmax(axis=0)
        answered = over.any(axis=0)
        chosen = np.where(odds[first, np.arange(len(coh))] > 0, 1, 2)
        correct = chosen == right
        guess, late = np.zeros(len(share.stimulus)), np.zeros(len(share.stimulus))
        for at, value in enumerate(share.stimulus):
            kind = answered & np.isclose(coh, value)
            if not (kind & correct).any():
                return np.inf, 0.0
            guess[at] = correct[kind].mean()
            late[at] = seconds[first[kind & correct]].mean()
        guess = np.clip(guess, 1e-3, 1 - 1e-3)
        fit = share.n * (share.mean * np.log(guess) + (1 - share.mean) * np.log(1 - guess))
        rest = time.mean - late
        non_decision = float(np.average(rest, weights=error**-2))
        return float(0.5 * (((rest - non_decision) / error) ** 2).sum() - fit.sum()), non_decision

    grid = [
        Bound(float(height), float(slope))
        for height in np.linspace(0.3, 4.0, 38)
        for slope in np.linspace(-2.0, 2.0, 21)
    ]
    best = min(grid, key=lambda bound: differ(bound)[0])
    return best, differ(best)[1]


def draw(curves: dict[str, dict[str, pd.DataFrame]]) -> Figure:
    """Return the figure: accuracy above, reaction times below, one column a monkey."""
    with style():
        figure = Figure(figsize=(7, 5), layout="constrained")
        axes = figure.subplots(2, len(curves), sharex=True, sharey="row")
        looks = {
            "monkey": {"color": "k", "linestyle": "none"},
            "bounded observer": {"color": "#0072B2", "marker": ""},
            "network": {"color": "#D55E00", "marker": ""},
        }
        for column, (name, parts) in enumerate(curves.items()):
            for label, table in parts.items():
                look = {**looks[label], "label": label}
                tasks.psychometric(table).plot(ax=axes[0, column], **look)
                tasks.chronometric(table).plot(ax=axes[1, column], **look)
            axes[0, column].set_title(f"{name}, held-out half")
            axes[1, column].set_xlabel("Coherence (%)")
        axes[0, 0].set_ylabel("Share correct")
        axes[1, 0].set_ylabel("Mean reaction time (s)")
        axes[0, 0].legend(frameon=False)
    return figure


def main() -> None:
    results: dict[str, Any] = {}
    curves: dict[str, dict[str, pd.DataFrame]] = {}
    for name, (half, rest) in monkeys(Path(os.environ["NEUROLOOM_DATA"])).items():
        fit = tasks.fit_diffusion(half[["coh", "correct", "reaction_time"]])
        cohs = sorted(rest["coh"].unique())
        task = tasks.get_task(TASK, dt=DT, sigma=fit.sigma, cohs=cohs, timing={"stimulus": 3000})
        places = list(task.periods)
        listening = (places.index("onset"), places.index("stimulus"))
        observer = behaviour(task, fit.observer(DT, periods=listening))
        observer["reaction_time"] += fit.non_decision
        # A shorter look: by the end of it the network has always answered.
        task = tasks.get_task(TASK, dt=DT, sigma=fit.sigma, cohs=cohs, timing={"stimulus": 1600})
        network = train(task)
        bound, non_decision = fit_bound(task, network, half)
        trained = behaviour(task, Confident(network, bound))
        trained["reaction_time"] += non_decision
        curves[name] = {"monkey": rest, "bounded observer": observer, "network": trained}
        results[name] = {
            "sigma": fit.sigma,
            "bounded observer": compare(observer, rest),
            "network": {
                **compare(trained, rest),
                "bound": asdict(bound),
                "non_decision": non_decision,
            },
        }
        print(name, json.dumps(results[name], indent=1))
    draw(curves).savefig(sys.argv[1])
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
