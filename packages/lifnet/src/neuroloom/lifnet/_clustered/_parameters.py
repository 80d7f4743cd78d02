"""From a configuration to the numbers of each population: one source for both halves.

Populations stand in the order ``[E_1 … E_Q, E_b, I_1 … I_Q, I_b]``; matrices are
``[post, pre]``. Lists of four of the configuration run over ``[E→E, E→I, I→E, I→I]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._clustered._arousal import (
    Arousal,
    arousal,
    arousal_in_time,
    beta_nodes,
    shifted,
)
from neuroloom.lifnet._clustered._perturbation import checked
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import LifnetError, PerturbationError
from neuroloom.shared import checks

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClusteredParameters:
    """All numbers of a clustered network, per population.

    External drive has two rows: afferents from outside excitatory and inhibitory neurons.

    Parameters
    ----------
    n_clusters : int
        Number of clusters Q.
    sizes : ndarray of int, shape (n_pops,)
        Neurons.
    efficacy : ndarray, shape (n_pops, n_pops)
        What one spike adds to the charge of a synapse.
    in_degree : ndarray, shape (n_pops, n_pops)
        Inputs of each neuron; whole numbers unless asked otherwise.
    j_ext : ndarray, shape (2, n_pops)
        External efficacies.
    c_ext : ndarray, shape (2, n_pops)
        External afferents per neuron.
    nu_ext : ndarray, shape (2, n_pops)
        Rate of each external afferent in Hz without arousal.
    arousal : Arousal
        What arousal adds to the external rates.
    tau_membrane, tau_synaptic, tau_refractory : ndarray, shape (n_pops,)
        Time constants in seconds.
    threshold, reset_voltage : ndarray, shape (n_pops,)
        Voltages of the spike.
    """

    n_clusters: int
    sizes: NDArray[np.int64]
    efficacy: Array
    in_degree: NDArray[np.int64] | Array
    j_ext: Array
    c_ext: Array
    nu_ext: Array
    arousal: Arousal
    tau_membrane: Array
    tau_synaptic: Array
    tau_refractory: Array
    threshold: Array
    reset_voltage: Array

    @property
    def n_pops(self) -> int:
        """Number of populations, ``2 n_clusters + 2``."""
        return len(self.sizes)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(self.sizes.sum())

    @property
    def population(self) -> NDArray[np.int64]:
        """Population of each neuron (from 0), shape (n_neurons,)."""
        return np.repeat(np.arange(self.n_pops), self.sizes)

    @property
    def mean_nu_ext(self) -> Array:
        """Mean rate of each external afferent in Hz, arousal included, shape (2, n_pops).

        What arousal adds fluctuates, and the sum is cut at zero: so is its mean.
        """
        mean = self.nu_ext + self.arousal.mean_rate
        if (self.nu_ext < 0).any():
            nodes, weights = beta_nodes()
            drawn = self.nu_ext[..., None] + self.arousal.rate_span * nodes
            mean = np.where(self.nu_ext < 0, np.maximum(drawn, 0.0) @ weights, mean)
        return np.asarray(mean)

    @property
    def names(self) -> list[str]:
        """Names of the populations, ``E1 … Eb I1 … Ib``."""
        clusters = range(1, self.n_clusters + 1)
        return [*(f"E{q}" for q in clusters), "Eb", *(f"I{q}" for q in clusters), "Ib"]

    def per_neuron(self, values: ArrayLike) -> NDArray[Any]:
        """Return `values`, one per population, as one per neuron."""
        return np.repeat(np.asarray(values), self.sizes)


def depression(share_post: float, share_pre: float, n_clusters: int, potentiation: float) -> float:
    """Return the factor between different clusters that keeps the mean efficacy at its baseline.

    Parameters
    ----------
    share_post, share_pre : float
        Neurons of one cluster over all neurons of its kind.
    n_clusters : int
        Number of clusters.
    potentiation : float
        Factor J+ within a cluster.
    """
    both, product = share_post + share_pre, share_post * share_pre
    denominator = both - product * (n_clusters + 1)
    factor = (both - product * (n_clusters + potentiation)) / denominator if denominator else 1.0
    return factor if np.isfinite(factor) else 1.0


def clustered_parameters(
    config: Config,
    perturbations: Mapping[str, ArrayLike | None] | None = None,
    *,
    whole_in_degrees: bool = True,
) -> ClusteredParameters:
    """Return the numbers of each population, with perturbations that are constant in time.

    Parameters
    ----------
    config : Config
        The network. Its own ``perturbation`` block is not read here.
    perturbations : mapping of target to array_like, optional
        Scalars or one value per population (from 0); for ``j`` and ``j_baseline`` also one per
        pair (post, pre). ``rate`` is added to all external rates in Hz; ``j_baseline`` p is a
        factor 1 + p and ``j`` a factor p of the efficacies onto a population; ``j_potentiated``
        p is a factor 1 + p of the efficacies from a clustered population to its own cluster;
        ``j_ext``, ``threshold`` and the time constants are added to; what is added to an arousal
        parameter is the mean over the populations. Rates below zero are set to zero where used.
    whole_in_degrees : bool
        Round connection probability times number of neurons down to what neurons can have. A
        theory that varies a probability continuously does not.

    Raises
    ------
    PerturbationError
        If a target is unknown, a shape does not fit, or what results cannot be.
    """
    checks.flag("whole_in_degrees", whole_in_degrees, error=LifnetError)
    if not isinstance(config, Config):
        raise checks.fail("config", "a Config, as load_config returns", config, error=LifnetError)
    n_pops = config.architecture.clusters.total_pops
    given = checked(perturbations, n_pops, None)
    given = {target: broadcast(target, values, n_pops) for target, values in given.items()}
    return perturbed(config, given, whole_in_degrees=whole_in_degrees)


def broadcast(target: str, values: Array, n_pops: int, *, versions: bool = False) -> Array:
    """Return a perturbation in a form that acts on one or many versions alike.

    Parameters
    ----------
    target : str
        What is perturbed.
    values : ndarray, shape (), (n_pops,) or (n_pops, n_pops)
        One value for all, one per population, or one per pair.
    n_pops : int
        Number of populations.
    versions : bool
        There is an axis of versions before all others.

    Returns
    -------
    ndarray, shape (…, 1 or n_pops), of efficacies (…, 1 or n_pops, 1 or n_pops)
    """
    shape = values.shape[1:] if versions else values.shape
    if not shape:
        values = values[..., np.newaxis]
    if target in ("j", "j_baseline") and len(shape) < 2:
        values = values[..., np.newaxis]
    return values


def perturbed(
    config: Config, given: Mapping[str, Array], *, whole_in_degrees: bool = True
) -> ClusteredParameters:
    """Return the numbers of each population, with perturbations as from `broadcast`.

    Where perturbations have an axis of versions, so have the arrays that they change.

    Parameters
    ----------
    config : Config
        The network.
    given : mapping of target to ndarray
        What is perturbed.
    whole_in_degrees : bool
        As for `clustered_parameters`.
    """
    init, clusters = config.init_params, config.architecture.clusters
    q, n_pops = clusters.n_clusters, clusters.total_pops
    sizes = np.array(
        [(init.n_excitatory - clusters.n_excitatory_background) // q] * q
        + [clusters.n_excitatory_background]
        + [(init.n_inhibitory - clusters.n_inhibitory_background) // q] * q
        + [clusters.n_inhibitory_background],
        dtype=np.int64,
    )
    changes = {
        name.removeprefix("arousal_"): values.mean(axis=-1)
        for name, values in given.items()
        if name.startswith("arousal_")
    }
    aroused = _aroused(config, changes)
    root = np.sqrt(init.n_neurons)

    def vector(values: Any, target: str) -> Array:
        result = _per_population(values, q, n_pops)
        return np.asarray(result + given[target]) if target in given else result

    j_ext = _external(config.architecture.network.j_ext, q)
    if "j_ext" in given:
        change = given["j_ext"]
        j_ext = np.broadcast_to(j_ext, (*change.shape[:-1], *j_ext.shape)).copy()
        j_ext[..., 0, :] += change
    nu_ext = _external(config.external_currents.nu_ext_baseline, q)
    if "rate" in given:
        nu_ext = nu_ext + given["rate"][..., np.newaxis, :]
    network = config.architecture.network
    result = ClusteredParameters(
        n_clusters=q,
        sizes=sizes,
        efficacy=_efficacy(config, sizes, aroused.ee_scale, given) / root,
        in_degree=_in_degree(clusters.connectivity_fraction_probs, sizes, q, whole_in_degrees),
        j_ext=j_ext / root,
        c_ext=_external(config.external_currents.c_ext, q),
        nu_ext=nu_ext,
        arousal=aroused,
        tau_membrane=vector(network.tau_membrane, "tau_membrane"),
        tau_synaptic=vector(network.tau_synaptic, "tau_synaptic"),
        tau_refractory=vector(network.tau_refractory, "tau_refractory"),
        threshold=vector(network.threshold, "threshold"),
        reset_voltage=_per_population(network.reset_voltage, q, n_pops),
    )
    _check(result, init.delta_t)
    return result


def _aroused(config: Config, changes: Mapping[str, Array]) -> Arousal:
    """Return what arousal does, in each version where it differs between them."""
    if all(change.ndim == 0 for change in changes.values()):
        return arousal(shifted(config.arousal, {k: float(v) for k, v in changes.items()}))
    return arousal_in_time(config.arousal, changes)


def _efficacy(config: Config, sizes: NDArray[np.int64], ee_scale: Any, given: Any) -> Array:
    """Return J before the division by √N, (…, post, pre)."""
    clusters = config.architecture.clusters
    q, n_pops = clusters.n_clusters, len(sizes)
    totals = (config.init_params.n_excitatory, config.init_params.n_inhibitory)
    shares = [sizes[0] / totals[0], sizes[q + 1] / totals[1] if totals[1] else 0.0]
    efficacy = np.empty((*np.shape(ee_scale), n_pops, n_pops))
    same = np.zeros((n_pops, n_pops), dtype=bool)
    for pathway in range(4):
        pre, post = divmod(pathway, 2)
        plus = clusters.j_potentiated[pathway]
        g = depression(shares[post], shares[pre], q, plus) if clusters.potentiate else 1.0
        factor = np.full((q + 1, q + 1), g)
        factor[np.arange(q), np.arange(q)] = plus
        factor[q, q] = 1.0
        rows = slice(post * (q + 1), (post + 1) * (q + 1))
        columns = slice(pre * (q + 1), (pre + 1) * (q + 1))
        scale = np.asarray(ee_scale if pathway == 0 else 1.0)[..., np.newaxis, np.newaxis]
        efficacy[..., rows, columns] = clusters.j_baseline[pathway] * scale * factor
        same[rows, columns][np.arange(q), np.arange(q)] = True
    if "j_potentiated" in given:
        stronger = 1.0 + given["j_potentiated"]
        efficacy = np.where(same, efficacy * stronger[..., np.newaxis, :], efficacy)
    for target, shift in (("j_baseline", 1.0), ("j", 0.0)):
        if target in given:
            efficacy = efficacy * (shift + given[target])
    return efficacy


def _in_degree(
    probabilities: tuple[float, ...], sizes: NDArray[np.int64], q: int, whole: bool
) -> NDArray[np.int64] | Array:
    ee, ei, ie, ii = probabilities
    table = np.array([[ee, ie], [ei, ii]])  # [post, pre] from [E→E, E→I, I→E, I→I]
    kind = np.repeat([0, 1], q + 1)
    inputs = table[np.ix_(kind, kind)] * sizes[None, :]
    if not whole:
        return np.asarray(inputs, dtype=np.float64)
    # The small term keeps .29 · 100 at 29.
    return np.asarray(np.floor(inputs + 1e-9), dtype=np.int64)


def _external(four: tuple[float, ...], q: int) -> Array:
    """Return ``[E→E, E→I, I→E, I→I]`` as rows of outside kind and columns of populations."""
    return np.repeat(np.reshape(four, (2, 2)).astype(np.float64), q + 1, axis=1)


def _per_population(values: Any, q: int, n_pops: int) -> Array:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if len(array) == 2 != n_pops:
        array = np.repeat(array, q + 1)
    return np.broadcast_to(array, (n_pops,)).copy()


def _check(parameters: ClusteredParameters, delta_t: float) -> None:
    """Refuse what a perturbation has made impossible."""
    names = parameters.names
    for name, low in (("tau_membrane", 2 * delta_t), ("tau_synaptic", 2 * delta_t)):
        values = getattr(parameters, name)
        if (values < low).any():
            raise PerturbationError(
                f"perturbation.{name}: expected time constants of at least 2 delta_t = {low:g} s, "
                f"got {values.min():g} in population {names[_place(values)]}"
            )
    if (parameters.tau_refractory < 0).any():
        waits = parameters.tau_refractory
        raise PerturbationError(
            "perturbation.tau_refractory: expected refractory times of at least 0, "
            f"got {waits.min():g} in population {names[_place(waits)]}"
        )
    gap = parameters.threshold - parameters.reset_voltage
    if (gap <= 0).any():
        raise PerturbationError(
            "perturbation.threshold: expected thresholds above the reset voltage, "
            f"got {parameters.threshold.flat[np.argmin(gap)]:g} in population {names[_place(gap)]}"
        )


def _place(values: Array) -> int:
    """Return the population of the least value."""
    return int(np.unravel_index(int(np.argmin(values)), values.shape)[-1])
