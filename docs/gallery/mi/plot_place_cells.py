"""
Which cells are place cells?
============================

Skaggs' spatial information per spike, compared with two hundred circular shifts in time. The
largest value over all cells' surrogates corrects for the number of cells.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from neuroloom import mi
from neuroloom.shared import axes

rng = np.random.default_rng(0)
position = gaussian_filter1d(rng.standard_normal(6000), 15)
position = np.clip(50 + 25 * position / position.std(), 0, 99)  # cm, in bins of 0.1 s
tuned = np.exp(-(((position - np.array([20, 40, 60, 80])[:, None]) / 15) ** 2) / 2)
counts = rng.poisson(np.vstack([0.8 * tuned, np.full((4, 6000), 0.2)]))
occupancy = np.bincount((position // 5).astype(int), minlength=20) * 0.1


def bits_per_spike(counts):
    spikes = [np.bincount((position // 5).astype(int), each, 20) for each in counts]
    rates = np.array(spikes) / np.maximum(occupancy, 0.1)
    return np.array([mi.skaggs_information(each, occupancy)[1] for each in rates])


observed = bits_per_spike(counts)
null = np.array(
    [bits_per_spike(counts[:, mi.surrogate(6000, "circular", rng)]) for _ in range(200)]
)
family = mi.max_statistic(observed, null)
apart = mi.benjamini_hochberg([mi.p_value(o, n) for o, n in zip(observed, null.T, strict=True)])
print("corrected p:", family.round(3), "false discovery rate:", apart.round(3))

ax = axes()
ax.set(xlabel="cell", ylabel="information (bits per spike)")
ax.violinplot(null, positions=np.arange(8), widths=0.9, showextrema=False)
ax.plot(observed, "o", markersize=8, color="C1", label="observed")
for cell in np.flatnonzero(family < 0.05):
    ax.annotate("*", (cell, observed[cell]), ha="center", va="bottom", fontsize=14)
ax.set_ylim(0, 1.2 * observed.max())
ax.legend(title="* p < 0.05")
