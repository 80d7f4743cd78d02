"""Estimators without a network, through the same door: ``run(..., estimator="ksg")``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from neuroloom.mi import _baseline, _direct
from neuroloom.mi._analysis import Analysis
from neuroloom.mi._difference import (
    Triple,
    both_ways,
    conditional_orders,
    conditional_triple,
)
from neuroloom.mi._errors import OptionError, choice
from neuroloom.mi._estimate import null_details, null_options, wants_null
from neuroloom.mi._null import max_statistic, surrogate
from neuroloom.mi._options import real
from neuroloom.mi._pairwise import channel_pairs, paired_results
from neuroloom.mi._pool import standard_error
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._windows import shift
from neuroloom.shared import Seed

Array = NDArray[np.float64]
_JACKKNIFE = 10


def _ksg(x: Array, y: Array, *, k: int = 5, variant: int = 1) -> float:
    """Return KSG's estimate; where values repeat, that of labels or of mixtures."""
    if not _repeats(x, y):
        return float(_local(x, y, k=k, variant=variant).mean())
    labels, other = [_labels(v) for v in (x, y)], (y, x)
    for label, values, own in zip(labels, other, labels[::-1], strict=True):
        if label is not None and own is None and not _repeats(values):
            return _direct.ross(label, values, k=_whole_k(k))
    return _direct.ksg_mixed(x, y, k=_whole_k(k))


def _labels(values: Array) -> NDArray[np.int64] | None:
    """Return which of its few values each sample has, None if they are many."""
    rows, label = np.unique(values, axis=0, return_inverse=True)
    return label.reshape(-1) if len(rows) <= len(values) // 20 else None


def _local(x: Array, y: Array, *, k: int = 5, variant: int = 1) -> Array:
    choice("estimator_params['variant']", str(variant), ("1", "2"))
    return _direct.ksg_local(x, y, k=_whole_k(k), variant=2 if int(variant) == 2 else 1)


def _whole_k(k: Any) -> int:
    return int(real("estimator_params['k']", k, whole=True, low=1))


def _repeats(*variables: Array) -> bool:
    return any(len(np.unique(v, axis=0)) < 0.98 * len(v) for v in variables)


def lmi(x: Array, y: Array, *, k: int = 5, n_dims: int = 4) -> float:
    """Return KSG's estimate between latents of few dimensions, in nats.

    Cross-fitted canonical variables of the normal scores stand for the data, as Gowri et al.
    2024's latents do; the half that finds them is not the half that is measured. A lower bound
    in expectation.
    """
    n_dims = real("estimator_params['n_dims']", n_dims, whole=True, low=1)
    a, b = _baseline.rank_normal(x), _baseline.rank_normal(y)
    half = np.arange(len(a)) % 2 == 0
    found = []
    for train, test in ((half, ~half), (~half, half)):
        fitted = _baseline.fit(a[train], b[train], Seed(0).child("lmi").generator())
        strongest = np.argsort(fitted.rho)[::-1][:n_dims]
        u = (a[test] - fitted.mean_x) @ fitted.map_x[:, strongest]
        v = (b[test] - fitted.mean_y) @ fitted.map_y[:, strongest]
        found.append(_direct.ksg(u, v, k=k))
    return float(np.mean(found))


DIRECT: dict[str, Callable[..., float]] = {
    "ksg": _ksg,
    "gcmi": _direct.gcmi,
    "cca": _direct.gaussian,
    "plugin": _direct.plugin,
    "lmi": lmi,
}
_CONDITIONAL: dict[str, Callable[..., float]] = {
    "ksg": _direct.ksg_conditional,
    "gcmi": _direct.gcmi_conditional,
}


def _flat(values: Any) -> Array:
    return np.asarray(values, dtype=float).reshape(len(values), -1)


def _with_error(name: str, x: Array, y: Array, options: dict[str, Any]) -> tuple[float, float]:
    """Return a direct estimate and its standard error, in nats."""
    if name == "ksg" and not _repeats(x, y):
        # Neighbours are the costly part, and each sample's share comes with them.
        local = _local(x, y, **options)
        return float(local.mean()), standard_error(local)
    return DIRECT[name](x, y, **options), _jackknife(DIRECT[name], [x, y], options)


