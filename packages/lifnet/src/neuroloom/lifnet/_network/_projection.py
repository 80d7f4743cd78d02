"""Synapses from one population to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from neuroloom.lifnet._errors import NetworkError, warn_of_milliseconds
from neuroloom.lifnet._network._distributions import Distribution, Normal, Uniform, check, mean_of
from neuroloom.lifnet._network._rules import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Synapses from one population to another.

    Parameters
    ----------
    pre, post : str
        Populations.
    rule : Bernoulli, FixedIndegree, FixedOutdegree, FixedTotal, OneToOne or Explicit
        Who connects to whom.
    weight : float or distribution
        Weight, in the unit of the receptor; that of a conductance is at least 0.
    delay : float or distribution
        Time in seconds from a spike to the synapse's response, rounded to the step: at least one
        step, or the number 0 for a response that begins in the next step (not into a `Delta`
        synapse, which acts at once). Drawn delays that are
        shorter than a step are one step, and normal ones below 0 are drawn again.
    receptor : str
        Synapse of `post` that the spikes enter.
    """

    pre: str
    post: str
    rule: Rule
    weight: Distribution
    delay: Distribution = 0.0
    receptor: str = "exc"

    def __post_init__(self) -> None:
        name = f"projection {self.pre} → {self.post}"
        if not isinstance(self.rule, get_args(Rule)):
            raise NetworkError(
                f"{name}, rule: expected a rule, as Bernoulli(0.1), got {self.rule!r}"
            )
        check(f"{name}, weight", self.weight)
        check(f"{name}, delay", self.delay)
        negative = isinstance(self.delay, Uniform) and self.delay.low < 0
        if mean_of(self.delay) < 0 or negative:
            raise NetworkError(f"{name}, delay: expected 0 or more, got {self.delay!r}")
        warn_of_milliseconds(f"{name}, delay", mean_of(self.delay))
        if isinstance(self.delay, Normal):  # drawn again until it is not negative
            replace(self.delay, low=max(self.delay.low, 0.0))
