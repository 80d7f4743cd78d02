"""The two-population network of current-based neurons behind field potential kernels.

Parameters: Hagen, Magnusson, Ness, Halnes, Babu, Linssen, Morrison & Einevoll, "Brain signal
predictions from multi-scale networks using a linearized framework", PLoS Comput Biol 18 (2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network import (
    Bernoulli,
    Exponential,
    Network,
    Normal,
    PoissonInput,
    Population,
    Projection,
)
from neuroloom.lifnet.models._numbers import check_numbers, check_positive
from neuroloom.shared import checks

N_E, N_I = 8192, 1024
_WEIGHTS = ("j_ee", "j_ie", "j_ei", "j_ii", "j_ext")
DELTA_T = 2.0**-4 * 1e-3
_DELAY_MS = {("E", "E"): 2.520, ("E", "I"): 1.714, ("I", "E"): 1.585, ("I", "I"): 1.149}


def hagen(
    *,
    j_ee: float = 1.589,
    j_ie: float = 2.020,
    j_ei: float = -23.84,
    j_ii: float = -8.441,
    tau_syn_e: float = 0.5e-3,
    tau_syn_i: float = 0.5e-3,
    j_ext: float = 29.89,
    nu_ext: float = 40.0,
    connection_probability: float = 0.2,
    scale: float = 1.0,
) -> Network:
    """Return the network of 8,192 excitatory and 1,024 inhibitory neurons.

    Parameters
    ----------
    j_ee, j_ie, j_ei, j_ii : float
        Synaptic weights in pA, named (post, pre): `j_ie` is from E to I. Each synapse's weight is
        normal with a relative standard deviation of 0.1 and keeps its sign.
    tau_syn_e, tau_syn_i : float
        Decay in seconds of excitatory and of inhibitory synapses.
    j_ext : float
        Weight of the external spikes in pA.
    nu_ext : float
        Rate in Hz of each of the 465 (E) and 160 (I) external sources of a neuron.
    connection_probability : float
        Probability of a synapse for each ordered pair.
    scale : float
        Size of both populations relative to the published one; weights are divided by it, which
        keeps mean inputs and makes another, noisier model.

    Examples
    --------
    >>> hagen(scale=1 / 64).n_neurons
    144
    """
    check_positive(scale=scale)
    check_numbers(j_ee=j_ee, j_ie=j_ie, j_ei=j_ei, j_ii=j_ii, j_ext=j_ext)
    prefix = {"E": "E", "I": "I"}
    populations, inputs = _area(prefix, tau_syn_e, tau_syn_i, j_ext, nu_ext, scale)
    weights = {("E", "E"): j_ee, ("E", "I"): j_ie, ("I", "E"): j_ei, ("I", "I"): j_ii}
    return Network(
        populations,
        _local(prefix, weights, connection_probability, scale),
        inputs,
        delta_t=DELTA_T,
        name="hagen",
    )


def four_area(
    *,
    j_ee: float = 1.589,
    j_ie: float = 2.020,
    j_ei: float = -23.84,
    j_ii: float = -8.441,
    tau_syn_e: float = 0.5e-3,
    tau_syn_i: float = 0.5e-3,
    j_ext: float = 29.89,
    nu_ext: float = 40.0,
    connection_probability: float = 0.2,
    inter_probability: ArrayLike = 0.02,
    inter_weight: ArrayLike = 0.15,
    inter_delay: float = 10e-3,
    areas: Sequence[str] = ("frontal", "parietal", "temporal", "occipital"),
    overrides: Mapping[str, Mapping[str, float]] | None = None,
    scale: float = 1.0,
) -> Network:
    """Return copies of Hagen's network that excite each other over long delays.

    Parameters
    ----------
    j_ee, j_ie, j_ei, j_ii, tau_syn_e, tau_syn_i, j_ext, nu_ext, connection_probability, scale
        As for `hagen`, in every area.
    inter_probability : float or array_like, shape (2, 2) or (2 n_areas, 2 n_areas)
        Probability of a synapse from a neuron of one area to one of another. A number holds for
        sources that excite, and inhibition stays within its area; a (2, 2) matrix, [post, pre]
        over (E, I), holds for all pairs of areas; a full one names each pair of populations,
        ordered E and I of the first area, and so on, with 0 within areas.
    inter_weight : float or array_like, of the same shapes
        Its weight, as a factor to the weight that the receiving area has between these kinds.
    inter_delay : float
        Its mean delay in seconds; the standard deviation is 0.3 of it, the least 1 ms.
    areas : sequence of str
        Names; populations are called ``"frontal E"`` and so on.
    overrides : mapping of area to mapping of parameter to value, optional
        Parameters of `hagen` that hold in one area only.
    """
    common = {
        "j_ee": j_ee, "j_ie": j_ie, "j_ei": j_ei, "j_ii": j_ii,
        "tau_syn_e": tau_syn_e, "tau_syn_i": tau_syn_i, "j_ext": j_ext, "nu_ext": nu_ext,
    }  # fmt: skip
    populations: list[Population] = []
    projections: list[Projection] = []
    inputs: list[PoissonInput] = []
    areas = _names(areas)
    check_positive(scale=scale, inter_delay=inter_delay)
    check_numbers(**{name: common[name] for name in _WEIGHTS})
    if overrides is not None and not isinstance(overrides, Mapping):
        expected = "a mapping of areas to mappings of parameters"
        raise checks.fail("overrides", expected, overrides, error=NetworkError)
    wishes = dict(overrides or {})
    for area in wishes:
        if area not in areas:
            raise NetworkError(f"overrides: expected areas of {list(areas)}, got {area!r}")
    values: dict[str, dict[str, float]] = {}
    for area in areas:
        own = dict(wishes.get(area, {}))
        unknown = set(own) - set(common)
        if unknown:
            raise NetworkError(
                f"overrides[{area!r}]: expected some of {sorted(common)}, got {sorted(unknown)}"
            )
        v = values[area] = {**common, **own}
        prefix = {"E": f"{area} E", "I": f"{area} I"}
        cells, drive = _area(prefix, v["tau_syn_e"], v["tau_syn_i"], v["j_ext"], v["nu_ext"], scale)
        populations += cells
        inputs += drive
        weights = {
            ("E", "E"): v["j_ee"], ("E", "I"): v["j_ie"],
            ("I", "E"): v["j_ei"], ("I", "I"): v["j_ii"],
        }  # fmt: skip
        projections += _local(prefix, weights, connection_probability, scale)
    delay = Normal(inter_delay, 0.3 * inter_delay, low=1e-3)
    probability = _between("inter_probability", inter_probability, len(areas))
    factor = _between("inter_weight", inter_weight, len(areas))
    names = [(area, kind) for area in areas for kind in "EI"]
    for pre, post in zip(*np.nonzero((probability * factor).T), strict=True):
        (to, kind), (source, sign) = names[post], names[pre]
        weight = factor[post, pre] * values[to][f"j_{kind}{sign}".lower()] / scale
        projections.append(
            Projection(
                f"{source} {sign}",
                f"{to} {kind}",
                Bernoulli(float(probability[post, pre])),
                Normal.relative(float(weight), 0.1),
                delay,
                "exc" if sign == "E" else "inh",
            )
        )
    return Network(populations, projections, inputs, delta_t=DELTA_T, name="four_area")


def _names(areas: Sequence[str]) -> list[str]:
    """Return the names of the areas, each of them text."""
    if isinstance(areas, str) or np.ndim(areas) != 1:
        raise checks.fail("areas", "names of areas", areas, error=NetworkError)
    return [checks.text("areas", name, error=NetworkError) for name in areas]


def _between(name: str, value: ArrayLike, n_areas: int) -> NDArray[np.float64]:
    """Return one value for each pair of populations, [post, pre], 0 within areas."""
    given: NDArray[np.float64] = checks.array(name, value, dtype=np.float64, error=NetworkError)
    full = (2 * n_areas, 2 * n_areas)
    if given.shape not in ((), (2, 2), full):
        raise NetworkError(
            f"{name}: expected a finite number or shape (2, 2) or {full}, got {given.shape}"
        )
    within = np.kron(np.eye(n_areas), np.ones((2, 2))) > 0
    if given.shape == full and given[within].any():
        raise NetworkError(f"{name}: expected 0 within areas, whose synapses are `hagen`'s")
    if given.ndim == 0:
        given = given * np.array([[1.0, 0.0], [1.0, 0.0]])
    table = given if given.shape == full else np.tile(given, (n_areas, n_areas))
    return np.where(within, 0.0, table)


def _area(
    prefix: Mapping[str, str],
    tau_syn_e: float,
    tau_syn_i: float,
    j_ext: float,
    nu_ext: float,
    scale: float,
) -> tuple[list[Population], list[PoissonInput]]:
    populations = [
        Population(
            prefix[kind],
            round(size * scale),
            tau_membrane=10e-3,
            threshold=-55.0,
            reset=-65.0,
            resting=-65.0,
            tau_refractory=2e-3,
            capacitance=capacitance,
            initial_voltage=-70.0,
            synapses={"exc": Exponential(tau_syn_e), "inh": Exponential(tau_syn_i)},
        )
        for kind, size, capacitance in (("E", N_E, 0.2891), ("I", N_I, 0.1107))
    ]
    inputs = [
        PoissonInput(prefix[kind], nu_ext, j_ext, "exc", n_sources=n_sources)
        for kind, n_sources in (("E", 465), ("I", 160))
    ]
    return populations, inputs


def _local(
    prefix: Mapping[str, str],
    weights: Mapping[tuple[str, str], float],
    probability: float,
    scale: float,
) -> list[Projection]:
    return [
        Projection(
            prefix[pre],
            prefix[post],
            Bernoulli(probability),
            Normal.relative(weight / scale, 0.1),
            Normal(_DELAY_MS[pre, post] * 1e-3, 0.5 * _DELAY_MS[pre, post] * 1e-3, low=0.3e-3),
            "exc" if pre == "E" else "inh",
        )
        for (pre, post), weight in weights.items()
    ]
