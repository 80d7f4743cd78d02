"""Proofs that take minutes; writes JSON, and the figure of the random dots beside it.

Run by ``nox -s "prove(tasks)"``; ``--only`` picks some of

``learning``
    ``examples/supervised_gru.py``: two networks trained from `Dataset` (needs torch).
``agent``
    ``examples/reinforcement_ppo.py``: an agent through the gymnasium door (needs
    stable-baselines3).
``learners``
    Q-learners on three tasks, ten of each, 20,000 trials: their learning rates found again.
``states``
    A switching observer's states, found again by a GLM-HMM from the table alone (needs
    neuroloom-glmhmm).
``monkeys``
    ``examples/random_dots_monkeys.py``: two monkeys, a bounded observer and a network (needs torch
    and ``NEUROLOOM_DATA``).

What lacks something is reported as not run.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import neuroloom.tasks as tasks
from neuroloom.tasks.behaviour import QLearner, fit_q_learning

HERE = Path(__file__).parent
WHAT = ("learners", "states", "learning", "agent", "monkeys")
EXAMPLES = HERE.parent / "examples"
LEARNERS = ("Bandit-v0", "DawTwoStep-v0", "MatchingPenny-v0")
RATES = (0.1, 0.3)


def learners() -> dict[str, Any]:
    """Return the learning rates of ten Q-learners on each of three tasks, and how far off."""
    out: dict[str, Any] = {}
    for task in LEARNERS:
        env: Any = tasks.make(task)
        n, first = int(env.action_space.n), env.task.answer.first
        for rate in RATES:
            found = []
            for seed in range(10):
                agent = QLearner(
                    n, first=first, learning_rate=rate, inverse_temperature=3.0, seed=seed
                )
                trials = tasks.run_trials(task, agent, 20_000, seed=seed)
                found.append(fit_q_learning(trials).learning_rate)
            off = abs(float(np.mean(found)) - rate) / rate
            out[f"{task}, {rate}"] = {"found": found, "off": off, "within_a_tenth": off < 0.1}
            print(task, rate, off, flush=True)
    return out


def states() -> dict[str, Any]:
    """Return in what share of trials a GLM-HMM finds the switching observer's state."""
    from neuroloom.glmhmm import GLMHMM, design_matrix

    out = {}
    stays = 0.99
    chain = np.full((3, 3), (1 - stays) / 2) + np.eye(3) * (stays - (1 - stays) / 2)
    for seed in range(3):
        trials = tasks.switching_trials(
            *("PerceptualDecisionMaking-v1", 20_000),
            sessions=20,
            transition=chain.tolist(),
            bias=0.95,
            seed=seed,
            cohs=(25.6, 51.2),
        )
        design = design_matrix(trials, stimulus="stimulus")
        model = GLMHMM(n_states=3, n_init=10, missing="mask", seed=seed)
        model.fit(design.X, design.y, session_starts=design.session_starts)
        found = np.asarray(
            model.smooth_proba(design.X, design.y, session_starts=design.session_starts)
        )
        guess, truth = found.argmax(axis=1), trials.table["state"].to_numpy()
        order = max(
            itertools.permutations(range(3)), key=lambda p: (np.take(p, guess) == truth).mean()
        )
        out[f"seed {seed}"] = float((np.take(order, guess) == truth).mean())
        print(out, flush=True)
    return out


def example(name: str, *arguments: str) -> dict[str, Any]:
    """Run an example, and return what it wrote and how long it took."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.json"
        start = time.perf_counter()
        subprocess.run([sys.executable, str(EXAMPLES / name), *arguments, str(out)], check=True)
        seconds = time.perf_counter() - start
        return {**json.loads(out.read_text()), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(WHAT))
    options = parser.parse_args()
    have = {name: importlib.util.find_spec(name) for name in ("torch", "stable_baselines3")}
    have["glmhmm"] = importlib.util.find_spec("neuroloom.glmhmm")
    figure = str(options.out.with_suffix(".png"))
    proofs = {
        "learners": (True, learners),
        "states": (have["glmhmm"], states),
        "learning": (have["torch"], lambda: example("supervised_gru.py")),
        "agent": (have["stable_baselines3"], lambda: example("reinforcement_ppo.py")),
        "monkeys": (
            have["torch"] and os.environ.get("NEUROLOOM_DATA"),
            lambda: example("random_dots_monkeys.py", figure),
        ),
    }
    out: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name in options.only:
        possible, run = proofs[name]
        out[name] = run() if possible else "not run: see what it needs"
        options.out.write_text(json.dumps(out, indent=1))
        print(name, json.dumps(out[name], indent=1), flush=True)


if __name__ == "__main__":
    main()
