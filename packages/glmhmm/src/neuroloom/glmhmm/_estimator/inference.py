"""What a fitted model says about data, and data it makes."""

from __future__ import annotations

from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.compile import program
from neuroloom.glmhmm._em.markov_paths import draw_states
from neuroloom.glmhmm._em.mstep import Model
from neuroloom.glmhmm._em.packing import Layout, Trials
from neuroloom.glmhmm._em.recursions import viterbi
from neuroloom.glmhmm._em.shapes import (
    as_arrays,
    double_precision,
)
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._estimator.prepared import Prepared
from neuroloom.glmhmm._input.trials import Data, read, read_design, restore
from neuroloom.glmhmm._model import settings


class Inference(Prepared):
    """An estimator that scores, smooths, filters, decodes, predicts and simulates."""

    def _evaluate(
        self, X: Any, y: Any, session_starts: Any, transition_inputs: Any = None, params: Any = None
    ) -> tuple[Data, Layout, tuple[Any, ...], Trials, Model, em.Parameters]:
        if params is None:
            params = self._params
        data = self._read(X, y, session_starts)
        if data.x.shape[1] != self._n_features(params):
            raise fail(
                "X",
                f"{self._n_features(params)} features as in the fit",
                f"X has {data.x.shape[1]} features, but GLMHMM is expecting "
                f"{self._n_features(params)} features as input",
            )
        self.observation_model.check(data.y, data.observed)
        inputs = self._driving(transition_inputs, data)
        core = self._to_core(params, data)
        if inputs is not None:
            core = core._replace(drive=self.transition_coef_.transpose(1, 2, 0))
        with double_precision():
            layout, trials, model = self._pack(data, inputs)
            core = as_arrays(core)
            found = em.posterior(core, trials, model=model)
        return data, layout, found, trials, model, core

    def _driving(self, transition_inputs: Any, data: Data) -> NDArray[np.float64] | None:
        driven = hasattr(self, "transition_coef_")
        if driven and transition_inputs is None:
            raise fail("transition_inputs", "the inputs of the transitions, as in the fit", "None")
        if not driven and transition_inputs is not None:
            raise fail("transition_inputs", "None: the model was fitted without", "an array")
        return self._inputs(transition_inputs, data)

    @staticmethod
    def _n_features(params: Any) -> int:
        return sum(np.shape(leaf)[0] for leaf in jax.tree.leaves(params[0]))

    def score(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> float:
        """Return the log-likelihood of the data, natural logarithm, summed over trials.

        Parameters are those of `fit`.
        """
        data, layout, found, *_ = self._evaluate(X, y, session_starts, transition_inputs)
        with double_precision():
            return float(np.sum(layout.take(np.ravel(found[2])))) + self._base(data)

    def log_likelihood_per_trial(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> Any:
        """Return log p(y_t | earlier trials of the session), (n_trials,), 0 for masked trials."""
        data, layout, found, *_ = self._evaluate(X, y, session_starts, transition_inputs)
        values = layout.take(np.ravel(found[2]))
        with double_precision():
            base = np.asarray(self.observation_model.base(jax.numpy.asarray(data.y)))
        base = base if base.ndim == 1 else base.sum(axis=1)
        return restore(values + np.where(data.observed, base, 0.0), data)

    def smooth_proba(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> Any:
        """Return the probability of each state given the whole session, (n_trials, n_states).

        Parameters are those of `fit`; with pynapple inputs a TsdFrame with columns ``state_0``, …
        comes back. Rows dropped at the borders of a session are NaN.

        Examples
        --------
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(123)
        >>> X = rng.normal(size=(100, 5))
        >>> y = rng.poisson(2, size=100)
        >>> model = nmo.GLMHMM(n_states=3, observation_model="Poisson").fit(X, y)
        >>> posteriors = model.smooth_proba(X, y)
        >>> posteriors.shape
        (100, 3)
        >>> bool(np.allclose(posteriors.sum(axis=1), 1.0))
        True
        """
        data, layout, found, *_ = self._evaluate(X, y, session_starts, transition_inputs)
        return self._by_state(found[0], layout, data)

    def filter_proba(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> Any:
        """Return the probability of each state given the session so far, (n_trials, n_states).

        Parameters are those of `fit`; the trial's own response counts.

        Examples
        --------
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(123)
        >>> X = rng.normal(size=(100, 5))
        >>> y = rng.poisson(2, size=100)
        >>> model = nmo.GLMHMM(n_states=3, observation_model="Poisson").fit(X, y)
        >>> bool(np.allclose(model.filter_proba(X, y).sum(axis=1), 1.0))
        True
        """
        data, layout, found, *_ = self._evaluate(X, y, session_starts, transition_inputs)
        return self._by_state(found[1], layout, data)

    def _by_state(self, packed: Any, layout: Layout, data: Data) -> Any:
        values = layout.take(np.moveaxis(np.asarray(packed), 1, 0).reshape(self.n_states, -1))
        return restore(values, data, [f"state_{k}" for k in range(self.n_states)])

    def decode_state(
        self,
        X: Any,
        y: Any,
        session_starts: Any = None,
        state_format: Literal["one-hot", "index"] = "one-hot",
        *,
        transition_inputs: Any = None,
    ) -> Any:
        """Return the most likely path of states (Viterbi), session by session.

        Parameters
        ----------
        X, y, session_starts
            As in `fit`.
        state_format : {"one-hot", "index"}
            Shape (n_trials, n_states) with one 1 per row, or (n_trials,) with state numbers.
        transition_inputs : array_like, optional
            As in `fit`.

        Raises
        ------
        InputError
            If `state_format` is neither (a ValueError).

        Examples
        --------
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(123)
        >>> X = rng.normal(size=(100, 5))
        >>> y = rng.poisson(2, size=100)
        >>> model = nmo.GLMHMM(n_states=3, observation_model="Poisson").fit(X, y)
        >>> model.decode_state(X, y, state_format="index").shape
        (100,)
        >>> bool(np.all(model.decode_state(X, y).sum(axis=1) == 1))
        True
        """
        _check_format(state_format)
        data, layout, _, trials, model, core = self._evaluate(
            X, y, session_starts, transition_inputs
        )
        with double_precision():
            density = em.log_density(core, trials, model)
            log_p = layout.take(np.moveaxis(np.asarray(density), 1, 0).reshape(self.n_states, -1))
            transition = core.transition
            if model.driven:
                every = np.asarray(em.transition_of(core, trials, model))
                every = np.moveaxis(every, 0, 2).reshape(self.n_states, self.n_states, -1)
                transition = layout.take(every)
            path = np.asarray(program(viterbi)(log_p, data.starts, core.initial, transition))
        if state_format == "index":
            return restore(path.astype(np.int64), data)
        one_hot = np.eye(self.n_states, dtype=np.int64)[path]
        return restore(one_hot, data, [f"state_{k}" for k in range(self.n_states)])

    def predict_proba(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> Any:
        """Return the probability of each state given only earlier trials, (n_trials, n_states)."""
        data, layout, found, trials, model, core = self._evaluate(
            X, y, session_starts, transition_inputs
        )
        filtered = layout.take(np.moveaxis(np.asarray(found[1]), 1, 0).reshape(self.n_states, -1))
        ahead = np.tile(np.asarray(core.initial), (len(filtered), 1))
        rest = ~data.starts
        before = filtered[np.flatnonzero(rest) - 1]
        if model.driven:
            with double_precision():
                every = np.asarray(em.transition_of(core, trials, model))
            every = np.moveaxis(every, 0, 2).reshape(self.n_states, self.n_states, -1)
            ahead[rest] = np.einsum("ti,tij->tj", before, layout.take(every)[rest])
        else:
            ahead[rest] = before @ np.asarray(core.transition)
        return restore(ahead, data, [f"state_{k}" for k in range(self.n_states)])

    def predict(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> Any:
        """Return the mean response expected at each trial before it is seen (one step ahead).

        Bernoulli: the probability of 1. Categorical: the probability of each category.
        """
        states = np.asarray(
            self.predict_proba(X, y, session_starts, transition_inputs=transition_inputs)
        )
        rates = self.state_rates(X)
        weights = states.reshape(states.shape[0], *([1] * (rates.ndim - 2)), states.shape[1])
        return np.sum(rates * weights, axis=-1)

    def state_rates(self, X: Any) -> NDArray[np.float64]:
        """Return the mean response in each state, (n_trials, [n_outputs,] n_states)."""
        self._check_fitted()
        x = read_design(X).matrix
        coef = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(self.coef_)])
        if x.shape[1] != len(coef):
            raise fail("X", f"{len(coef)} features as in the fit", x.shape[1])
        eta = np.tensordot(x, coef, axes=1) + self.intercept_
        with double_precision():
            mean = np.array(self.inverse_link_function(jax.numpy.asarray(eta)))
        if self.observation_model.couples:
            every = np.concatenate([np.zeros_like(mean[:, :1]), mean], axis=1)
            every = np.exp(every - every.max(axis=1, keepdims=True))
            return every / every.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
        return mean

    def simulate(
        self,
        random_key: Any,
        feedforward_input: Any,
        state_format: Literal["one-hot", "index"] = "index",
        session_starts: Any = None,
        *,
        transition_inputs: Any = None,
    ) -> tuple[Any, Any, Any]:
        """Return simulated responses, their means and the hidden states.

        Parameters
        ----------
        random_key : int, Seed or JAX key
            Same key, same draw.
        feedforward_input : array_like, shape (n_trials, n_features), or a pytree of them
            Regressors.
        state_format : {"index", "one-hot"}
            How states are returned.
        session_starts : array_like or pynapple.IntervalSet, optional
            As in `fit`.
        transition_inputs : array_like, optional
            As in `fit`.

        Returns
        -------
        y : ndarray, shape (n_trials,) or (n_trials, n_outputs)
        rates : ndarray
            Mean response given the state, or the categories' probabilities.
        states : ndarray

        Examples
        --------
        >>> import jax
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(123)
        >>> X = rng.normal(size=(100, 3))
        >>> y = rng.binomial(1, 0.5, 100)
        >>> model = nmo.GLMHMM(n_states=2).fit(X, y)
        >>> activity, rates, states = model.simulate(jax.random.key(0), X[:50])
        >>> activity.shape, states.shape
        ((50,), (50,))
        """
        _check_format(state_format)
        self._check_fitted()
        rng = settings.generator(random_key)
        design = read_design(feedforward_input)
        n_outputs = np.shape(self.intercept_)[0] if np.ndim(self.intercept_) == 2 else 1
        shape = (len(design.matrix), n_outputs)
        dummy = (
            np.zeros(shape[0])
            if np.ndim(self.intercept_) == 1 or self.observation_model.couples
            else np.zeros(shape)
        )
        data = read(feedforward_input, dummy, session_starts, "raise")
        inputs = self._driving(transition_inputs, data)
        drive = None if inputs is None else self.transition_coef_
        path = draw_states(
            rng, data.starts, self.initial_prob_, self.transition_prob_, drive, inputs
        )
        rows = np.arange(data.n_trials)
        rates = self.state_rates(data.x if design.structure is None else _as_tree(design, data.x))
        mean = rates[rows, ..., path]
        scale = self.scale_[..., path] if np.ndim(self.scale_) == 1 else self.scale_.T[path]
        y = self.observation_model.sample(rng, mean, scale)
        states = path if state_format == "index" else np.eye(self.n_states, dtype=np.int64)[path]
        return restore(y, data), restore(mean, data), restore(states, data)


def _as_tree(design: Any, rows: NDArray[np.float64]) -> Any:
    return jax.tree.map(lambda a: a.T, design.unflatten(rows.T))


def _check_format(state_format: Any) -> None:
    if state_format not in ("one-hot", "index"):
        raise fail("state_format", '"one-hot" or "index"', repr(state_format))
