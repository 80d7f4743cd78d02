"""One task, three looks: a trial, the best anybody can do, and an observer that switches.

``python random_dots.py random_dots.png`` draws the README's picture.
"""

from __future__ import annotations

import sys

from matplotlib.figure import Figure

import neuroloom.tasks as tasks
from neuroloom.shared import style

TASK = "PerceptualDecisionMaking-v0"


def draw() -> Figure:
    """Return the figure."""
    ideal = tasks.ideal_trials(TASK, 20_000, seed=1)
    switching = tasks.switching_trials(TASK, 30_000, seed=1).table
    with style():
        figure = Figure(figsize=(9, 2.8), layout="constrained")
        trial, best, states = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
        tasks.plot_trial(TASK, ax=trial, seed=3)
        trial.set_title("A trial")
        tasks.psychometric(ideal).plot(ax=best, color="k")
        best.set(xlabel="Coherence (%)", ylabel="Share correct", title="Ideal observer")
        switching["signed"] = switching["coh"] * (1 - 2 * switching["ground_truth"])
        switching["first"] = switching["action"] == 1
        colors = ("#0072B2", "#D55E00", "#009E73")
        for state, (name, color) in enumerate(
            zip(("engaged", "biased", "lapsing"), colors, strict=True)
        ):
            own = switching[switching["state"] == state]
            curve = tasks.psychometric(own, stimulus="signed", response="first")
            curve.plot(ax=states, color=color, label=name, markersize=3)
        states.set(xlabel="Signed coherence (%)", ylabel="Share of answer 1", title="Three states")
        states.legend(frameon=False, fontsize=7)
    return figure


if __name__ == "__main__":
    draw().savefig(sys.argv[1], dpi=150)
