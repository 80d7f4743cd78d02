"""EM iteration by iteration, in the caller's hands."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.shapes import (
    as_arrays,
    double_precision,
)
from neuroloom.glmhmm._estimator.inference import Inference
from neuroloom.glmhmm._estimator.results import EMState, SolverSpec, StepResult


class Stepping(Inference):
    """An estimator whose EM can be stepped."""

    def initialize_params(self, X: Any, y: Any, session_starts: Any = None) -> tuple[Any, ...]:
        """Return the start ``(coef, intercept, scale, initial_prob, transition_prob)``."""
        data = self._read(X, y, session_starts)
        self._check_data(data)
        with double_precision():
            return self._initialize(data)

    def initialize_optimizer_and_state(self, init_params: Any, X: Any, y: Any) -> EMState:
        """Return the state before the first `update`."""
        data = self._read(X, y, None)
        self._check_data(data)
        self._to_core(init_params, data)
        state: EMState = self.optimizer_init_state(init_params, X, y)
        return state

    @property
    def optimizer_init_state(self) -> Any:
        """Function ``(params, X, y)`` that returns the state before the first iteration."""

        def init_state(params: Any, X: Any, y: Any) -> EMState:
            empty = np.full(self.maxiter, np.nan)
            low = float("-inf")
            return EMState(low, low, empty, 0, False, low, empty.copy())

        return init_state

    @property
    def optimizer_run(self) -> Any:
        """Function ``(params, X, y)`` that runs EM and returns ``(params, state)``."""

        def run(params: Any, X: Any, y: Any, session_starts: Any = None) -> tuple[Any, EMState]:
            self.fit(X, y, init_params=params, session_starts=session_starts)
            return self._params, self.solver_state_

        return run

    @property
    def optimizer_update(self) -> Any:
        """Function ``(params, state, X, y)`` that returns both one EM iteration on."""
        return self.update

    @property
    def solver_spec(self) -> SolverSpec:
        """Name and settings of the M-step's solver."""
        named = self.__dict__["solver_name"]
        kwargs = self.solver_kwargs
        return SolverSpec(
            self.solver_name,
            "optax" if named in ("LBFGS", "GradientDescent", "NonlinearCG") else "neuroloom",
            float(kwargs.get("tol", 1e-8)),
            int(kwargs.get("maxiter", 500)),
        )

    def update(
        self,
        params: Any,
        opt_state: EMState,
        X: Any,
        y: Any,
        *args: Any,
        session_starts: Any = None,
        n_samples: int | None = None,
        **kwargs: Any,
    ) -> StepResult:
        """Return parameters and state after one EM iteration with a full M-step; both are kept.

        Parameters
        ----------
        params : tuple
            ``(coef, intercept, scale, initial_prob, transition_prob)``.
        opt_state : EMState
            From `initialize_optimizer_and_state` or the last `update`.
        X, y, session_starts
            As in `fit`.
        n_samples : int, optional
            Number of trials for `dof_resid_`, if not those of `X`.

        Examples
        --------
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.normal(size=(80, 3)), rng.binomial(1, 0.5, 80)
        >>> model = nmo.GLMHMM(n_states=2)
        >>> params = model.initialize_params(X, y)
        >>> state = model.initialize_optimizer_and_state(params, X, y)
        >>> for _ in range(3):
        ...     params, state = model.update(params, state, X, y)
        >>> state.iterations
        3
        """
        data = self._read(X, y, session_starts)
        self._check_data(data)
        core = self._to_core(params, data)
        with double_precision():
            _, trials, model = self._pack(data, None, full=True)
            new, log_likelihood, objective = em.em_step(
                as_arrays(core), trials, self._prior(data), model=model
            )
            base = self._base(data)
            self._set_fitted(new, data)
        value, target = float(log_likelihood) + base, float(objective) + base
        done = opt_state.iterations
        history, objectives = (
            opt_state.log_likelihood_history.copy(),
            opt_state.objective_history.copy(),
        )
        if done < len(history):
            history[done], objectives[done] = value, target
        self.solver_state_ = EMState(
            value,
            opt_state.data_log_likelihood,
            history,
            done + 1,
            bool(abs(target - opt_state.objective) < self.tol),
            target,
            objectives,
        )
        if n_samples is not None:
            self.dof_resid_ += n_samples - data.n_trials
        return StepResult(self._params, self.solver_state_)

    def compute_loss(self, params: Any, X: Any, y: Any, session_starts: Any = None) -> float:
        """Return minus the log-likelihood at `params`, without penalty."""
        data, layout, found, *_ = self._evaluate(X, y, session_starts, params=params)
        with double_precision():
            return -(float(np.sum(layout.take(np.ravel(found[2])))) + self._base(data))
