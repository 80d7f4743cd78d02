"""Simulate an animal, choose the number of states, fit them with error bars, and draw it all.

Writes ``states.png`` beside this file, or where ``--out`` says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt

import neuroloom.glmhmm as nmo
from neuroloom.shared.plots import style

LABELS = ("engaged", "biased right", "biased left")
FEATURES = ("stimulus", "previous choice", "win–stay")


def animal(n_trials: int = 6_000, session: int = 150, seed: int = 0):
    """Return regressors, choices and session starts of a simulated mouse with three states."""
    rng = np.random.default_rng(seed)
    contrast = rng.choice([-1, -0.5, -0.25, -0.125, 0, 0.125, 0.25, 0.5, 1], n_trials)
    side = rng.choice([-1.0, 1.0], size=(n_trials, 2))
    X = np.column_stack([contrast / contrast.std(), side])
    starts = np.arange(n_trials) % session == 0
    truth = nmo.GLMHMM(3)
    truth.coef_ = np.array([[3.5, 1.0, 0.9], [0.1, 0.4, 0.3], [0.1, 0.1, 0.2]])
    truth.intercept_ = np.array([-0.1, 1.6, -1.9])
    truth.scale_, truth.initial_prob_ = np.ones(3), np.array([0.6, 0.2, 0.2])
    truth.transition_prob_ = np.array([[0.97, 0.02, 0.01], [0.04, 0.95, 0.01], [0.03, 0.01, 0.96]])
    y, _, _ = truth.simulate(seed, X, session_starts=starts)
    return X, y, starts, contrast


def main() -> None:
    """Fit and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("states.png"))
    options = parser.parse_args()
    X, y, starts, contrast = animal()
    found = nmo.cross_validate(X, y, starts, n_states=(1, 2, 3, 4), progress=False)
    print(found.table[["bits_per_trial", "standard_error", "bic"]].round(4))
    model = nmo.order_states(found.models[3], by="intercept")
    model = nmo.permute_states(model, [1, 2, 0])
    errors = nmo.standard_errors(model, X, y, starts)
    with style():
        fig, axes = plt.subplots(2, 3, figsize=(10, 5.4), layout="constrained")
        nmo.plot_cross_validation(found, ax=axes[0, 0])
        nmo.plot_weights(model, features=FEATURES, labels=LABELS, errors=errors, ax=axes[0, 1])
        nmo.plot_transitions(model, labels=LABELS, ax=axes[0, 2])
        nmo.plot_posterior(model, X, y, starts, session=3, labels=LABELS, ax=axes[1, 0])
        nmo.plot_psychometric(model, X, y, starts, stimulus=contrast, labels=LABELS, ax=axes[1, 1])
        nmo.plot_dwell_times(model, X, y, starts, labels=LABELS, ax=axes[1, 2])
        fig.savefig(options.out, dpi=110)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
