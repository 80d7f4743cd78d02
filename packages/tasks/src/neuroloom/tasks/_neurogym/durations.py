"""Random durations in NeuroGym's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neuroloom.tasks._design.durations import TruncatedExponential, truncated_exponential
from neuroloom.tasks._errors import unknown

_NAMES = ("uniform", "choice", "truncated_exponential", "constant")


def trunc_exp(rng: Any, vmean: float, vmin: float = 0, vmax: float = np.inf) -> float:
    """Return a number from an exponential of mean `vmean`, cut to ``[vmin, vmax)``.

    Parameters
    ----------
    rng : numpy.random.Generator or numpy.random.RandomState
        Where it comes from.
    vmean : float
        Mean before it is cut.
    vmin, vmax : float
        Window.

    Raises
    ------
    TimingError
        If the window is empty or hardly ever hit.
    """
    TruncatedExponential(vmean, vmin, vmax)
    return float(truncated_exponential(rng.random(), vmean, vmin, vmax))


class TruncExp:
    """A function that returns random numbers from a truncated exponential.

    Parameters
    ----------
    vmean, vmin, vmax : float
        See `trunc_exp`.

    Raises
    ------
    TimingError
        If the window is empty or hardly ever hit.

    Examples
    --------
    >>> from neuroloom.tasks.utils.ngym_random import TruncExp
    >>> draw = TruncExp(600, 300, 3000)
    >>> draw.seed(1)
    >>> 300 <= draw() < 3000
    True
    """

    def __init__(self, vmean: float, vmin: float = 0, vmax: float = np.inf) -> None:
        self.vmean, self.vmin, self.vmax = vmean, vmin, vmax
        self._duration = TruncatedExponential(vmean, vmin, vmax)
        self.rng = np.random.default_rng()

    def seed(self, seed: Any = None) -> None:
        """Start anew; None takes the seed from the operating system."""
        self.rng = np.random.default_rng(seed)

    def __call__(self) -> float:
        return float(self._duration.draw(self.rng, 1)[0])

    def duration(self) -> TruncatedExponential:
        """Return the distribution."""
        return self._duration

    def __repr__(self) -> str:
        return f"TruncExp(mean={self.vmean}, min={self.vmin}, max={self.vmax})"


def random_number_fn(dist: str, args: Any, rng: Any) -> Callable[[], Any]:
    """Return a function that returns random numbers.

    Parameters
    ----------
    dist : str
        ``"uniform"``, ``"choice"``, ``"truncated_exponential"`` or ``"constant"``.
    args : sequence or float
        Its parameters.
    rng : numpy.random.Generator or numpy.random.RandomState
        Where they come from.

    Raises
    ------
    TaskError
        If there is no such distribution.
    """
    if dist == "uniform":
        return lambda: rng.uniform(*args)
    if dist == "choice":
        return lambda: rng.choice(args)
    if dist == "truncated_exponential":
        return lambda: trunc_exp(rng, *_several(args))
    if dist == "constant":
        return lambda: args
    raise unknown("distribution", dist, _NAMES)


def random_number_name(dist: str, args: Any) -> str:
    """Return in words what `random_number_fn` draws from.

    Raises
    ------
    TaskError
        If there is no such distribution.
    """
    if dist == "uniform":
        return f"{dist} between {args[0]} and {args[1]}"
    if dist == "choice":
        return f"{dist} within {args}"
    if dist == "truncated_exponential":
        several = _several(args)
        words = [
            f"{name} {value}" for name, value in zip(("min", "max"), several[1:], strict=False)
        ]
        return ", ".join([f"truncated exponential with mean {several[0]}", *words])
    if dist == "constant":
        return f"constant {args}"
    raise unknown("distribution", dist, _NAMES)


def _several(args: Any) -> Sequence[Any]:
    return tuple(args) if isinstance(args, (tuple, list, np.ndarray)) else (args,)