def _jackknife(
    function: Callable[..., float], parts: list[Array], options: dict[str, Any]
) -> float:
    """Return the standard error by leaving out one of ten stretches at a time."""
    n = len(parts[0])
    left_out = np.arange(n) * _JACKKNIFE // n
    values = np.array(
        [function(*(p[left_out != g] for p in parts), **options) for g in range(_JACKKNIFE)]
    )
    return float(np.sqrt((_JACKKNIFE - 1) * values.var()))


def run_direct(analysis: Analysis, mode: str, units: str) -> Results:
    """Return a direct estimate in the modes where nothing needs to be trained."""
    modes = {
        "estimate": _estimate,
        "lag": _lag,
        "conditional": _conditional,
        "transfer": _transfer,
        "pairwise": _pairwise,
    }
    if mode not in modes:
        raise OptionError(
            f"estimator: expected a trained bound in mode {mode!r}, got {analysis.bound!r}, which "
            f"works in modes {sorted(modes)}"
        )
    if analysis.y is None and mode != "pairwise":
        raise OptionError(f"y_data: expected data in mode {mode!r}, got None")
    return modes[mode](analysis, units)


def _row(analysis: Analysis, mi: float, error: float, n: int, units: str) -> dict[str, Any]:
    z = float(norm.ppf(0.5 + analysis.confidence / 2))
    return {
        "mi": mi,
        "mi_err": error,
        "ci_lo": mi - z * error,
        "ci_hi": mi + z * error,
        "n": n,
        "reliable": bool(np.isfinite(mi)),
        "units": units,
    }


def _details(analysis: Analysis, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "mi_error": row["mi_err"],
        "interval": (row["ci_lo"], row["ci_hi"]),
        "confidence_level": analysis.confidence,
        "is_reliable": row["reliable"],
        "n_samples": row["n"],
        "tidy": [row],
    }


def _orders(analysis: Analysis, n: int, gap: int) -> tuple[list[NDArray[np.int64]], str]:
    options = null_options(analysis.options)
    seed = analysis.seed.child("surrogate")
    return [
        surrogate(
            n,
            options["surrogate"],
            seed.child(s).generator(),
            gap=gap,
            block=options["surrogate_block"],
            trials=options["trials"],
        )
        for s in range(options["n_permutations"])
    ], options["surrogate"]


def _estimate(analysis: Analysis, units: str) -> Results:
    factor, function = unit_factor(units), DIRECT[analysis.bound]
    samples = analysis.samples()
    x, y = map(_flat, samples.values[:2])
    mi, error = _with_error(analysis.bound, x, y, analysis.bound_options)
    row = _row(analysis, mi * factor, error * factor, len(x), units)
    details = _details(analysis, row)
    if wants_null(analysis.options):
        orders, kind = _orders(analysis, len(x), samples.gap)
        null = np.array([function(x, y[order], **analysis.bound_options) for order in orders])
        details |= null_details(mi, null, factor, kind)
    return Results("estimate", {}, mi * factor, None, details)


def _lag(analysis: Analysis, units: str) -> Results:
    from neuroloom.mi._sweep import _lags

    assert analysis.y is not None
    factor, function = unit_factor(units), DIRECT[analysis.bound]
    lags = _lags(analysis.options.get("lag_range"), analysis.y)
    cut = [analysis.samples(analysis.x, shift(analysis.y, lag)) for lag in lags]
    n = min(len(samples.starts) for samples in cut)
    pairs = [tuple(_flat(v)[:n] for v in samples.values[:2]) for samples in cut]
    found = [_with_error(analysis.bound, x, y, analysis.bound_options) for x, y in pairs]
    mi, errors = np.array([f[0] for f in found]), [f[1] for f in found]
    frame = pd.DataFrame({"lag": lags, "mi_mean": mi * factor, "mi_std": np.array(errors) * factor})
    frame.attrs["swept"] = ["lag"]
    best = int(np.argmax(mi))
    details: dict[str, Any] = {"best_lag": lags[best], "n_samples": n}
    details["tidy"] = [
        {"lag": lag, **_row(analysis, m * factor, e * factor, n, units)}
        for lag, m, e in zip(lags, mi, errors, strict=True)
    ]
    if wants_null(analysis.options):
        orders, _ = _orders(analysis, n, cut[0].gap)
        null = np.array(
            [[function(x, y[o], **analysis.bound_options) for x, y in pairs] for o in orders]
        )
        frame["p_value"] = max_statistic(mi, null)
        details |= {"null_distribution": null * factor, "p_value": float(frame["p_value"].min())}
    return Results("lag", {"sweep_var": "lag"}, float(mi[best] * factor), frame, details)


