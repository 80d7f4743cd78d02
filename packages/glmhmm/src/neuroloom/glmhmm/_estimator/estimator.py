"""The GLM-HMM estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from neuroloom.glmhmm._estimator import fitting, inference, simulation, starting, stepwise
from neuroloom.glmhmm._estimator.files import save_model
from neuroloom.glmhmm._estimator.fitting import check_data
from neuroloom.glmhmm._estimator.options import Option
from neuroloom.glmhmm._estimator.problem import FITTED
from neuroloom.glmhmm._estimator.reading import read_data, read_inputs
from neuroloom.glmhmm._estimator.results import EMState, set_fitted
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.registry import family
from neuroloom.glmhmm._model import settings
from neuroloom.glmhmm._model.regularizers import DEFAULT_STRENGTH, Regularizer, as_regularizer
from neuroloom.glmhmm._start.initializers import HMM_SLOTS, MODEL_SLOTS, resolve

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Tags


Family: TypeAlias = Literal[
    "Bernoulli",
    "Poisson",
    "Gamma",
    "NegativeBinomial",
    "Gaussian",
    "LogNormal",
    "InverseGaussian",
    "Wiener",
]
Penalty: TypeAlias = Literal["UnRegularized", "Ridge", "Lasso", "ElasticNet", "GroupLasso"]
Solver: TypeAlias = Literal["GradientDescent", "BFGS", "LBFGS", "NonlinearCG", "ProximalGradient"]


class GLMHMM(BaseEstimator):  # type: ignore[misc]
    """A generalised linear model in each state of a hidden Markov chain, fitted by EM.

    At each trial the chain is in one of `n_states` states; the state's weights turn the regressors
    into the mean of the response. Fits are float64 whatever JAX is set to.

    Parameters
    ----------
    n_states : int
        Number of hidden states.
    observation_model : str, Observations or dict
        ``"Bernoulli"``, ``"Poisson"``, ``"NegativeBinomial"``, ``"Gaussian"``, ``"LogNormal"``,
        ``"Gamma"``, ``"InverseGaussian"``, ``"Wiener"``, an object of
        `neuroloom.glmhmm.observation_models`, or a dictionary of them by output.
    inverse_link_function : callable or str, optional
        From linear predictor to mean, traceable by JAX. By default the logistic function
        (Bernoulli), exp (Poisson, NegativeBinomial, InverseGaussian), 1/x (Gamma), the identity
        (Gaussian, LogNormal). By name: ``"sigmoid"``, ``"norm_cdf"``, ``"exp"``, ``"softplus"``,
        ``"identity"``, ``"one_over_x"``.
    regularizer : str or Regularizer
        ``"UnRegularized"``, ``"Ridge"``, ``"Lasso"``, ``"ElasticNet"`` or ``"GroupLasso"``, on the
        coefficients; intercepts only with `penalize_intercept`, scales never.
    regularizer_strength : float or pytree
        Strength λ; for ElasticNet also ``(strength, ratio)``. A ridge of strength λ is a Gaussian
        prior of variance 1/λ. ``"UnRegularized"`` has none.
    dirichlet_initial_proba : array_like, shape (n_states,), optional
        α of the Dirichlet prior over the initial probabilities. Below 1 it favours zeros; it is
        then read as (α − 1) log(p + 0.001), which has a mode.
    dirichlet_transition_proba : array_like, shape (n_states, n_states), optional
        α of the Dirichlet priors over the rows of the transition matrix, likewise.
    solver_name : str, optional
        ``"GradientDescent"``, ``"BFGS"``, ``"LBFGS"``, ``"NonlinearCG"`` or ``"ProximalGradient"``
        run the M-step to the solver's tolerance. By default Newton steps do, proximal ones where
        the penalty has a kink.
    solver_kwargs : dict, optional
        ``tol`` and ``maxiter`` (or ``maxsteps``) of the solver; without a name, of the one that
        `solver_name` then reports, which runs in place of Newton steps.
    maxiter : int
        Largest number of EM iterations.
    tol : float
        EM stops when the penalised log-likelihood, which it climbs, changes by less.
    seed : int, Seed or JAX key
        For the starts; the default means ``jax.random.PRNGKey(123)``.
    hmm_initialization_funcs, model_initialization_funcs : dict, optional
        How fits start; see `setup`.
    n_init : int or "auto"
        Number of starts, all in one compiled program; the best one by penalised log-likelihood is
        kept. The first is the configured start, the others scatter around the one-state fit.
        ``"auto"`` is the default multi-start.
    missing : {"raise", "mask"}
        What NaN inside of a session means: an error, or a trial that says nothing while the states
        go on (violation trials).
    reinit_dead : bool
        Start EM once more, with states that explain no trials placed elsewhere.
    transition_regularizer_strength : float
        Strength of a ridge on `transition_coef_`, the weights of inputs to the transitions; none
        by default.
    penalize_intercept : bool
        Put the ridge on the intercepts as well, as the published two-stage protocol does.
    scale_floor : float
        Smallest scale, as a fraction of the family's unit: the response's variance (Gaussian),
        that of its logarithm (LogNormal), 1/mean (InverseGaussian), 1 (others).
    scale_prior : float
        Number of pseudo-trials, of a scale of that unit, that an inverse-gamma prior adds to each
        state; 0 is no prior. One keeps states from collapsing on a few trials.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features, n_states), or a pytree of them
        Weights. With responses (n_trials, n_outputs) the shape is (n_features, n_outputs,
        n_states).
    intercept_ : ndarray, shape (n_states,)
        Intercepts.
    scale_ : ndarray, shape (n_states,)
        Gaussian: variance. Gamma: 1/shape. NegativeBinomial: variance = μ + scale·μ². Others: ones.
    initial_prob_ : ndarray, shape (n_states,)
        Probability of each state at a session's first trial.
    transition_prob_ : ndarray, shape (n_states, n_states)
        Entry [i, j] is the probability of going from i to j.
    solver_state_ : EMState
        Log-likelihoods and objectives of the iterations.
    transition_coef_ : ndarray, shape (n_inputs, n_states, n_states)
        Weights of the inputs on the transitions, 0 for staying; only if inputs were given.
    dof_resid_ : float
        Observed trials less free parameters.
    classes_ : ndarray
        Labels of the categories, where responses were text.
    n_features_in_ : int
        Number of regressors.
    feature_names_in_ : ndarray of str
        Names of the regressors, if they came as a data frame.
    restarts_ : pandas.DataFrame
        Objective, log-likelihood and iterations of every start.

    Raises
    ------
    InputTypeError
        If `n_states` is not a positive integer (also a ValueError), or an argument has a wrong
        type.
    InputError
        If an argument has a value that does not fit (a ValueError).
    UnknownNameError
        If a dictionary of initialization functions has an unknown key (a KeyError).

    Examples
    --------
    >>> import jax
    >>> import numpy as np
    >>> import neuroloom.glmhmm as nmo
    >>> rng = np.random.default_rng(123)
    >>> X = rng.normal(size=(200, 4))
    >>> y = rng.binomial(n=1, p=0.5, size=200)
    >>> model = nmo.glm_hmm.GLMHMM(n_states=2).fit(X, y)
    >>> model.coef_.shape
    (4, 2)
    >>> model.transition_prob_.shape
    (2, 2)
    >>> model.initial_prob_.shape
    (2,)

    Other distributions, links and penalties:

    >>> nmo.GLMHMM(n_states=2, observation_model="Poisson").observation_model
    PoissonObservations()
    >>> model = nmo.GLMHMM(n_states=2, inverse_link_function=jax.nn.softplus)
    >>> model.inverse_link_function.__name__
    'softplus'
    >>> model = nmo.GLMHMM(n_states=2, regularizer_strength=0.1).fit(X, y)
    >>> model.regularizer, float(model.regularizer_strength)
    (Ridge(), 0.1)

    Sessions, as a mask or as indices:

    >>> is_new_mask = np.zeros(200, dtype=bool)
    >>> is_new_mask[[0, 100]] = True
    >>> model = nmo.GLMHMM(n_states=2).fit(X, y, session_starts=is_new_mask)
    >>> model.decode_state(X, y, session_starts=np.array([0, 100])).shape
    (200, 2)
    """

    n_states = Option(lambda m, v: settings.states(v), "Number of hidden states.")
    observation_model = Option(
        lambda m, v: family(v), "The distribution of the observations, always an object."
    )
    inverse_link_function = Option(
        lambda m, v: settings.inverse_link(v, m.observation_model),
        "The function from linear predictor to mean, always a callable.",
    )
    regularizer = Option(
        lambda m, v: as_regularizer(v), "The penalty on the coefficients, always an object."
    )
    regularizer_strength = Option(
        lambda m, v: m.regularizer.strength(v),
        "Strength of the penalty; None where there is no penalty.",
    )
    solver_name = Option(
        lambda m, v: settings.solver(v, m.regularizer) or m.regularizer.default_solver,
        "Name of the M-step's solver; the regularizer's default if none was chosen.",
    )
    solver_kwargs = Option(
        lambda m, v: settings.solver_settings(v),
        "Settings of a named solver: ``tol`` and ``maxiter``.",
    )
    maxiter = Option(lambda m, v: settings.iterations(v), "Largest number of EM iterations.")
    tol = Option(
        lambda m, v: settings.tolerance(v),
        "EM stops when the penalised log-likelihood changes by less.",
    )
    seed = Option(lambda m, v: settings.random_key(v), "Random seed as a JAX key.")
    dirichlet_initial_proba = Option(
        lambda m, v: settings.dirichlet("dirichlet_initial_proba", v, (m.n_states,)),
        "α of the Dirichlet prior over the initial probabilities; None is flat.",
    )
    dirichlet_transition_proba = Option(
        lambda m, v: settings.dirichlet("dirichlet_transition_proba", v, (m.n_states,) * 2),
        "α of the Dirichlet prior over the rows of the transition matrix; None is flat.",
    )
    hmm_initialization_funcs = Option(
        lambda m, v: resolve(v, HMM_SLOTS), "How initial and transition probabilities are started."
    )
    model_initialization_funcs = Option(
        lambda m, v: resolve(v, MODEL_SLOTS), "How weights and scales are started."
    )
    n_init = Option(
        lambda m, v: settings.n_starts(v),
        'Number of starts, or ``"auto"`` for the default multi-start.',
    )
    missing = Option(
        lambda m, v: settings.missing(v),
        'What NaN inside of a session means: ``"raise"`` or ``"mask"``.',
    )
    reinit_dead = Option(
        lambda m, v: settings.flag("reinit_dead", v), "Whether dead states are placed elsewhere."
    )
    transition_regularizer_strength = Option(
        lambda m, v: settings.at_least_zero("transition_regularizer_strength", v),
        "Strength of the ridge on `transition_coef_`.",
    )
    penalize_intercept = Option(
        lambda m, v: settings.flag("penalize_intercept", v), "Whether the ridge is on intercepts."
    )
    scale_floor = Option(
        lambda m, v: settings.at_least_zero("scale_floor", v, positive=True),
        "Smallest scale, as a fraction of the response's own.",
    )
    scale_prior = Option(
        lambda m, v: settings.at_least_zero("scale_prior", v),
        "Number of pseudo-trials of the prior on scales.",
    )

    coef_: Any
    intercept_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    initial_prob_: NDArray[np.float64]
    transition_prob_: NDArray[np.float64]
    transition_coef_: NDArray[np.float64]
    solver_state_: EMState
    dof_resid_: float
    classes_: NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    restarts_: pd.DataFrame

    def __init__(
        self,
        n_states: int,
        observation_model: Family | Observations | Mapping[str, Any] = "Bernoulli",
        inverse_link_function: Callable[[Any], Any] | str | None = None,
        regularizer: Penalty | Regularizer = "Ridge",
        regularizer_strength: Any = DEFAULT_STRENGTH,
        dirichlet_initial_proba: ArrayLike | None = None,
        dirichlet_transition_proba: ArrayLike | None = None,
        solver_name: Solver | None = None,
        solver_kwargs: dict[str, Any] | None = None,
        maxiter: int = 1000,
        tol: float = 1e-8,
        seed: Any = 123,
        hmm_initialization_funcs: dict[str, Any] | None = None,
        model_initialization_funcs: dict[str, Any] | None = None,
        *,
        n_init: int | Literal["auto"] = 1,
        missing: Literal["raise", "mask"] = "raise",
        reinit_dead: bool = False,
        transition_regularizer_strength: float = 0.0,
        penalize_intercept: bool = False,
        scale_floor: float = 1e-6,
        scale_prior: float = 0.0,
    ) -> None:
        self.n_states = n_states
        self.observation_model = observation_model
        self.inverse_link_function = inverse_link_function
        self.regularizer = regularizer
        self.regularizer_strength = regularizer_strength
        self.dirichlet_initial_proba = dirichlet_initial_proba
        self.dirichlet_transition_proba = dirichlet_transition_proba
        self.solver_name = solver_name
        self.solver_kwargs = solver_kwargs
        self.maxiter = maxiter
        self.tol = tol
        self.seed = seed
        self.hmm_initialization_funcs = hmm_initialization_funcs
        self.model_initialization_funcs = model_initialization_funcs
        self.n_init = n_init
        self.missing = missing
        self.reinit_dead = reinit_dead
        self.transition_regularizer_strength = transition_regularizer_strength
        self.penalize_intercept = penalize_intercept
        self.scale_floor = scale_floor
        self.scale_prior = scale_prior

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters as they were given.

        Parameters
        ----------
        deep : bool
            Has no effect: no parameter is an estimator.
        """
        return {name: self.__dict__.get(name) for name in self._get_param_names()}

    def set_params(self, **params: Any) -> GLMHMM:
        """Set parameters by name; the strength of a penalty goes with it if there is none any more.

        Parameters
        ----------
        **params
            Parameters of the constructor.

        Raises
        ------
        ValueError
            If a name does not exist.
        """
        # The regularizer decides which strengths and solvers are valid, so it comes first.
        first = ("observation_model", "n_states", "regularizer")
        ordered = sorted(params, key=lambda name: (name not in first, name))
        for name in ordered:
            super().set_params(**{name: params[name]})
            if name == "regularizer" and not self.regularizer.penalizes:
                self.regularizer_strength = DEFAULT_STRENGTH
        return self

    setup = starting.setup

    def fit(
        self,
        X: Any = None,
        y: Any = None,
        init_params: Any = None,
        session_starts: Any = None,
        *,
        transition_inputs: Any = None,
        resume: str | Path | None = None,
        progress: bool = False,
    ) -> GLMHMM:
        """Return the model, fitted by expectation–maximisation.

        Parameters
        ----------
        X : array_like, shape (n_trials, n_features), or a pytree of them
            Regressors; data frames and pynapple objects too.
        y : array_like, shape (n_trials,) or (n_trials, n_outputs)
            Responses; outputs are independent given the state.
        init_params : tuple, optional
            ``(coef, intercept, scale, initial_prob, transition_prob)`` to start from, in place of
            the configured starts. Zero probabilities stay zero.
        session_starts : array_like or pynapple.IntervalSet, optional
            Where the chain starts afresh: a mask (n_trials,), or indices. An integer array of
            length n_trials that holds only 0 and 1 is a mask. If not given, the epochs of a
            pynapple input, else one session.
        transition_inputs : array_like, shape (n_trials, n_inputs), optional
            Regressors of the transitions *into* each trial; the fit has `transition_coef_` then.
        resume : str or Path, optional
            Folder that keeps each start's run as it ends: a fit that was stopped goes on there,
            and ends at the same bits. Other data or settings need another folder.
        progress : bool
            Show a bar of the starts (`n_init`).

        Raises
        ------
        DataError
            If `resume` holds another job.
        InputError
            If data or starting parameters do not fit (a ValueError).

        Warns
        -----
        ConvergenceWarning
            If EM used up `maxiter` (a RuntimeWarning).
        DeadStateWarning, SeparationWarning, CollinearWarning, InitializationWarning
            If the fit deserves a second look.

        Examples
        --------
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 4))
        >>> y = rng.binomial(n=1, p=0.5, size=200)
        >>> model = nmo.GLMHMM(n_states=2).fit(X, y, session_starts=np.array([0, 100]))
        >>> model.coef_.shape, model.transition_prob_.shape
        ((4, 2), (2, 2))
        """
        data = read_data(self, X, y, session_starts)
        inputs = read_inputs(transition_inputs, data)
        check_data(self, data, inputs)
        outcome = fitting.fit(self, data, inputs, init_params, resume=resume, progress=progress)
        set_fitted(self, outcome.fit.parameters, outcome.problem.data)
        self.restarts_ = outcome.report
        self.solver_state_ = stepwise.state_of(outcome.fit, outcome.problem.base, self.maxiter)
        fitting.warn_after(self, outcome)
        return self

    score = inference.score
    log_likelihood_per_trial = inference.log_likelihood_per_trial
    smooth_proba = inference.smooth_proba
    filter_proba = inference.filter_proba
    decode_state = inference.decode_state
    predict_proba = inference.predict_proba
    predict = inference.predict
    compute_loss = inference.compute_loss

    state_rates = simulation.state_rates
    simulate = simulation.simulate

    initialize_params = stepwise.initialize_params
    initialize_optimizer_and_state = stepwise.initialize_optimizer_and_state
    update = stepwise.update
    optimizer_init_state = property(stepwise.optimizer_init_state)
    optimizer_run = property(stepwise.optimizer_run)
    optimizer_update = property(stepwise.optimizer_update)
    solver_spec = property(stepwise.solver_spec)

    def save_params(self, filename: Any) -> None:
        """Write parameters and fitted attributes to an ``.npz`` file; see `load_model`.

        Parameters
        ----------
        filename : str or Path
            Where to; ``.npz`` is added to a name without it.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> import neuroloom.glmhmm as nmo
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.normal(size=(80, 3)), rng.binomial(n=1, p=0.5, size=80)
        >>> model = nmo.GLMHMM(n_states=2).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as d:
        ...     path = os.path.join(d, "glmhmm.npz")
        ...     model.save_params(path)
        ...     loaded = nmo.load_model(path)
        >>> bool(np.allclose(model.coef_, loaded.coef_))
        True
        """
        save_model(self, filename)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of a regressor whose target is needed."""
        from sklearn.utils import RegressorTags, TargetTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        tags.target_tags = TargetTags(required=True, multi_output=True)
        tags.input_tags.allow_nan = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether `fit` or `update` was run."""
        return all(hasattr(self, name) for name in FITTED)
