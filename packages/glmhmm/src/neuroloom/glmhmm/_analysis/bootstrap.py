"""Parametric bootstrap: fits to data that the fitted model makes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._analysis.states import closest
from neuroloom.glmhmm._em.batch import fit_all
from neuroloom.glmhmm._em.compile import as_arrays, double_precision
from neuroloom.glmhmm._em.multi_start import trace_length
from neuroloom.glmhmm._errors import InputError, fail
from neuroloom.glmhmm._estimator.centring import around, near
from neuroloom.glmhmm._estimator.problem import Posed, posed
from neuroloom.glmhmm._estimator.reading import unpack
from neuroloom.glmhmm._input.arrays import is_pynapple, numbers, plain, read_design
from neuroloom.glmhmm._model.parameters import Parameters, from_core
from neuroloom.glmhmm._model.settings import flag
from neuroloom.shared import checks

_TOGETHER = 8  # samples that one job fits, the same for any number of workers


@dataclass(frozen=True)
class Bootstrap:
    """Parameters of the fits to simulated data, samples on the first axis, states matched.

    Parameters
    ----------
    coef, intercept, scale, initial_prob, transition_prob : ndarray
        In the shapes of the fitted attributes, behind the axis of samples.
    transition_coef : ndarray or None
        Of a model whose transitions are driven by inputs.
    """

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    scale: NDArray[np.float64]
    initial_prob: NDArray[np.float64]
    transition_prob: NDArray[np.float64]
    transition_coef: NDArray[np.float64] | None = None

    def standard_error(self, name: str) -> NDArray[np.float64]:
        """Return the standard deviation over samples of an attribute, for instance ``"coef"``."""
        values = self._samples(name)
        if len(values) < 2:
            raise fail("n_samples", "two samples at least, for a standard error", len(values))
        return np.asarray(values.std(axis=0, ddof=1))

    def interval(self, name: str, level: float = 0.95) -> tuple[Any, Any]:
        """Return the percentile interval of an attribute."""
        if not 0 < level < 1:
            raise fail("level", "a fraction between 0 and 1", level)
        tail = (1 - level) / 2
        low, high = np.quantile(self._samples(name), [tail, 1 - tail], axis=0)
        return low, high

    def _samples(self, name: str) -> NDArray[np.float64]:
        """Return the samples of an attribute that the model has."""
        known = [n for n, value in vars(self).items() if value is not None]
        value: NDArray[np.float64] = getattr(
            self, checks.choice("name", name, known, error=InputError)
        )
        return value


@dataclass(frozen=True)
class _Samples:
    """Simulates and refits numbered samples; a callable that travels to workers."""

    model: Any
    X: Any
    session_starts: Any
    transition_inputs: Any
    template: NDArray[np.float64]  # a response of the fit's shape, NaN where nothing is observed
    seed: shared.Seed

    def __call__(self, numbers: list[int]) -> dict[str, NDArray[np.float64]]:
        """Return the stacked parameters of the samples' fits."""
        model, single = self.model, np.ndim(self.model.intercept_) == 1
        first: Posed | None = None
        trials = []
        for number in numbers:
            y = self._draw(number)
            found, shift = near(
                posed(model, self.X, y, self.session_starts, self.transition_inputs)
            )
            first = first or found
            trials.append(found.problem.trials)
        assert first is not None
        with double_precision():
            fits = fit_all(
                [as_arrays(first.core)] * len(trials),
                trials,
                [first.problem.prior],
                max(model.tol, 1e-6),
                model.maxiter,
                first.problem.static,
                trace_length(model.maxiter),
            )
        data = first.problem.data
        x = data.x_observed
        unit = model.observation_model.predictor_unit(
            data.y[data.observed], model.inverse_link_function
        )
        parts = [around(_matched(fit.parameters, first.core, x, unit), -shift) for fit in fits]
        columns = zip(*[from_core(part, single) for part in parts], strict=True)
        names = ("coef", "intercept", "scale", "initial_prob", "transition_prob")
        out = {name: np.stack(column) for name, column in zip(names, columns, strict=True)}
        out["transition_coef"] = np.stack([np.asarray(p.drive).transpose(2, 0, 1) for p in parts])
        return out

    def _draw(self, number: int) -> NDArray[np.float64]:
        y, *_ = self.model.simulate(
            self.seed.child(number),
            self.X,
            session_starts=self.session_starts,
            transition_inputs=self.transition_inputs,
            n_trials=len(self.template) if self.X is None else None,
        )
        values = _coded(self.model, y)
        return np.where(np.isfinite(self.template), values, np.nan)


