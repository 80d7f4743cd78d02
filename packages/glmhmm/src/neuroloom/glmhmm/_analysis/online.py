"""State probabilities trial by trial, as the experiment runs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.glmhmm._em.shapes import double_precision
from neuroloom.glmhmm._errors import fail


class OnlineFilter:
    """Follows the chain of a fitted model one trial at a time.

    Parameters
    ----------
    model : GLMHMM
        Fitted, one output, constant transitions.

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
        if np.ndim(model.intercept_) != 1 or hasattr(model, "transition_coef_"):
            raise fail("model", "one output and constant transitions", "another model")
        self._model = model
        self._coef = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(model.coef_)])
        self.reset()

    def reset(self) -> None:
        """Begin a new session."""
        self._next: NDArray[np.float64] = np.array(self._model.initial_prob_)

    @property
    def predicted(self) -> NDArray[np.float64]:
        """Probability of each state on the trial to come."""
        return self._next.copy()

    def predict(self, x: ArrayLike) -> float:
        """Return the mean response expected at the trial to come with regressors `x`."""
        eta = np.asarray(x, dtype=np.float64) @ self._coef + self._model.intercept_
        with double_precision():
            rates = np.asarray(self._model.inverse_link_function(jax.numpy.asarray(eta)))
        return float(self._next @ rates)

    def step(self, x: ArrayLike, y: float) -> NDArray[np.float64]:
        """Return the probability of each state after the trial; NaN says nothing."""
        m = self._model
        row = np.asarray(x, dtype=np.float64)
        if row.shape != (len(self._coef),):
            raise fail("x", f"shape ({len(self._coef)},)", f"shape {row.shape}")
        now = self._next
        if np.isfinite(y):
            value = np.array([float(y)])
            m.observation_model.check(value, np.array([True]))
            eta = (row @ self._coef + m.intercept_)[:, None, None]
            with double_precision():
                log_p = m.observation_model.log_prob(
                    jax.numpy.asarray(value)[None],
                    jax.numpy.asarray(eta),
                    jax.numpy.asarray(m.scale_)[:, None, None],
                    m.inverse_link_function,
                )
            density = np.asarray(log_p)[:, 0, 0]
            now = now * np.exp(density - density.max())
            now = now / now.sum()
        self._next = now @ m.transition_prob_
        return np.array(now)
