"""
How does a neuron's rate depend on its input?
=============================================

The Siegert rate of a leaky integrate-and-fire neuron, over the mean and the fluctuations of its
input.
"""

import numpy as np

from neuroloom import lifnet
from neuroloom.shared import axes

mean = np.linspace(0, 30, 121)  # mV
ax = axes()
ax.set(xlabel="mean input (mV)", ylabel="rate (Hz)")
for sigma in (1.0, 3.0, 6.0):
    rate = lifnet.theory.siegert(
        mean, np.full_like(mean, sigma), tau_membrane=0.02, threshold=20.0, tau_refractory=0.002
    )
    ax.plot(mean, rate, label=f"fluctuations {sigma:g} mV")
ax.axvline(20, color="0.7", linewidth=0.8)
ax.legend()
