"""The GLM-HMM estimator."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Tags, TargetTags

from neuroloom.glmhmm import _em as em
from neuroloom.glmhmm import _settings as settings
from neuroloom.glmhmm._configured import Configured
from neuroloom.glmhmm._errors import (
    CollinearWarning,
    ConvergenceWarning,
    DeadStateWarning,
    InitializationWarning,
    InputError,
    NotFittedError,
    SeparationWarning,
    fail,
    fail_type,
)
from neuroloom.glmhmm._initializers import initialize
from neuroloom.glmhmm._inputs import Data, read, read_design, restore
from neuroloom.glmhmm._layouts import (
    as_arrays,
    double_precision,
    from_core,
    plain_prior,
    simple_start,
    to_core,
)
from neuroloom.glmhmm._mstep import Model
from neuroloom.glmhmm._packing import Layout, Trials, lay_out, pack
from neuroloom.glmhmm._recursions import viterbi
from neuroloom.glmhmm._restarts import AUTO_STARTS, diverse_starts, multi_start
from neuroloom.glmhmm._results import EMState, SolverSpec
from neuroloom.glmhmm._simulation import draw_states

_FITTED = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")
_DEFAULT_SEED = np.array([0, 123], dtype=np.uint32)  # jax.random.PRNGKey(123)
_DEFAULT_SEED.flags.writeable = False
_viterbi = jax.jit(viterbi)


class GLMHMM(Configured):
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
        For the starts.
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
    >>> np.random.seed(123)  # doctest: +SKIP
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
        seed: Any = _DEFAULT_SEED,
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

    # ------------------------------------------------------------------ fitting

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
            layout, trials, model = self._pack(data, inputs)
            prior = self._prior(data)
            start = self._start(data, init_params, inputs)
            fit, report = self._run(start, data, trials, prior, model, init_params is None)
            if self.reinit_dead and (np.asarray(fit.mass) < 0.5).any():
                start = self._revived(fit, data)
                fit, report = self._run(start, data, trials, prior, model, False)
            base = self._base(data)
            self._set_fitted(fit.parameters, data)
            report["objective"] += base
            report["log_likelihood"] += base
        self.restarts_ = report
        self.solver_state_ = _em_state(fit, base, self.maxiter)
        self._warn_after(fit, data)
        return self

    def _run(
        self, start: Any, data: Data, trials: Trials, prior: Any, model: Model, free: bool
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
        found = multi_start(as_arrays(starts), trials, prior, self.tol, self.maxiter, model)
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

    def _read(self, X: Any, y: Any, session_starts: Any) -> Data:
        return read(X, y, session_starts, self.missing)  # type: ignore[arg-type]

    def _check_data(self, data: Data) -> None:
        """Check what a fit needs beyond the data's form."""
        family = self.observation_model
        family.check(data.y, data.observed)
        settings.n_outputs(family, data.y)
        self.n_features_in_ = data.x.shape[1]
        seen = data.y[data.observed]
        if type(family).__name__ == "BernoulliObservations" and (seen == seen[:1]).all():
            warnings.warn(
                f"y holds only one value, {np.ravel(seen)[0]:g}: the intercepts have no finite optimum",
                SeparationWarning,
                stacklevel=3,
            )
        x = data.x[data.observed]
        full = np.column_stack([x, np.ones(len(x))])
        if len(x) >= full.shape[1] and np.linalg.matrix_rank(full.T @ full) < full.shape[1]:
            warnings.warn(
                "X has columns that are linear combinations of others or of the intercept; "
                "the weights are not unique",
                CollinearWarning,
                stacklevel=3,
            )

    def _inputs(self, transition_inputs: Any, data: Data) -> NDArray[np.float64] | None:
        if transition_inputs is None:
            return None
        u = read_design(transition_inputs).matrix
        if len(u) != len(data.kept):
            raise fail("transition_inputs", f"{len(data.kept)} trials", f"{len(u)}")
        if not np.isfinite(u[data.kept]).all():
            raise fail("transition_inputs", "finite values", "NaN or infinity")
        return u[data.kept]

    def _pack(
        self, data: Data, inputs: NDArray[np.float64] | None, *, full: bool = False
    ) -> tuple[Layout, Trials, Model]:
        layout = lay_out(data.starts)
        trials = as_arrays(pack(layout, data.x, data.y, data.starts, data.observed, inputs))
        model = self._model(layout.split, inputs is not None, full=full)
        return layout, trials, model

    def _model(self, split: bool, driven: bool, *, full: bool = False) -> Model:
        named = self.__dict__["solver_name"]
        kwargs = self.solver_kwargs
        wide = getattr(self, "n_features_in_", 0) > 200 and self.regularizer.smooth
        return Model(
            self.observation_model,
            self.inverse_link_function,
            split=split,
            smooth=self.regularizer.smooth,
            driven=driven,
            solver=named or ("LBFGS" if wide else "newton"),
            full=full,
            solver_tol=float(kwargs.get("tol", 1e-8)),
            solver_maxiter=int(kwargs.get("maxiter", kwargs.get("maxsteps", 500))),
        )

    def _prior(self, data: Data) -> em.Prior:
        k = self.n_states
        shape = (k, settings.n_outputs(self.observation_model, data.y))
        design = data.design
        penalty = self.regularizer.build(
            self.__dict__["regularizer_strength"], design.widths, design.structure, shape
        )
        initial, transition = self.dirichlet_initial_proba, self.dirichlet_transition_proba
        prior = em.Prior(
            penalty,
            np.ones(k) if initial is None else initial,
            np.ones((k, k)) if transition is None else transition,
            np.ones(()),
        )
        return as_arrays(prior)  # type: ignore[no-any-return]

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

    def _initialize(self, data: Data) -> tuple[Any, ...]:
        x, y, starts = (
            data.x[data.observed],
            data.y[data.observed],
            data.starts[data.observed].copy(),
        )
        starts[:1] = True
        X = x if data.design.structure is None else data.design.unflatten(x.T)
        if data.design.structure is not None:
            X = jax.tree.map(lambda a: a.T, X)
        link, family = self.inverse_link_function, self.observation_model
        found = initialize(
            self.n_states,
            X,
            y,
            starts,
            self.seed,
            link,
            family,
            self.hmm_initialization_funcs,
            self.model_initialization_funcs,
        )
        return found

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

    def _to_core(self, params: Any, data: Data) -> em.Parameters:
        """Return user parameters checked and in the programs' layout."""
        if not isinstance(params, (tuple, list)):
            raise fail_type(
                "init_params", "a 5-tuple (coef, intercept, scale, initial, transition)", params
            )
        if len(params) != 5:
            raise fail(
                "init_params", "5 parts (coef, intercept, scale, initial, transition)", len(params)
            )
        coef, intercept, scale, initial, transition = params
        k = self.n_states
        outputs = self._outputs(data.y)
        n_features = data.x.shape[1]
        structure = data.design.structure
        if structure is not None:
            try:
                leaves = structure.flatten_up_to(coef)
            except ValueError as error:
                raise InputError(f"init_params: expected a coef like X, {error}") from error
            coef = np.concatenate([np.asarray(leaf, dtype=np.float64) for leaf in leaves])
        coef = np.asarray(coef, dtype=np.float64)
        if coef.shape != (n_features, *outputs, k):
            raise fail(
                "init_params", f"a coef of shape {(n_features, *outputs, k)}", f"shape {coef.shape}"
            )
        for name, value in (("an intercept", intercept), ("a scale", scale)):
            if np.shape(value) != (*outputs, k) and not (
                name == "a scale" and np.shape(value) == (k,)
            ):
                raise fail(
                    "init_params", f"{name} of shape {(*outputs, k)}", f"shape {np.shape(value)}"
                )
        for name, value in (("coef", coef), ("intercept", intercept), ("scale", scale)):
            if not np.isfinite(np.asarray(value, dtype=np.float64)).all():
                raise fail("init_params", f"a finite {name}", "NaN or infinity")
        if (np.asarray(scale) <= 0).any():
            raise fail("init_params", "a scale above 0", f"{np.min(scale)}")
        core = to_core(
            coef,
            intercept,
            scale,
            settings.probabilities("initial_prob", initial, (k,)),
            settings.probabilities("transition_prob", transition, (k, k)),
        )
        self._check_rates(core, data)
        return core

    def _check_rates(self, core: em.Parameters, data: Data) -> None:
        if not self.observation_model.positive_mean:
            return
        x = data.x[data.observed]
        eta = np.einsum("kmd,nd->kmn", core.weights[..., :-1], x) + core.weights[..., -1:]
        with double_precision():
            rate = np.asarray(self.inverse_link_function(jax.numpy.asarray(eta)))
        if not (rate >= 0).all() or not np.isfinite(rate).all():
            row = int(np.argwhere(~((rate >= 0) & np.isfinite(rate)))[0][-1])
            raise fail(
                "init_params",
                "positive finite rates at the start",
                f"{rate[..., row].min():g} in row {row}",
            )

    def _outputs(self, y: NDArray[np.float64]) -> tuple[int, ...]:
        if self.observation_model.couples:
            return (self.observation_model.n_outputs(y),)
        return () if y.ndim == 1 else (y.shape[1],)

    def _base(self, data: Data) -> float:
        seen = data.y[data.observed]
        return float(np.sum(np.asarray(self.observation_model.base(jax.numpy.asarray(seen)))))

    def _set_fitted(self, parameters: em.Parameters, data: Data) -> None:
        single = data.y.ndim == 1 and not self.observation_model.couples
        coef, intercept, scale, initial, transition = from_core(parameters, single)
        self.coef_ = data.design.unflatten(coef)
        self.intercept_ = intercept
        self.scale_ = scale if self.observation_model.has_scale else np.ones_like(scale)
        self.initial_prob_ = initial
        self.transition_prob_ = transition
        drive = np.array(parameters.drive, dtype=np.float64)
        if drive.shape[-1]:
            self.transition_coef_ = drive.transpose(2, 0, 1)
        elif hasattr(self, "transition_coef_"):
            del self.transition_coef_
        self.dof_resid_ = self._dof(parameters, data)

    def _dof(self, parameters: em.Parameters, data: Data) -> float:
        k = self.n_states
        weights = np.asarray(parameters.weights)
        name = type(self.regularizer).__name__
        if name in ("Lasso", "ElasticNet", "GroupLasso"):
            n_weights = int(np.count_nonzero(weights[..., :-1]))
        elif name == "UnRegularized":
            n_weights = int(np.linalg.matrix_rank(data.x[data.observed])) * weights[..., 0].size
        else:
            n_weights = weights[..., :-1].size
        n = data.n_trials
        return float(n - n_weights - weights[..., -1].size - (k - 1) - k * (k - 1))

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
                    f"a weight of state {k} reached {size.max():.1f} standard units: choices look perfectly "
                    "separable there; a ridge keeps weights finite",
                    SeparationWarning,
                    stacklevel=3,
                )

    # ------------------------------------------------------------------ inference

    def _check_fitted(self) -> None:
        missing = [name for name in _FITTED if not hasattr(self, name)]
        if missing:
            raise NotFittedError(
                f"this GLMHMM is not fitted; missing attributes: {missing}. Call fit first"
            )

    @property
    def _params(self) -> tuple[Any, ...]:
        self._check_fitted()
        return self.coef_, self.intercept_, self.scale_, self.initial_prob_, self.transition_prob_

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
                f"X has {data.x.shape[1]} features, but GLMHMM is expecting {self._n_features(params)} features as input",
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
            path = np.asarray(_viterbi(log_p, data.starts, core.initial, transition))
        if state_format == "index":
            return restore(path.astype(np.int64), data)
        one_hot = np.eye(self.n_states, dtype=np.int64)[path]
        return restore(one_hot, data, [f"state_{k}" for k in range(self.n_states)])

    def predict_proba(
        self, X: Any, y: Any, session_starts: Any = None, *, transition_inputs: Any = None
    ) -> Any:
        """Return each trial's probability of states given only earlier trials, (n_trials, n_states)."""
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
        """Return the mean response in each state, (n_trials, n_states) or (n_trials, n_outputs, n_states)."""
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

    # ------------------------------------------------------------------ stepping by hand

    def initialize_params(self, X: Any, y: Any, session_starts: Any = None) -> tuple[Any, ...]:
        """Return starting parameters ``(coef, intercept, scale, initial_prob, transition_prob)``."""
        data = self._read(X, y, session_starts)
        self._check_data(data)
        with double_precision():
            return self._initialize(data)

    def initialize_optimizer_and_state(self, init_params: Any, X: Any, y: Any) -> EMState:
        """Return the state before the first `update`."""
        data = self._read(X, y, None)
        self._check_data(data)
        self._to_core(init_params, data)
        return self.optimizer_init_state(init_params, X, y)

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
        """Function ``(params, state, X, y)`` that returns ``(params, state)`` one EM iteration on."""
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
    ) -> tuple[tuple[Any, ...], EMState]:
        """Return parameters and state after one EM iteration with a full M-step; the model keeps them.

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
        return self._params, self.solver_state_

    def compute_loss(self, params: Any, X: Any, y: Any, session_starts: Any = None) -> float:
        """Return minus the log-likelihood at `params`, without penalty."""
        data, layout, found, *_ = self._evaluate(X, y, session_starts, params=params)
        with double_precision():
            return -(float(np.sum(layout.take(np.ravel(found[2])))) + self._base(data))

    # ------------------------------------------------------------------ protocol and files

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
        from neuroloom.glmhmm._saving import save_model

        save_model(self, filename)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of a regressor whose target is needed."""
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.target_tags = TargetTags(required=True, multi_output=True)
        tags.input_tags.allow_nan = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether `fit` or `update` was run."""
        return all(hasattr(self, name) for name in _FITTED)


def _as_tree(design: Any, rows: NDArray[np.float64]) -> Any:
    return jax.tree.map(lambda a: a.T, design.unflatten(rows.T))


def _check_format(state_format: Any) -> None:
    if state_format not in ("one-hot", "index"):
        raise fail("state_format", '"one-hot" or "index"', repr(state_format))


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
