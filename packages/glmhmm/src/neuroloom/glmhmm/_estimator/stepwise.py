"""EM one iteration at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.compile import as_arrays, double_precision
from neuroloom.glmhmm._em.em import Fit
from neuroloom.glmhmm._estimator.fitting import check_data
from neuroloom.glmhmm._estimator.problem import (
    Problem,
    core_of,
    has_zeros,
    pose,
    read_data,
    read_inputs,
)
from neuroloom.glmhmm._estimator.results import EMState, SolverSpec
from neuroloom.glmhmm._model.parameters import Parameters


def empty_state(maxiter: int) -> EMState:
    """Return the state before the first iteration."""
    low = float("-inf")
    empty = np.full(maxiter, np.nan)
    return EMState(low, low, empty, 0, False, low, empty.copy())


def solver_spec(model: Any) -> SolverSpec:
    """Return name and settings of the M-step's solver."""
    named = model.__dict__["solver_name"]
    kwargs = model.solver_kwargs
    return SolverSpec(
        model.solver_name,
        "optax" if named in ("LBFGS", "GradientDescent", "NonlinearCG") else "neuroloom",
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
    data = read_data(model, X, y, session_starts)
    check_data(model, data)
    inputs = read_inputs(transition_inputs, data)
    if inputs is not None and drive is None:
        drive = np.zeros((inputs.shape[1], model.n_states, model.n_states))
    core = core_of(model, params, data, drive=None if inputs is None else drive)
    exact = has_zeros(core.initial, core.transition)
    problem = pose(model, data, inputs, exact=exact, full=True)
    with double_precision():
        new, log_likelihood, objective = em.em_step(
            as_arrays(core), problem.trials, problem.prior, model=problem.static
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
    return problem, new, after


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
