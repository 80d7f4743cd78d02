"""Ten simulated neurons that lead a movement: how much they tell, by how much, since when.

Writes ``spikes_and_movement.png`` beside this file, or to the path that is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from neuroloom import mi
from neuroloom.shared import style

Array = NDArray[np.float64]
LAG, BIN = 3, 0.05


def simulate(n_bins: int = 3000) -> tuple[Array, Array]:
    """Return counts (neurons, bins) and speed (1, bins), which follows them by `LAG` bins."""
    rng = np.random.default_rng(0)
    drive = gaussian_filter1d(rng.standard_normal(n_bins + LAG), 3)
    drive /= drive.std()
    gain = rng.normal(0, 0.5, (10, 1))
    counts = rng.poisson(BIN * 15 * np.exp(gain * drive[LAG:] - gain**2 / 2))
    speed = drive[:-LAG] + 0.3 * rng.standard_normal(n_bins)
    return counts.astype(float), speed[None]


def main(path: Path) -> None:
    """Run three analyses and draw them."""
    counts, speed = simulate()
    common = {
        "processor_type_x": "continuous",
        "random_seed": 0,
        "verbose": False,
        "base_params": {"n_epochs": 20, "n_inits": 2, "transform": "zscore", "baseline": False},
    }
    lag = mi.run(
        counts,
        speed,
        mode="lag",
        lag_range=range(-4, 11),
        estimator="gcmi",
        n_permutations=99,
        processor_type_x="continuous",
        random_seed=0,
    )
    best = lag.details["best_lag"]
    x, y = counts[:, :-best].T, speed[:, best:].T
    del common["processor_type_x"]
    estimate = mi.run(x, y, n_permutations=99, **common)
    rigorous = mi.run(x, y, mode="rigorous", **common)
    print(lag, estimate, rigorous, sep="\n")
    with style():
        fig, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
        lag.plot(ax=axes[0], title="when?")
        axes[0].axvline(LAG, color="black", ls="--", lw=0.8)
        estimate.plot(ax=axes[1], title="more than chance?")
        rigorous.plot(ax=axes[2], title="with endless data?")
        fig.savefig(path, dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".png")))
