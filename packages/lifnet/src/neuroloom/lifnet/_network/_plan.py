"""All projections of a network in the form that the compiled wiring reads."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._parts import MOST_STEPS
from neuroloom.lifnet._errors import NetworkError, RoundingWarning
from neuroloom.lifnet._network._declared import Declared
from neuroloom.lifnet._network._distributions import (
    CONSTANT,
    GIVEN,
    LOGNORMAL,
    NORMAL,
    UNIFORM,
    coded,
)
from neuroloom.lifnet._network._drawn import COUNTS, ROWS, Drawn
from neuroloom.lifnet._network._projection import Projection
from neuroloom.shared import Seed

TAIL = 7.0  # standard deviations to which delays and numbers of synapses may reach


class Plan(NamedTuple):
    """All projections, ordered by their source population."""

    first: Any  # (n_populations + 1,) first projection of each source population
    population: Any  # (n_neurons,) source population
    kind: Any  # (n_projections,) CHANCE, COUNTS or ROWS
    p: Any
    low: Any  # first target
    high: Any
    autapses: Any
    weight: Any  # (n_projections, 5) coded distribution
    delay: Any  # (n_projections, 5) coded distribution, in steps
    key: Any  # what tells the segments of a row apart besides the delay
    channel: Any
    start: Any  # first neuron of the source population
    offset: Any  # place of the projection's numbers in `counts` or `indptr`
    counts: Any  # synapses of each source, of COUNTS
    indptr: Any  # row ends into `indices`, of ROWS
    indices: Any
    weights: Any
    n_keys: int
    longest: int  # delay in steps


def plan_of(network: Declared, delta_t: float, shared: bool, seed: Seed) -> Plan:
    """Return the plan of a network.

    Parameters
    ----------
    network : Network
        The declaration.
    delta_t : float
        Step in seconds.
    shared : bool
        Whether all synapses of each projection have one weight.
    seed : Seed
        Seed of the synapses that are drawn before the rows are written.

    Raises
    ------
    NetworkError
        If a delay is shorter than a step and not 0.
    """
    spans, receptors = network.spans, list(network.receptors)
    order = {population.name: k for k, population in enumerate(network.populations)}
    projections = sorted(network.projections, key=lambda projection: order[projection.pre])
    pre = np.array([order[projection.pre] for projection in projections])
    first = np.searchsorted(pre, np.arange(len(order) + 1))
    drawn = [
        _drawn(projection, spans, seed.child("rule").child(k))
        for k, projection in enumerate(projections)
    ]
    weight = _weights(projections, drawn)
    delay = np.array([_in_steps(projection, delta_t) for projection in projections])
    channel = np.array([receptors.index(projection.receptor) for projection in projections])
    key = np.arange(len(projections)) - first[pre] if shared else channel
    targets = np.array([spans[projection.post] for projection in projections])
    return Plan(
        first=first,
        population=np.repeat(
            np.arange(len(order)), [population.size for population in network.populations]
        ),
        kind=np.array([one.kind for one in drawn]),
        p=np.array([one.p for one in drawn]),
        low=targets[:, 0],
        high=targets[:, 1],
        autapses=np.array([one.autapses for one in drawn]),
        weight=weight,
        delay=delay,
        key=key,
        channel=channel,
        start=np.array([spans[p.pre][0] for p in projections]),
        **_joined(drawn),
        n_keys=int(key.max()) + 1,
        longest=_longest_of(projections, delay),
    )


def _weights(projections: list[Projection], drawn: list[Drawn]) -> NDArray[np.float64]:
    weight = np.array([coded(projection.weight) for projection in projections])
    weight[[one.weights is not None for one in drawn], 0] = GIVEN
    return weight


def _drawn(projection: Projection, spans: Any, seed: Seed) -> Drawn:
    n_pre, n_post = (int(np.diff(spans[name])[0]) for name in (projection.pre, projection.post))
    return projection.rule.draw(n_pre, n_post, projection.pre == projection.post, seed)


def _joined(drawn: list[Drawn]) -> dict[str, NDArray[Any]]:
    """Return the numbers of all projections, one behind the other, and where each begins."""
    n_counts = np.cumsum([0] + [len(one.counts) for one in drawn])
    n_ends = np.cumsum([0] + [len(one.indptr) for one in drawn])
    n_synapses = np.cumsum([0] + [len(one.indices) for one in drawn])
    offset = np.select(
        [[one.kind == COUNTS for one in drawn], [one.kind == ROWS for one in drawn]],
        [n_counts[:-1], n_ends[:-1]],
    )
    return {
        "offset": offset.astype(np.int64),
        "counts": np.concatenate([one.counts for one in drawn]).astype(np.int64),
        "indptr": np.concatenate(
            [one.indptr + begin for one, begin in zip(drawn, n_synapses, strict=False)]
        ).astype(np.int64),
        "indices": np.concatenate([one.indices for one in drawn]).astype(np.int32),
        "weights": np.concatenate(
            [np.zeros(len(one.indices)) if one.weights is None else one.weights for one in drawn]
        ).astype(np.float64),
    }


def _longest_of(projections: list[Projection], delay: NDArray[np.float64]) -> int:
    """Return the longest delay in steps; refuse one that 32 bits cannot count."""
    steps = _longest(delay)
    place = int(np.argmax(steps))
    if steps[place] > MOST_STEPS:
        raise NetworkError(
            f"delay of projection {projections[place].pre} → {projections[place].post}: expected "
            f"at most {MOST_STEPS:,} steps, got {projections[place].delay!r} s"
        )
    return int(steps[place])


def _longest(delay: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest number of steps that each coded delay can take."""
    kind, a, b, _, high = delay.T
    top = np.select(
        [kind == CONSTANT, kind == NORMAL, kind == LOGNORMAL, kind == UNIFORM],
        [a, np.minimum(a + TAIL * b, high), np.exp(np.minimum(a + TAIL * b, 30.0)), a + b],
    )
    return np.asarray(np.ceil(top + 0.5))


def _in_steps(projection: Projection, delta_t: float) -> tuple[float, float, float, float, float]:
    kind, a, b, low, high = coded(projection.delay)
    if kind == LOGNORMAL:  # the scale is in the logarithm
        return kind, a - math.log(delta_t), b, low, high
    if kind == NORMAL:
        return kind, a / delta_t, b / delta_t, max(low, 0.0) / delta_t, high / delta_t
    if kind == CONSTANT:
        _check_constant(projection, a, delta_t)
    return kind, a / delta_t, b / delta_t, 0.0, 0.0


def _check_constant(projection: Projection, delay: float, delta_t: float) -> None:
    """Refuse a delay within the first step, warn of one that is rounded."""
    if 0 < delay < delta_t * (1 - 1e-6):
        raise NetworkError(
            f"delay of projection {projection.pre} → {projection.post}: expected 0 or at least "
            f"delta_t ({delta_t:g} s), got {delay:g} s"
        )
    steps = delay / delta_t
    if abs(steps - round(steps)) > 1e-6 * max(1.0, steps):
        warnings.warn(
            f"delay of {delay:g} s of projection {projection.pre} → {projection.post} is not a "
            f"multiple of delta_t ({delta_t:g} s); rounded to {round(steps) * delta_t:g} s",
            RoundingWarning,
            stacklevel=8,
        )
