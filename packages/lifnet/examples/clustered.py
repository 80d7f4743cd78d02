"""The default network beside its theory: a raster, and the states that it wanders through.

``python clustered.py [FOLDER]`` writes ``clustered.png``, the picture of the README.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from neuroloom import lifnet
from neuroloom.shared import style


def main(folder: Path) -> None:
    network = lifnet.ClusteredNetwork.from_config("default_snn_params", seed=1)
    run = network.simulate(duration=3.0, seed=2)
    clusters = network.parameters.population
    # Attractors of the E clusters alone, as the theory counts them.
    analyzer = lifnet.Analyzer(run.raster(), clusters + 1, run.delta_t, populations=range(18))
    n_active = [len(state) for state in analyzer.get_unique_attractors()]
    time = np.bincount(n_active, analyzer.get_attractor_probs(), minlength=8)
    print("share of time with k active clusters:", time.round(2).tolist())

    field = lifnet.LIFMeanField.from_config("default_snn_params")
    points = lifnet.fixed_points(field, n_starts=20, seed=1)
    for point in points:
        if point.stable:
            rates = point.rates[:18]
            active = rates > rates.mean()
            print(
                f"{active.sum()} active at {rates[active].mean():.1f} Hz, others at "
                f"{rates[~active].mean():.1f} Hz: {point.label}, {point.multiplicity} orders"
            )
    with style():
        figure = Figure(figsize=(10, 4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        lifnet.plots.plot_raster(run, ax=left)
        left.set(title="spiking network")
        lifnet.plots.plot_fixed_points(points, n_clusters=18, ax=right)
        right.set(title="fixed points of its mean field")
    figure.savefig(folder / "clustered.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
