"""State probabilities trial by trial, as the experiment runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.glmhmm._em.compile import double_precision
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._estimator.problem import check_fitted
from neuroloom.glmhmm._estimator.simulation import rates_of
from neuroloom.glmhmm._families.mixed import MixedObservations
from neuroloom.glmhmm._families.wiener import WienerObservations
from neuroloom.glmhmm._input.arrays import numbers, plain


class OnlineFilter:
    """Follows the chain of a fitted model one trial at a time.

    Parameters
    ----------
    model : GLMHMM
        Fitted; of any family, with any number of outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, OnlineFilter
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(50, 2)), rng.binomial(1, 0.5, 50)
    >>> model = GLMHMM(n_states=2).fit(X, y)
    >>> online = OnlineFilter(model)
    >>> steps = [online.step(x, choice) for x, choice in zip(X, y)]
    >>> bool(np.allclose(steps, model.filter_proba(X, y)))
    True
    """

    def __init__(self, model: Any) -> None:
        check_fitted(model)
        self._model = model
        self._coef = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(model.coef_)])
        self._driven = hasattr(model, "transition_coef_")
        self.reset()

    def reset(self) -> None:
        """Begin a new session."""
        self._before: NDArray[np.float64] | None = None

    @property
    def predicted(self) -> NDArray[np.float64]:
        """Probability of each state on the trial to come, at zero input."""
        return self._ahead(None)

    def _ahead(self, inputs: ArrayLike | None) -> NDArray[np.float64]:
        m = self._model
        if self._before is None:
            return np.array(m.initial_prob_)
        matrix = np.asarray(m.transition_prob_)
        if inputs is not None:
            u = np.atleast_1d(np.asarray(inputs, dtype=np.float64))
            with np.errstate(divide="ignore"):
                logits = np.log(matrix) + np.tensordot(u, m.transition_coef_, axes=1)
            matrix = np.exp(logits - logits.max(axis=1, keepdims=True))
            matrix = matrix / matrix.sum(axis=1, keepdims=True)
        return np.asarray(self._before @ matrix)

    def _inputs(self, inputs: ArrayLike | None) -> ArrayLike | None:
        if self._driven != (inputs is not None):
            expected = "the inputs of the trial" if self._driven else "None: the fit had none"
            raise fail("transition_inputs", expected, inputs)
        if inputs is not None and np.size(inputs) != len(self._model.transition_coef_):
            raise fail(
                "transition_inputs", f"{len(self._model.transition_coef_)}", np.shape(inputs)
            )
        if inputs is not None and not np.isfinite(np.asarray(inputs, dtype=np.float64)).all():
            raise fail("transition_inputs", "finite values", "NaN or infinity")
        return inputs

    def _row(self, x: Any) -> NDArray[np.float64]:
        row = self._flat([] if x is None and not len(self._coef) else x)
        if row.shape != (len(self._coef),):
            raise fail("x", f"shape ({len(self._coef)},)", f"shape {row.shape}")
        if np.isinf(row).any():
            raise fail("x", "finite values", "infinity")
        return row

    def _flat(self, x: Any) -> NDArray[np.float64]:
        """Return regressors as one row, those of a fit to a pytree in its order."""
        if not isinstance(self._model.coef_, (dict, list, tuple)):
            return numbers("x", x)
        try:
            structure: Any = jax.tree.structure(self._model.coef_)
            leaves = structure.flatten_up_to(x)
        except ValueError as error:
            raise fail("x", "a pytree like the X of the fit", f"another one: {error}") from error
        parts = [np.atleast_1d(numbers("x", leaf)) for leaf in leaves]
        shapes = [(len(leaf),) for leaf in jax.tree.leaves(self._model.coef_)]
        if [part.shape for part in parts] != shapes:
            raise fail("x", f"leaves of shapes {shapes}", f"{[part.shape for part in parts]}")
        return np.concatenate(parts)

    def predict(self, x: Any, *, transition_inputs: ArrayLike | None = None) -> Any:
        """Return the mean response expected at the trial to come with regressors `x`.

        Parameters
        ----------
        x : array_like, shape (n_features,), or a pytree of them
            Regressors of the trial, in the form of the fit's; None for a model without any.
        transition_inputs : array_like, shape (n_inputs,), optional
            Inputs to the transition into the trial, as in the fit.

        Returns
        -------
        float or ndarray
            One number, or one for each output or category; NaN where a regressor is missing.
        """
        ahead = self._ahead(self._inputs(transition_inputs))
        mean = rates_of(self._model, self._row(x)[None])[0] @ ahead
        return float(mean) if np.ndim(mean) == 0 else mean

    def step(
        self,
        x: Any,
        y: ArrayLike | str | Mapping[str, Any],
        *,
        transition_inputs: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """Return the probability of each state after the trial.

        NaN in `x` or `y` says nothing, of a model with ``missing="mask"``; others refuse it.

        Parameters
        ----------
        x : array_like, shape (n_features,), or a pytree of them
            Regressors of the trial, in the form of the fit's; None for a model without any.
        y : float, str, array_like of shape (n_outputs,), or mapping
            Response; a label where the fit had labels; of mixed observations and of a
            diffusion also by name, ``{"choice": 1, "rt": 0.4}``.
        transition_inputs : array_like, shape (n_inputs,), optional
            Inputs to the transition into the trial, as in the fit.

        Raises
        ------
        InputError
            If shapes do not fit, or values are infinite, or missing where the model refuses that.
        """
        row = self._row(x)
        now = self._ahead(self._inputs(transition_inputs))
        values = self._response(y)
        for name, given in (("x", row), ("y", values)):
            if self._model.missing == "raise" and np.isnan(given).any():
                hint = 'a model with missing="mask" takes such a trial as unobserved'
                raise fail(name, "values without NaN", f"NaN; {hint}")
        seen = np.isfinite(values) & np.isfinite(row).all()
        if seen.any():
            density = self._density(row, values, seen)
            with np.errstate(divide="ignore"):
                joint = np.log(now) + density
            if np.isfinite(joint).any():  # else no state can make the response: it says nothing
                now = np.exp(joint - joint.max())
                now = now / now.sum()
        self._before = np.array(now)
        return np.array(now)

    def _response(self, y: ArrayLike | str | Mapping[str, Any]) -> NDArray[np.float64]:
        """Return the response as numbers, (n_columns,)."""
        m = self._model
        if isinstance(y, Mapping):
            if not isinstance(m.observation_model, MixedObservations | WienerObservations):
                raise fail("y", f"the response of {m.observation_model!r}", repr(dict(y)))
            given: Any = {name: np.atleast_1d(plain(value)) for name, value in y.items()}
        else:
            given = np.atleast_1d(np.asarray(plain(y)))
        coded, _ = m.observation_model.encode(given, getattr(m, "classes_", None))
        values = numbers("y", coded)
        values = values[0] if values.ndim == 2 and len(values) == 1 else values
        columns = m.observation_model.n_columns()
        if columns is None:
            columns = 1 if np.ndim(m.intercept_) == 1 else len(m.intercept_)
        if values.shape != (columns,):
            expected = "one value" if columns == 1 else f"shape ({columns},)"
            raise fail("y", expected, f"shape {values.shape}")
        if np.isinf(values).any():
            raise fail("y", "finite values", "infinity")
        return values

    def _density(
        self, row: NDArray[np.float64], values: NDArray[np.float64], seen: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return log p(y | state) without base, (n_states,)."""
        m = self._model
        family = m.observation_model
        single = np.ndim(m.intercept_) == 1 or family.n_columns() == 1
        columns = values if single else values[None]
        family.check(columns, seen if single else seen[None])
        eta = np.tensordot(row, self._coef, axes=1) + m.intercept_
        eta = eta[None] if eta.ndim == 1 else eta
        scale = np.broadcast_to(np.asarray(m.scale_), eta.shape)
        with double_precision():
            log_p = family.log_prob(
                jax.numpy.asarray(values)[:, None],
                jax.numpy.asarray(eta.T[:, :, None]),
                jax.numpy.asarray(scale.T[:, :, None]),
                m.inverse_link_function,
            )
        each = np.asarray(log_p).reshape(m.n_states, -1)
        counts = seen if each.shape[1] == len(seen) else seen.all(keepdims=True)
        return np.asarray(np.where(counts, each, 0.0).sum(axis=1))
