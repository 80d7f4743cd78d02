"""A push that lasts .2 s switches the winner, in spikes and in theory alike.

``python switch.py [FOLDER]`` writes ``switch.png``.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from neuroloom import lifnet
from neuroloom.shared import style

N_STEPS, DELTA_T = 2400, 0.5e-3


def main(folder: Path) -> None:
    config = lifnet.load_config("2_cluster_mf")
    network = lifnet.ClusteredNetwork.from_config(config, seed=1)
    # Hz on all external afferents: first cluster 1 for .1 s, much later cluster 2 for .2 s.
    push = np.zeros((6, N_STEPS))
    push[0, :200] = 3.0
    push[1, 1000:1400] = 3.0
    duration = N_STEPS * DELTA_T
    run = network.simulate(duration=duration, seed=3, perturbations={"rate": push})
    rates = run.population_rates(bin_width=0.02)
    theory = lifnet.theory.mean_field_trajectory(
        config, np.full(6, 10.0), duration=duration, delta_t=DELTA_T, perturbations={"rate": push}
    )
    with style():
        figure = Figure(figsize=(7, 4), layout="constrained")
        ax = figure.subplots()
        for cluster, color in enumerate(("C0", "C1")):
            ax.plot(rates.times, rates.values[:, cluster], color=color, alpha=0.4)
            label = f"cluster {cluster + 1}"
            ax.plot(theory.times, theory.rates[:, cluster], color=color, label=label)
        for start, stop in ((0.0, 0.1), (0.5, 0.7)):
            ax.axvspan(start, stop, color="0.9", zorder=0)
        ax.set(xlabel="time (s)", ylabel="rate (Hz)", title="pale: spikes; full: mean field")
        ax.legend()
    figure.savefig(folder / "switch.png", dpi=110)
    before, after = (rates.values[(rates.times > a) & (rates.times < b), :2].mean(axis=0)
                     for a, b in ((0.3, 0.5), (0.9, 1.2)))  # fmt: skip
    print("spikes before and after the push (Hz):", before.round(1), after.round(1))
    print("theory:", theory.rates[999, :2].round(1), theory.rates[-1, :2].round(1))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