def _triple(
    analysis: Analysis, mode: str, triple: Triple, default: str, seed: Seed, units: str
) -> Results:
    """Return I(x; y | z) of a triple, with surrogates that exchange x."""
    choice("estimator", analysis.bound, _CONDITIONAL)
    factor, function = unit_factor(units), _CONDITIONAL[analysis.bound]
    parts = [triple.x, triple.y, triple.z]
    options = {k: v for k, v in analysis.bound_options.items() if k == "k"}
    mi = function(*parts, **options)
    error = _jackknife(function, parts, options)
    row = _row(analysis, mi * factor, error * factor, len(triple.x), units)
    details = _details(analysis, row)
    if wants_null(analysis.options):
        orders, kind = conditional_orders(analysis, triple, seed, default)
        null = np.array([function(triple.x[o], triple.y, triple.z, **options) for o in orders])
        details |= null_details(mi, null, factor, kind)
    return Results(mode, {}, mi * factor, None, details)


def _conditional(analysis: Analysis, units: str) -> Results:
    triple = conditional_triple(analysis)
    return _triple(analysis, "conditional", triple, "local", analysis.seed, units)


def _transfer(analysis: Analysis, units: str) -> Results:
    def one(triple: Triple, seed: Seed) -> Results:
        return _triple(analysis, "transfer", triple, "circular", seed, units)

    return both_ways(analysis, one)


def _pairwise(analysis: Analysis, units: str) -> Results:
    factor, function = unit_factor(units), DIRECT[analysis.bound]
    pairs = channel_pairs(analysis)
    parts = [(_flat(x), _flat(y)) for x, y in pairs.samples]
    options = analysis.bound_options
    found = [_with_error(analysis.bound, x, y, options) for x, y in parts]
    mi, errors = np.array([f[0] for f in found]), [f[1] for f in found]
    tidy = [
        {"channel_x": i, "channel_y": k, **_row(analysis, m * factor, e * factor, len(x), units)}
        for (i, k), m, e, (x, _) in zip(pairs.index, mi, errors, parts, strict=True)
    ]
    null = None
    if wants_null(analysis.options):
        orders, _ = _orders(analysis, len(parts[0][0]), pairs.gap)
        null = np.array([[function(x, y[o], **options) for x, y in parts] for o in orders])
    return paired_results(analysis, pairs, mi, np.array(errors), mi, null, factor, tidy, tidy)


def crosscheck(x: Any, y: Any, *, output_units: str = "bits", k: int = 5) -> pd.DataFrame:
    """Return what estimators without a network say, one row each: ``estimator``, ``mi``.

    KSG is right for smooth low-dimensional data; ``gcmi`` is a lower bound that sees monotonic
    dependence only; ``cca`` takes the data as normal; ``lmi`` measures a few cross-fitted latents.

    Parameters
    ----------
    x, y : array_like, shape (n_samples, n_features)
    output_units : {"bits", "nats"}
    k : int
        Neighbours of KSG.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> table = crosscheck(x, 0.8 * x + 0.6 * rng.standard_normal(2000))
    >>> table["mi"].between(0.6, 0.9).all().item()
    True
    """
    from neuroloom.mi._inputs import samples

    factor = unit_factor(output_units)
    a, b = _flat(samples("x", x)), _flat(samples("y", y))
    if len(a) != len(b):
        from neuroloom.mi._errors import DataShapeError

        raise DataShapeError(f"expected as many samples in x and y, got {len(a)} and {len(b)}")
    values = {
        "ksg": _ksg(a, b, k=k),
        "gcmi": _direct.gcmi(a, b),
        "cca": _direct.gaussian(a, b),
        "lmi": lmi(a, b, k=k),
    }
    return pd.DataFrame({"estimator": list(values), "mi": [v * factor for v in values.values()]})
