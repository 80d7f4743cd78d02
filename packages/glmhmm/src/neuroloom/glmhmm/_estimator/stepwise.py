"""EM one iteration at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.compile import as_arrays, double_precision
from neuroloom.glmhmm._em.em import Fit
from neuroloom.glmhmm._errors import fail, fail_type
from neuroloom.glmhmm._estimator.centring import around, centred
from neuroloom.glmhmm._estimator.fitting import check_data, configured_start
from neuroloom.glmhmm._estimator.problem import (
    Problem,
    core_of,
    has_zeros,
    outputs_of,
    params_of,
    pose,
)
from neuroloom.glmhmm._estimator.reading import read_data, read_inputs
from neuroloom.glmhmm._estimator.results import EMState, SolverSpec, StepResult, set_fitted
from neuroloom.glmhmm._model.parameters import Parameters, from_core


def empty_state(maxiter: int) -> EMState:
    """Return the state before the first iteration."""
    low = float("-inf")
    empty = np.full(maxiter, np.nan)
    return EMState(low, low, empty, 0, False, low, empty.copy())


def solver_spec(self: Any) -> SolverSpec:
    """Return name and settings of the M-step's solver."""
    kwargs = self.solver_kwargs
    runs = self.__dict__["solver_name"] or (self.solver_name if kwargs else "newton")
    return SolverSpec(
        self.solver_name,
        "optax" if runs in ("LBFGS", "GradientDescent", "NonlinearCG") else "neuroloom",
        float(kwargs.get("tol", 1e-8)),
        int(kwargs.get("maxiter", 500)),
    )


def one_iteration(
    model: Any,
    params: Any,
    state: EMState,
    X: Any,
    y: Any,
    session_starts: Any,
    transition_inputs: Any,
    drive: Any,
) -> tuple[Problem, Parameters, EMState]:
    """Return the problem, and parameters and state after one EM iteration with a full M-step."""
    if not isinstance(state, EMState):
        raise fail_type("opt_state", "what initialize_optimizer_and_state returns", state)
    data = read_data(model, X, y, session_starts)
    inputs = read_inputs(transition_inputs, data)
    check_data(model, data, inputs)
    if inputs is not None and drive is None:
        drive = np.zeros((inputs.shape[1], model.n_states, model.n_states))
    if inputs is not None and len(drive) != inputs.shape[1]:
        expected = f"{len(drive)} inputs, whose weights go on from the fit or update before"
        raise fail("transition_inputs", expected, f"{inputs.shape[1]}")
    core = core_of(model, params, data, drive=None if inputs is None else drive)
    exact = has_zeros(core.initial, core.transition)
    near, shift = centred(data)
    problem = pose(model, near, inputs, exact=exact, full=True)
    with double_precision():
        new, log_likelihood, objective = em.em_step(
            as_arrays(around(core, shift)), problem.trials, problem.prior, model=problem.static
        )
    value, target = float(log_likelihood) + problem.base, float(objective) + problem.base
    done = state.iterations
    history, objectives = state.log_likelihood_history.copy(), state.objective_history.copy()
    if done < len(history):
        history[done], objectives[done] = value, target
    after = EMState(
        value,
        state.data_log_likelihood,
        history,
        done + 1,
        bool(abs(target - state.objective) < model.tol),
        target,
        objectives,
    )
    return replace(problem, data=data), around(new, -shift), after


def state_of(fit: Fit, base: float, maxiter: int) -> EMState:
    """Return how EM went, in the users' terms."""
    n = int(fit.iterations)

    def history(values: Any) -> NDArray[np.float64]:
        out = np.full(maxiter, np.nan)
        kept = np.asarray(values, dtype=np.float64)[: min(n, maxiter)]
        out[: len(kept)] = kept + base
        return out

    likelihoods, objectives = history(fit.log_likelihoods), history(fit.objectives)
    previous = likelihoods[min(n, maxiter) - 2] if n > 1 else float("-inf")
    return EMState(
        float(fit.log_likelihood) + base,
        float(previous),
        likelihoods,
        n,
        bool(fit.converged),
        float(fit.objective) + base,
        objectives,
    )


def initialize_params(
    self: Any, X: Any = None, y: Any = None, session_starts: Any = None
) -> tuple[Any, ...]:
    """Return the start ``(coef, intercept, scale, initial_prob, transition_prob)``.

    Parameters
    ----------
    X, y, session_starts
        As in `fit`.
    """
    data = read_data(self, X, y, session_starts)
    check_data(self, data)
    near, shift = centred(data)
    with double_precision():
        start = configured_start(self, near)
        if not shift.any():
            return start
        core = around(core_of(self, start, near), -shift)
        coef, *rest = from_core(core, outputs_of(self.observation_model, data.y) == ())
        return (data.design.unflatten(coef), *rest)


def initialize_optimizer_and_state(
    self: Any, init_params: Any, X: Any = None, y: Any = None
) -> EMState:
    """Return the state before the first `update`.

    Parameters
    ----------
    init_params : tuple
        From `initialize_params`, or of one's own.
    X, y
        As in `fit`.
    """
    data = read_data(self, X, y, None)
    check_data(self, data)
    core_of(self, init_params, data)
    return empty_state(self.maxiter)


def optimizer_init_state(self: Any) -> Any:
    """Return the function ``(params, X, y)`` that returns the state before the first iteration."""

    def init_state(params: Any, X: Any, y: Any) -> EMState:
        return empty_state(self.maxiter)

    return init_state


def optimizer_run(self: Any) -> Any:
    """Return the function ``(params, X, y)`` that runs EM and returns ``(params, state)``."""

    def run(params: Any, X: Any, y: Any, session_starts: Any = None) -> tuple[Any, EMState]:
        self.fit(X, y, init_params=params, session_starts=session_starts)
        return params_of(self), self.solver_state_

    return run


def optimizer_update(self: Any) -> Any:
    """Return the function ``(params, state, X, y)`` that returns both one EM iteration on."""
    return self.update


def update(
    self: Any,
    params: Any,
    opt_state: EMState,
    X: Any = None,
    y: Any = None,
    *,
    session_starts: Any = None,
    transition_inputs: Any = None,
    n_samples: int | None = None,
) -> StepResult:
    """Return parameters and state after one EM iteration with a full M-step; both are kept.

    Parameters
    ----------
    params : tuple
        ``(coef, intercept, scale, initial_prob, transition_prob)``.
    opt_state : EMState
        From `initialize_optimizer_and_state` or the last `update`.
    X, y, session_starts, transition_inputs
        As in `fit`; weights of the inputs go on from the last `update`.
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
    problem, new, after = one_iteration(
        self,
        params,
        opt_state,
        X,
        y,
        session_starts,
        transition_inputs,
        getattr(self, "transition_coef_", None),
    )
    set_fitted(self, new, problem.data)
    self.solver_state_ = after
    if n_samples is not None:
        self.dof_resid_ += n_samples - problem.data.n_observed
    return StepResult(params_of(self), self.solver_state_)
