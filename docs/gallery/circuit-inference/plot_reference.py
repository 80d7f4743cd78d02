"""
What does the reference do to an exponent?
==========================================

One simulated head, four references: synapses get slower from the front to the back, and every
electrode records a mixture that depends on the reference. Compare exponents only between
recordings with the same reference.
"""

import matplotlib.pyplot as plt
import numpy as np

import neuroloom.circuit_inference as ci

rng = np.random.default_rng(0)
rate, radius = 250.0, (79_000.0, 80_000.0, 85_000.0, 90_000.0)  # µm

# Sixty radial dipoles below the upper half of the skull: a field potential each.
height, turn = rng.uniform(0.1, 1.0, 60), rng.uniform(0, 2 * np.pi, 60)
flat = np.sqrt(1 - height**2)
direction = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
back = (1 - direction[:, 1]) / 2
theta = np.stack([np.full(60, 2.0), 5 * 8**back, np.full(60, 4.0), np.full(60, 1.0)], axis=1)
fields = ci.libraries.synaptic_field(theta, duration_s=60.0, rate_hz=rate, seed=1)

# Fifteen electrodes in a row from the forehead over the vertex (the eighth) to the back.
angle = np.linspace(np.pi / 2.2, -np.pi / 2.2, 15)
place = radius[3] * np.stack([np.zeros(15), np.sin(angle), np.cos(angle)], axis=1)
gains = [ci.forward.four_sphere(p, 0.9 * radius[0] * p, place)[:, 0] for p in direction]
scalp = np.stack(gains, axis=1) @ fields
scalp += 0.01 * scalp.std() * rng.standard_normal(scalp.shape)

references = {
    "far away": scalp,
    "average": scalp - scalp.mean(axis=0),
    "vertex": scalp - scalp[7],
    "the electrode behind": scalp[:-1] - scalp[1:],
}
features = ci.FeatureSet(ci.Aperiodic((4, 40), window_s=2.0))

figure, ax = plt.subplots(layout="constrained")
for name, recorded in references.items():
    usable = recorded.std(axis=1) > 0  # the vertex against itself is nothing
    where = np.degrees(angle[: len(recorded)])[usable]
    exponents = features.compute(recorded[usable], rate=rate).values[:, 0]
    print(f"{name:22s} {exponents.min():.2f} to {exponents.max():.2f}")
    ax.plot(where, exponents, "o-", label=f"reference: {name}")
ax.invert_xaxis()
ax.set(xlabel="front      angle from the vertex (°)      back", ylabel="exponent, 4–40 Hz")
figure.legend(loc="outside upper center", ncols=2, fontsize=9)
plt.show()
