"""The GLM-HMM estimator."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import RegressorTags, Tags, TargetTags

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.mstep import Model
from neuroloom.glmhmm._em.multi_start import AUTO_STARTS, diverse_starts, multi_start
from neuroloom.glmhmm._em.packing import Trials, lay_out, pack
from neuroloom.glmhmm._em.shapes import (
    as_arrays,
    double_precision,
    plain_prior,
    simple_start,
)
from neuroloom.glmhmm._errors import (
    ConvergenceWarning,
    DeadStateWarning,
    InitializationWarning,
    SeparationWarning,
)
from neuroloom.glmhmm._estimator.results import EMState
from neuroloom.glmhmm._estimator.stepping import Stepping
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model import settings

_FITTED = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")


class GLMHMM(Stepping):
    """A generalised linear model in each state of a hidden Markov chain, fitted by EM.

    At each trial the chain is in one of `n_states` states; the state's weights turn the regressors
    into the mean of the response. Fits are float64 whatever JAX is set to.

    Parameters
    ----------
    n_states : int
        Number of hidden states.
    observation_model : str or Observations
        ``"Bernoulli"``, ``"Poisson"``, ``"Gamma"``, ``"NegativeBinomial"``, ``"Gaussian"``, or an
        object of
        `neuroloom.glmhmm.observation_models`.
    inverse_link_function : callable or str, optional
        From linear predictor to mean, traceable by JAX. By default the logistic function
        (Bernoulli), exp (Poisson, NegativeBinomial), 1/x (Gamma), the identity (Gaussian).
    regularizer : str or Regularizer
        ``"UnRegularized"``, ``"Ridge"``, ``"Lasso"``, ``"ElasticNet"`` or ``"GroupLasso"``, on the
        coefficients; intercepts and scales are never penalised.
    regularizer_strength : float or pytree
        Strength λ; for ElasticNet also ``(strength, ratio)``. A ridge of strength λ is a Gaussian
        prior of variance 1/λ.
    dirichlet_initial_proba : array_like, shape (n_states,), optional
        α ≥ 1 of the Dirichlet prior over the initial probabilities.
    dirichlet_transition_proba : array_like, shape (n_states, n_states), optional
        α ≥ 1 of the Dirichlet priors over the rows of the transition matrix.
    solver_name : str, optional
        ``"GradientDescent"``, ``"BFGS"``, ``"LBFGS"``, ``"NonlinearCG"`` or ``"ProximalGradient"``
        run the M-step to the solver's tolerance. By default Newton steps do, proximal ones where
        the penalty has a kink.
    solver_kwargs : dict, optional
        ``tol`` and ``maxiter`` of the named solver.
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
    dof_resid_ : float
        Trials less free parameters.
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

    def __init__(
        self,
        n_states: int,
        observation_model: Any = "Bernoulli",
        inverse_link_function: Any = None,
        regularizer: Any = "Ridge",
        regularizer_strength: Any = 1.0,
        dirichlet_initial_proba: Any = None,
        dirichlet_transition_proba: Any = None,
        solver_name: str | None = None,
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

    def fit(
        self,
        X: Any,
        y: Any,
        init_params: Any = None,
        session_starts: Any = None,
        *,
        transition_inputs: Any = None,
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

        Raises
        ------
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
        data = self._read(X, y, session_starts)
        self._check_data(data)
        inputs = self._inputs(transition_inputs, data)
        with double_precision():
            _, trials, model = self._pack(data, inputs)
            prior = self._prior(data)
            start = self._start(data, init_params, inputs)
            base = self._base(data)
            free = init_params is None
            fit, report = self._run(start, data, trials, prior, model, free=free, base=base)
            if self.reinit_dead and (fit.mass < 0.5).any():
                start = self._revived(fit, data)
                fit, report = self._run(start, data, trials, prior, model, free=False, base=base)
            self._set_fitted(fit.parameters, data)
        self.restarts_ = report
        self.solver_state_ = _em_state(fit, base, self.maxiter)
        self._warn_after(fit, data)
        return self

    def _run(
        self,
        start: Any,
        data: Data,
        trials: Trials,
        prior: Any,
        model: Model,
        *,
        free: bool,
        base: float = 0.0,
    ) -> tuple[Any, Any]:
        n_init = AUTO_STARTS if self.n_init == "auto" else self.n_init
        if self.n_states == 1 or not free:
            n_init = 1
        assert isinstance(n_init, int)
        starts = jax.tree.map(lambda a: np.asarray(a)[None], start)
        if n_init > 1:
            pooled = self._pooled(data, model)
            rng = settings.generator(jax.random.fold_in(self.seed, 1))
            spread = data.x[data.observed].std(axis=0)
            starts = diverse_starts(start, pooled, n_init, rng, spread)
        found = multi_start(starts, trials, prior, self.tol, self.maxiter, model, base=base)
        return found.best, found.report

    def _pooled(self, data: Data, model: Model) -> Any:
        """Return the parameters of the one-state fit."""
        family, link = model.family, model.link
        start = simple_start(1, data.x.shape[1], data.y, data.observed, family, link)
        # One state needs no order in time, so that the layout may be any.
        starts = np.zeros(data.n_trials, dtype=bool)
        starts[:: max(int(np.sqrt(data.n_trials)), 1)] = True
        layout = lay_out(starts)
        trials = as_arrays(pack(layout, data.x, data.y, starts, data.observed))
        prior = plain_prior(1, start.weights.shape[1], data.x.shape[1], 1.0)
        fit = em.fit_one(
            as_arrays(start),
            trials,
            prior,
            1e-6,
            200,
            model=Model(family, link, layout.split),
            trace=256,
        )
        return fit.parameters

    def _revived(self, fit: Any, data: Data) -> Any:
        """Return the fit's parameters with dead states placed beside the largest one."""
        p = jax.tree.map(np.array, fit.parameters)
        mass = np.asarray(fit.mass)
        rng = settings.generator(jax.random.fold_in(self.seed, 2))
        donor = int(np.argmax(mass))
        for k in np.flatnonzero(mass < 0.5):
            p.weights[k] = p.weights[donor] + 0.5 * rng.normal(size=p.weights[k].shape)
            p.log_scale[k] = p.log_scale[donor]
        share = 0.05 / max(self.n_states - 1, 1)
        transition = np.full_like(p.transition, share)
        np.fill_diagonal(transition, 0.95)
        initial = np.full_like(p.initial, 1 / self.n_states)
        return p._replace(transition=transition, initial=initial)

    def _start(
        self, data: Data, init_params: Any, inputs: NDArray[np.float64] | None
    ) -> em.Parameters:
        if init_params is None:
            init_params = self._initialize(data)
        start = self._to_core(init_params, data)
        if inputs is not None:
            k = self.n_states
            start = start._replace(drive=np.zeros((k, k, inputs.shape[1])))
        return self._off_the_saddle(start, data)

    def _off_the_saddle(self, start: em.Parameters, data: Data) -> em.Parameters:
        """Return the start with noise where all states are alike: EM would never part them."""
        w = np.asarray(start.weights)
        alike = (
            self.n_states > 1
            and (w == w[:1]).all()
            and (np.asarray(start.log_scale) == np.asarray(start.log_scale)[:1]).all()
        )
        if not alike:
            return start
        warnings.warn(
            "all states start with the same weights, a point that EM cannot leave; noise was added",
            InitializationWarning,
            stacklevel=4,
        )
        rng = settings.generator(jax.random.fold_in(self.seed, 3))
        noise = 0.1 * rng.normal(size=w.shape)
        if self.observation_model.positive_mean and self.inverse_link_function(1.0) == 1.0:
            noise[..., :-1] *= 0.01
        return start._replace(weights=w + noise)

    def _warn_after(self, fit: Any, data: Data) -> None:
        if not bool(fit.converged):
            warnings.warn(
                f"EM did not reach tol={self.tol:g} in {self.maxiter} iterations; "
                "raise maxiter or loosen tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        dead = np.flatnonzero(np.asarray(fit.mass) < 1e-3)
        if len(dead):
            warnings.warn(
                f"states {dead.tolist()} explain no trials and kept their last weights; "
                "fewer states, other starts or reinit_dead=True may help",
                DeadStateWarning,
                stacklevel=3,
            )
        if type(self.observation_model).__name__ == "BernoulliObservations":
            spread = np.append(data.x[data.observed].std(axis=0), 0.0)
            size = np.abs(np.asarray(fit.parameters.weights)) * spread
            if size.max() > 12:
                k = int(np.argwhere(size == size.max())[0][0])
                warnings.warn(
                    f"a weight of state {k} reached {size.max():.1f} standard units: choices "
                    "look perfectly separable there; a ridge keeps weights finite",
                    SeparationWarning,
                    stacklevel=3,
                )

    def save_params(self, filename: Any) -> None:
        """Write parameters and fitted attributes to an ``.npz`` file; see `load_model`.

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
        from neuroloom.glmhmm._estimator.saving import save_model

        save_model(self, filename)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of a regressor whose target is needed."""
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags = RegressorTags()
        tags.target_tags = TargetTags(required=True, multi_output=True)
        tags.input_tags.allow_nan = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether `fit` or `update` was run."""
        return all(hasattr(self, name) for name in _FITTED)


def _em_state(fit: Any, base: float, maxiter: int) -> EMState:
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
