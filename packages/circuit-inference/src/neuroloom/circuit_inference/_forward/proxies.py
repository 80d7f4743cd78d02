"""Proxies of the field potential: sums of what point neurons know about themselves.

Symbols of Mazzoni et al. (2015, PLoS Comput Biol 11:e1004584) and Martínez-Cañada et al. (2021,
PLoS Comput Biol 17:e1008893): A is a neuron's AMPA current, G its GABA current (negative where
inhibition hyperpolarises), and X(t − τ) a current that comes τ later.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import (
    ArgumentError,
    DelayTooLongError,
    ShapeError,
    unknown,
)

PROXIES: dict[str, tuple[str, ...]] = {
    "FR": ("FR",),
    "AMPA": ("AMPA",),
    "GABA": ("GABA",),
    "Vm": ("Vm",),
    "I": ("AMPA", "GABA"),
    "I_abs": ("AMPA", "GABA"),
    "LRWS": ("AMPA", "GABA"),
    "ERWS1": ("AMPA", "GABA"),
    "ERWS2": ("AMPA", "GABA"),
}
_MISSING = object()
# The signs that these proxies take currents to have; I_abs has none, and AMPA alone is a sum.
_SIGNED = ("GABA", "I", "LRWS", "ERWS1", "ERWS2")
_SIGNS = {"AMPA": 1.0, "GABA": -1.0}


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """A weighted, delayed sum of currents, ``sum(A(t - ampa_ms) - alpha G(t - gaba_ms))``."""

    ampa_ms: float
    gaba_ms: float
    alpha: float


def weighted_sum(method: str, nu_ext: float | None = None) -> WeightedSum:
    """Return delays (ms) and weight of LRWS, ERWS1 or ERWS2.

    Parameters
    ----------
    method : {"LRWS", "ERWS1", "ERWS2"}
        LRWS is Mazzoni et al. 2015, eq. 1; the others Martínez-Cañada et al. 2021, eqs. 4 and 5.
    nu_ext : float, optional
        External rate in spikes/ms per neuron, which ERWS2 depends on.

    Raises
    ------
    ArgumentError
        If ERWS2 gets no positive `nu_ext`.
    """
    if method == "LRWS":
        return WeightedSum(6.0, 0.0, 1.65)
    if method == "ERWS1":
        return WeightedSum(-0.9, 2.3, 0.3)
    if nu_ext is None or not np.isfinite(nu_ext) or nu_ext <= 0:
        raise ArgumentError(f"nu_ext: ERWS2 expects a positive external rate, got {nu_ext!r}")
    return WeightedSum(
        -0.6 * nu_ext**-0.1 - 0.4, -1.9 * nu_ext**-0.6 + 3.0, 1.4 * nu_ext**-1.7 + 0.2
    )


def proxy(
    method: str,
    currents: Mapping[str, ArrayLike],
    *,
    sim_step: float | None = None,
    nu_ext: float | None = None,
    excitatory_only: bool | None = None,
    compat: Literal["ncpi"] | None = None,
) -> NDArray[np.float64]:
    """Return a proxy of the field potential, shape (n_times,) or (n_sims, n_times).

    Parameters
    ----------
    method : str
        FR, the mean over units; AMPA, −GABA and Vm, sums; I, sum of both currents; I_abs, of
        their magnitudes; LRWS, ERWS1 and ERWS2, weighted sums with delays.
    currents : mapping of str to array_like, shape (n_units, n_times) or (n_sims, n_units, n_times)
        What the proxy needs among ``FR``, ``AMPA``, ``GABA`` and ``Vm``; ERWS2 also ``nu_ext``
        unless the argument gives it.
    sim_step : float, optional
        Time step in ms; needed by LRWS, ERWS1 and ERWS2 only.
    nu_ext : float, optional
        External rate in spikes/ms, for ERWS2.
    excitatory_only : bool, optional
        True prefers ``AMPA_exc`` to ``AMPA``, False ``AMPA_all`` and then ``AMPA_total``.
    compat : {"ncpi"}, optional
        Truncate the delays and, for ERWS2, take milliseconds for samples, as ncpi does; only to
        reproduce its results.

    Returns
    -------
    ndarray of float64
        The proxy. Delays are rounded to whole steps, ``round(ms / sim_step)``; what a shift
        uncovers is 0.

    Warns
    -----
    UserWarning
        If a proxy with GABA currents, I_abs aside, gets some that are positive on average, or
        AMPA currents that are negative: its currents would be subtracted instead of added.

    Raises
    ------
    UnknownNameError
        If there is no such proxy.
    ShapeError
        If the currents are ragged, of different shapes, or neither 2-D nor 3-D.
    ArgumentError
        If a current is missing or not finite, or `sim_step` or `nu_ext` is not positive.
    DelayTooLongError
        If a delay is longer than the signal.

    Examples
    --------
    >>> proxy("I_abs", {"AMPA": [[1.0, 2.0]], "GABA": [[-1.0, -3.0]]})
    array([2., 5.])
    """
    if method not in PROXIES:
        raise unknown("method", method, PROXIES)
    if compat not in (None, "ncpi"):
        raise unknown("compat", compat, ["ncpi"])
    if not isinstance(currents, Mapping):
        raise ArgumentError(
            f"sim_data: expected a mapping of name to array, got {type(currents).__name__}"
        )
    parts = {key: _units(key, currents, excitatory_only) for key in PROXIES[method]}
    shapes = {key: part.shape for key, part in parts.items()}
    if len(set(shapes.values())) > 1:
        raise ShapeError(f"sim_data: expected currents of one shape, got {shapes}")
    if method in _SIGNED:
        _warn_of_signs(method, parts)
    if method in _PLAIN:
        return np.asarray(_PLAIN[method](**parts))
    step = _step(method, sim_step)
    if method == "ERWS2" and nu_ext is None:
        nu_ext = _nu_ext(currents)
    return _delayed(method, parts, weighted_sum(method, nu_ext), step, compat)


# The proxies without a delay.
_PLAIN: dict[str, Callable[..., NDArray[np.float64]]] = {
    "FR": lambda FR: FR.mean(axis=-2),
    "AMPA": lambda AMPA: AMPA.sum(axis=-2),
    "GABA": lambda GABA: -GABA.sum(axis=-2),
    "Vm": lambda Vm: Vm.sum(axis=-2),
    "I": lambda AMPA, GABA: (AMPA + GABA).sum(axis=-2),
    "I_abs": lambda AMPA, GABA: (np.abs(AMPA) + np.abs(GABA)).sum(axis=-2),
}


def _warn_of_signs(method: str, parts: Mapping[str, NDArray[np.float64]]) -> None:
    """Warn of currents whose mean has another sign than the proxy's formula takes them to have."""
    for name, sign in _SIGNS.items():
        if name in parts and sign * float(parts[name].mean()) < 0:
            wanted, got = ("positive", "negative") if sign > 0 else ("negative", "positive")
            warnings.warn(
                f"sim_data[{name!r}]: {method} expects {name} currents to be {wanted}, got {got} "
                f"ones on average: hand over -{name} if their source counts them the other way",
                stacklevel=3,
            )