def parametric_bootstrap(
    model: Any,
    X: Any = None,
    *data: Any,
    y: Any = None,
    session_starts: Any = None,
    transition_inputs: Any = None,
    n_samples: int = 100,
    observed: Any = None,
    seed: int | shared.Seed = 0,
    n_workers: int | None = None,
    progress: bool = False,
    resume: str | Path | None = None,
) -> Bootstrap:
    """Return fits to `n_samples` data sets simulated from the model, at the same regressors.

    Fits start at the model's parameters, and their states are matched to the model's by what they
    predict. Coefficients of a pytree are stacked into rows.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X
        The regressors of the fit.
    *data
        ``y, session_starts`` as in the fit, or ``session_starts`` alone: indices, epochs, or a
        Boolean mask without sessions of one trial. What else has a value for each trial goes by
        name: it may as well be the responses.
    y, session_starts, transition_inputs
        The data of the fit. `y` only says which responses are missing, and may be left out; a
        design matrix brings its own.
    n_samples : int
        Number of data sets; a standard error needs two.
    observed : array_like of bool, shape (n_trials,), optional
        False where the response is missing, in place of `y`.
    seed : int or Seed
        For the simulations.
    n_workers : int, optional
        As in `neuroloom.shared.map`; results do not depend on it.
    progress : bool
        Show a bar.
    resume : str or Path, optional
        Folder that keeps finished samples.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, parametric_bootstrap
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 2)), rng.binomial(1, 0.4, 300)
    >>> found = parametric_bootstrap(GLMHMM(n_states=1).fit(X, y), X, n_samples=20)
    >>> found.coef.shape
    (20, 2, 1)
    """
    flag("progress", progress)
    n_samples = checks.whole("n_samples", n_samples, at_least=1, error=InputError)
    X, y, session_starts = unpack(X, *_data(X, data, y, session_starts))
    stream = shared.as_seed(seed).child("bootstrap")
    template = _template(model, X, y, session_starts, transition_inputs, observed)
    work = _Samples(model, X, session_starts, transition_inputs, template, stream)
    if model.missing != "mask" and not np.isfinite(template).all():
        work = _Samples(_masking(model), X, session_starts, transition_inputs, template, stream)
    chunks = [list(range(n, min(n + _TOGETHER, n_samples))) for n in range(0, n_samples, _TOGETHER)]
    found = shared.map(
        work,
        chunks,
        n_workers=n_workers,
        progress=progress,
        description="bootstrap",
        resume=resume,
    )
    joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    drive = joined.pop("transition_coef")
    return Bootstrap(**joined, transition_coef=drive if drive.shape[1] else None)


def _data(X: Any, data: tuple[Any, ...], y: Any, session_starts: Any) -> tuple[Any, Any]:
    """Return responses and session starts, wherever they stand.

    Raises
    ------
    InputError
        If one comes twice, or a lone value may be either.
    """
    if not data:
        return y, session_starts
    if len(data) == 1 and y is None and session_starts is not None:
        return data[0], session_starts
    if len(data) == 1 and session_starts is None:
        return y, _starts_behind(X, data[0], named=y is not None)
    if len(data) > 2 or y is not None or session_starts is not None:
        names = [n for n, v in (("y", y), ("session_starts", session_starts)) if v is not None]
        told = " and ".join([f"{len(data)} by place", *names])
        raise fail("data", "y and session_starts, once each", told)
    return data[0], data[1]


def _starts_behind(X: Any, value: Any, *, named: bool) -> Any:
    """Return session starts that stand alone behind the regressors; `named` says that `y` is."""
    rows, _, _ = unpack(X, None, None)
    if is_pynapple(value) or named or rows is None:
        return value
    values = np.atleast_1d(np.asarray(plain(value)))
    full = len(values) == len(read_design(rows).matrix)
    if full and not (values.dtype.kind == "b" and _only_a_mask(values)):
        raise fail("data", "y= or session_starts= by name", "one value for each trial, alone")
    return value


def _only_a_mask(values: NDArray[np.bool_]) -> bool:
    """Return whether Booleans start with a session and hold no session of one trial.

    Choices do neither for long, so that what does can only be a mask.
    """
    return bool(values[0]) and not (values[1:] & values[:-1]).any()


def _masking(model: Any) -> Any:
    """Return a copy of the model that takes NaN as missing."""
    return copy.copy(model).set_params(missing="mask")


def _template(
    model: Any, X: Any, y: Any, session_starts: Any, transition_inputs: Any, observed: Any
) -> NDArray[np.float64]:
    """Return a response of the fit's shape, NaN where nothing is observed."""
    if X is None and y is None:
        raise fail("y", "the responses of the fit, where there are no regressors", "None")
    given = None if y is None else _coded(model, y)
    n = None if X is not None or given is None else len(given)
    drawn, *_ = model.simulate(
        0, X, session_starts=session_starts, transition_inputs=transition_inputs, n_trials=n
    )
    values = _coded(model, drawn)
    if given is not None:
        if given.reshape(len(given), -1).shape != values.reshape(len(values), -1).shape:
            raise fail("y", f"the shape of the fit's responses, {values.shape}", f"{given.shape}")
        values = np.where(np.isfinite(given.reshape(values.shape)), values, np.nan)
    if observed is not None:
        values[~_mask(observed, len(values))] = np.nan
    return values


def _mask(observed: Any, n: int) -> NDArray[np.bool_]:
    """Return which trials are observed, from Booleans or 0 and 1."""
    mask = numbers("observed", observed)
    if mask.shape != (n,):
        raise fail("observed", f"shape ({n},)", f"shape {mask.shape}")
    if not np.isin(mask, (0, 1)).all():
        raise fail("observed", "True or False for each trial", f"{mask[~np.isin(mask, (0, 1))][0]}")
    return mask.astype(bool)


def _coded(model: Any, y: Any) -> NDArray[np.float64]:
    """Return responses as numbers, also those that the model was fitted to as labels."""
    coded, _ = model.observation_model.encode(y, getattr(model, "classes_", None))
    return np.asarray(numbers("y", coded), dtype=np.float64)


def _matched(
    parameters: Parameters,
    reference: Parameters,
    x: NDArray[np.float64],
    unit: NDArray[np.float64],
) -> Parameters:
    order = closest(parameters, reference, x, unit)
    p = Parameters(*map(np.asarray, parameters))
    return p._replace(
        weights=p.weights[order],
        log_scale=p.log_scale[order],
        initial=p.initial[order],
        transition=p.transition[np.ix_(order, order)],
        drive=p.drive[np.ix_(order, order)],
    )
