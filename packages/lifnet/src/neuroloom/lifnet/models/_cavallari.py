"""The two-population network of conductance-based neurons of local field potential studies.

Parameters: Cavallari, Panzeri & Mazzoni, "Comparison of the dynamics of neural interactions
between current-based and conductance-based integrate-and-fire recurrent networks", Front Neural
Circuits 8 (2014); the factor between weight and peak conductance as in its published code.
"""

from __future__ import annotations

from neuroloom.lifnet._network import (
    Bernoulli,
    Beta,
    Network,
    OrnsteinUhlenbeck,
    PoissonInput,
    Population,
    Projection,
    SineRate,
)
from neuroloom.lifnet.models._numbers import check_numbers, check_positive

DELTA_T = 2.0**-4 * 1e-3
# (tau_membrane, tau_refractory, leak in nS, AMPA rise and decay) in ms; GABA is the same in both.
_CELLS = {"E": (20.0, 2.0, 25.0, 0.4, 2.0), "I": (10.0, 1.0, 20.0, 0.2, 1.0)}
_GABA_MS = (0.25, 5.0)
_SOURCES = 800.0


def peak_factor(tau_membrane: float, tau_rise: float, tau_decay: float) -> float:
    """Return the peak conductance in units of the published weight."""
    power = tau_rise / (tau_decay - tau_rise)
    return float(tau_membrane / tau_decay * (tau_rise / tau_decay) ** power)


def cavallari(
    *,
    g_ee: float = 0.178,
    g_ie: float = 0.233,
    g_ei: float = 2.01,
    g_ii: float = 2.70,
    g_thalamus_e: float = 0.234,
    g_thalamus_i: float = 0.317,
    g_cortex_e: float = 0.187,
    g_cortex_i: float = 0.254,
    v_0: float = 1.5,
    amplitude: float = 0.0,
    frequency: float = 0.0,
    noise_sd: float = 0.4,
    noise_tau: float = 16e-3,
    connection_probability: float = 0.2,
    scale: float = 1.0,
) -> Network:
    r"""Return the network of 4,000 excitatory and 1,000 inhibitory neurons.

    Each neuron gets independent Poisson spikes from 800 thalamic and 800 cortical sources
    (Cavallari et al. 2014, "External inputs"). Each thalamic source fires at the rate
    :math:`\nu_0 + A \sin(2\pi f t)`, each cortical one at :math:`[n(t)]_+`, with one process for
    the whole network:

    .. math:: \tau_n \frac{dn}{dt} = -n + \sigma_n \sqrt{2 \tau_n}\, \eta(t)

    where :math:`\eta` is white noise. It has mean 0, variance :math:`\sigma_n^2` and correlation
    time :math:`\tau_n`. A rate is never negative: what is left after the cut at 0 has the mean
    :math:`\sigma_n / \sqrt{2\pi}` (.16 Hz) and the variance
    :math:`\sigma_n^2 (1/2 - 1/(2\pi))`.

    Parameters
    ----------
    g_ee, g_ie, g_ei, g_ii : float
        Recurrent weights in nS, named (post, pre), all positive; the peak conductance is
        `peak_factor` times as large.
    g_thalamus_e, g_thalamus_i, g_cortex_e, g_cortex_i : float
        Weights of the two external inputs in nS.
    v_0, amplitude, frequency : float
        Thalamic rate of each of the 800 sources: ``v_0 + amplitude sin(2π frequency t)`` in Hz.
    noise_sd, noise_tau : float
        Standard deviation :math:`\sigma_n` in Hz and correlation time :math:`\tau_n` in seconds
        of the cortical rate before the cut.
    connection_probability : float
        Probability of a synapse for each ordered pair of different neurons.
    scale : float
        Size of both populations relative to the published one; recurrent weights are divided by
        it.

    Examples
    --------
    >>> cavallari().receptors
    ('exc', 'inh')
    """
    check_positive(scale=scale)
    check_numbers(
        **{"g_ee": g_ee, "g_ie": g_ie, "g_ei": g_ei, "g_ii": g_ii},
        **{"g_thalamus_e": g_thalamus_e, "g_thalamus_i": g_thalamus_i},
        **{"g_cortex_e": g_cortex_e, "g_cortex_i": g_cortex_i},
        **{"v_0": v_0, "amplitude": amplitude, "frequency": frequency},
    )
    populations = []
    factor: dict[tuple[str, str], float] = {}
    for kind, size in (("E", 4000), ("I", 1000)):
        tau_membrane, tau_refractory, leak, rise, decay = _CELLS[kind]
        factor[kind, "exc"] = peak_factor(tau_membrane, rise, decay)
        factor[kind, "inh"] = peak_factor(tau_membrane, *_GABA_MS)
        populations.append(
            Population(
                kind,
                round(size * scale),
                tau_membrane=tau_membrane * 1e-3,
                threshold=-52.0,
                reset=-59.0,
                resting=-70.0,
                tau_refractory=tau_refractory * 1e-3,
                capacitance=leak * tau_membrane * 1e-3,
                synapses={
                    "exc": Beta(rise * 1e-3, decay * 1e-3, reversal=0.0),
                    "inh": Beta(_GABA_MS[0] * 1e-3, _GABA_MS[1] * 1e-3, reversal=-80.0),
                },
            )
        )
    weights = {("E", "E"): g_ee, ("E", "I"): g_ie, ("I", "E"): g_ei, ("I", "I"): g_ii}
    projections = []
    for (pre, post), weight in weights.items():
        receptor = "exc" if pre == "E" else "inh"
        projections.append(
            Projection(
                pre,
                post,
                Bernoulli(connection_probability, autapses=False),
                weight * factor[post, receptor] / scale,
                1e-3,
                receptor,
            )
        )
    thalamus: float | SineRate = v_0 if not amplitude else SineRate(v_0, amplitude, frequency)
    # One process for the whole network: both populations see the same cortical rate.
    cortex = OrnsteinUhlenbeck(0.0, noise_sd, noise_tau)
    inputs = []
    for rate, names in (
        (thalamus, (g_thalamus_e, g_thalamus_i)),
        (cortex, (g_cortex_e, g_cortex_i)),
    ):
        for post, weight in zip("EI", names, strict=True):
            inputs.append(
                PoissonInput(post, rate, weight * factor[post, "exc"], "exc", n_sources=_SOURCES)
            )
    return Network(populations, projections, inputs, delta_t=DELTA_T, name="cavallari")