def _delayed(
    method: str,
    parts: Mapping[str, NDArray[np.float64]],
    weights: WeightedSum,
    step: float,
    compat: Literal["ncpi"] | None,
) -> NDArray[np.float64]:
    """Return a weighted sum of the currents, each moved by its delay."""
    ampa, gaba = parts["AMPA"], parts["GABA"]
    if compat == "ncpi":
        unit = 1.0 if method == "ERWS2" else step
        shifts = int(weights.ampa_ms / unit), int(weights.gaba_ms / unit)
    else:
        shifts = round(weights.ampa_ms / step), round(weights.gaba_ms / step)
    for name, shift in zip(("AMPA", "GABA"), shifts, strict=True):
        if abs(shift) >= ampa.shape[-1]:
            raise DelayTooLongError(
                f"sim_step: {method} shifts {name} by {abs(shift)} steps of {step:g} ms, "
                f"expected a signal longer than that, got {ampa.shape[-1]} samples"
            )
    # Shifting and summing over units commute: one pass over the units instead of two copies.
    return _shift(ampa.sum(axis=-2), shifts[0]) - weights.alpha * _shift(
        gaba.sum(axis=-2), shifts[1]
    )


def _units(
    key: str, currents: Mapping[str, ArrayLike], excitatory_only: bool | None
) -> NDArray[np.float64]:
    names = [key]
    if excitatory_only is not None:
        names = [f"{key}_exc", key] if excitatory_only else [f"{key}_all", f"{key}_total", key]
    found = next((name for name in names if name in currents), None)
    if found is None:
        raise ArgumentError(
            f"sim_data: expected {' or '.join(map(repr, names))}, got the keys {sorted(currents)}"
        )
    try:
        values = np.asarray(currents[found], dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ShapeError(
            f"sim_data[{found!r}]: expected numbers of shape (n_units, n_times), got ragged or "
            f"other values ({error})"
        ) from error
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise ShapeError(
            f"sim_data[{found!r}]: expected shape (n_units, n_times) or (n_sims, n_units, "
            f"n_times), got {values.shape}"
        )
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ArgumentError(
            f"sim_data[{found!r}]: expected finite values, got NaN or inf at {place}"
        )
    return values


def _step(method: str, sim_step: Any) -> float:
    if sim_step is None or isinstance(sim_step, bool):
        raise ArgumentError(
            f"sim_step: {method} has delays and expects the time step in ms, got {sim_step!r}"
        )
    try:
        step = float(sim_step)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"sim_step: expected a number of ms, got {sim_step!r}") from error
    if not np.isfinite(step) or step <= 0:
        raise ArgumentError(f"sim_step: expected a positive time step in ms, got {sim_step!r}")
    return step


def _nu_ext(currents: Mapping[str, Any]) -> float:
    value = currents.get("nu_ext", _MISSING)
    if value is _MISSING:
        raise ArgumentError("sim_data: ERWS2 expects 'nu_ext', the external rate in spikes/ms")
    rate = np.asarray(value, dtype=np.float64)
    if rate.size != 1:
        raise ShapeError(f"sim_data['nu_ext']: expected one number, got shape {rate.shape}")
    return float(rate.reshape(-1)[0])


def _shift(signal: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Return `signal` moved to later samples by `steps`, zeros where nothing came from."""
    moved = np.zeros_like(signal)
    if steps > 0:
        moved[..., steps:] = signal[..., :-steps]
    elif steps < 0:
        moved[..., :steps] = signal[..., -steps:]
    else:
        moved[...] = signal
    return moved


def roll_with_zeros(arr: ArrayLike, shift: int) -> NDArray[Any]:
    """Return a series moved by `shift` samples, zeros where nothing is known: ncpi's helper.

    Parameters
    ----------
    arr : array_like, shape (n_times,)
    shift : int
        To later times if positive.
    """
    values = np.asarray(arr)
    out = np.zeros_like(values)
    if abs(shift) < len(values):
        kept = values[max(-shift, 0) : len(values) - max(shift, 0)]
        out[max(shift, 0) : max(shift, 0) + len(kept)] = kept
    return out
