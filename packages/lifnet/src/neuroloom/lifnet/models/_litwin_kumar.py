"""Clustered balanced networks with slow dynamics and high variability.

Parameters: Litwin-Kumar & Doiron, "Slow dynamics and high variability in balanced cortical
networks with clustered connections", Nat Neurosci 15 (2012).
"""

from __future__ import annotations

from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network import (
    Bernoulli,
    DoubleExponential,
    Network,
    Population,
    Projection,
    Uniform,
)
from neuroloom.lifnet.models._numbers import check_numbers, check_positive
from neuroloom.shared import checks

_P_EE, _P = 0.2, 0.5
_RISE, _DECAY_E, _DECAY_I = 1e-3, 3e-3, 2e-3


def litwin_kumar_doiron(
    *,
    r_ee: float = 2.5,
    j_plus: float = 1.9,
    n_clusters: int = 50,
    n_excitatory: int = 4000,
    n_inhibitory: int = 1000,
    j_ee: float = 0.024,
    j_ei: float = -0.045,
    j_ie: float = 0.014,
    j_ii: float = -0.057,
    bias_e: tuple[float, float] = (1.1, 1.2),
    bias_i: tuple[float, float] = (1.0, 1.05),
) -> Network:
    """Return a network of excitatory clusters in a common pool of inhibitory neurons.

    Populations are ``"E1"`` … ``"E50"`` and ``"I"``; voltages have no unit, threshold 1, reset 0.

    Parameters
    ----------
    r_ee : float
        Probability of a synapse within a cluster relative to between clusters. The mean over all
        pairs stays 0.2. 1 is the unclustered network, in which `j_plus` has no part.
    j_plus : float
        Weight of synapses within a cluster relative to those between.
    n_clusters, n_excitatory, n_inhibitory : int
        Clusters and neurons.
    j_ee, j_ei, j_ie, j_ii : float
        Weights, named (post, pre).
    bias_e, bias_i : tuple of float
        Range of the voltage that each neuron would settle at without input.

    Examples
    --------
    >>> net = litwin_kumar_doiron(n_clusters=5, n_excitatory=400, n_inhibitory=100)
    >>> net.populations[0].size
    80
    """
    n_clusters = checks.whole("n_clusters", n_clusters, at_least=1, error=NetworkError)
    n_excitatory = checks.whole("n_excitatory", n_excitatory, at_least=1, error=NetworkError)
    if n_excitatory % n_clusters:
        raise NetworkError(
            f"n_clusters: expected a divisor of {n_excitatory} neurons, got {n_clusters}"
        )
    check_positive(r_ee=r_ee)
    check_numbers(j_plus=j_plus, j_ee=j_ee, j_ei=j_ei, j_ie=j_ie, j_ii=j_ii)
    for name, bias in (("bias_e", bias_e), ("bias_i", bias_i)):
        if checks.array(name, bias, error=NetworkError).shape != (2,):
            raise checks.fail(name, "a range (low, high)", bias, error=NetworkError)
    synapses = {
        "exc": DoubleExponential(_RISE, _DECAY_E, normalise="area"),
        "inh": DoubleExponential(_RISE, _DECAY_I, normalise="area"),
    }

    def cells(name: str, size: int, tau: float, bias: tuple[float, float]) -> Population:
        return Population(
            name,
            size,
            tau_membrane=tau,
            threshold=1.0,
            reset=0.0,
            tau_refractory=5e-3,
            bias=Uniform(bias[0] / tau, bias[1] / tau),
            initial_voltage=Uniform(0.0, 1.0),
            synapses=synapses,
        )

    clusters = [f"E{k + 1}" for k in range(n_clusters)]
    size = n_excitatory // n_clusters
    populations = [cells(name, size, 15e-3, bias_e) for name in clusters]
    populations.append(cells("I", n_inhibitory, 10e-3, bias_i))
    p_out = _P_EE * n_clusters / (r_ee + n_clusters - 1)
    projections = []
    for pre in clusters:
        for post in clusters:
            within = pre == post and r_ee != 1
            p = p_out * r_ee if within else p_out
            weight = j_ee * j_plus if within else j_ee
            projections.append(Projection(pre, post, Bernoulli(p, autapses=False), weight))
        projections.append(Projection(pre, "I", Bernoulli(_P), j_ie))
        projections.append(Projection("I", pre, Bernoulli(_P), j_ei, receptor="inh"))
    projections.append(Projection("I", "I", Bernoulli(_P, autapses=False), j_ii, receptor="inh"))
    return Network(populations, projections, delta_t=1e-4, name="litwin_kumar_doiron")
