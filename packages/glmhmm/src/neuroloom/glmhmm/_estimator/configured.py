"""The estimator's parameters: kept as given, read as what they mean."""

from __future__ import annotations

from typing import Any

import jax
from sklearn.base import BaseEstimator

from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.families import Link, Observations
from neuroloom.glmhmm._model import settings
from neuroloom.glmhmm._model.regularizers import Regularizer, as_regularizer
from neuroloom.glmhmm._start.initializers import HMM_SLOTS, MODEL_SLOTS, resolve


class Configured(BaseEstimator):  # type: ignore[misc]
    """Constructor parameters as properties; `get_params` returns what was passed.

    Raw values live in ``__dict__`` under the parameter's name, where scikit-learn looks for them.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters as they were given."""
        return {name: self.__dict__.get(name) for name in self._get_param_names()}

    def set_params(self, **params: Any) -> Configured:
        """Set parameters by name; a new regularizer and its strength go together.

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
        return self

    def _keep(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    @property
    def n_states(self) -> int:
        """Number of hidden states."""
        return settings.states(self.__dict__["n_states"])

    @n_states.setter
    def n_states(self, value: int) -> None:
        settings.states(value)
        self._keep("n_states", value)

    @property
    def observation_model(self) -> Observations:
        """The distribution of the observations, always an object."""
        return settings.family(self.__dict__["observation_model"])

    @observation_model.setter
    def observation_model(self, value: Any) -> None:
        settings.family(value)
        self._keep("observation_model", value)

    @property
    def inverse_link_function(self) -> Link:
        """The function from linear predictor to rate, always a callable."""
        return settings.inverse_link(self.__dict__["inverse_link_function"], self.observation_model)

    @inverse_link_function.setter
    def inverse_link_function(self, value: Any) -> None:
        settings.inverse_link(value, self.observation_model)
        self._keep("inverse_link_function", value)

    @property
    def regularizer(self) -> Regularizer:
        """The penalty on the coefficients, always an object."""
        return as_regularizer(self.__dict__["regularizer"])

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        as_regularizer(value)
        self._keep("regularizer", value)

    @property
    def regularizer_strength(self) -> Any:
        """Strength of the penalty; None where there is no penalty."""
        if type(self.regularizer).__name__ == "UnRegularized":
            return None
        return self.__dict__["regularizer_strength"]

    @regularizer_strength.setter
    def regularizer_strength(self, value: Any) -> None:
        if value is not None:
            self.regularizer.check_strength(value)
        self._keep("regularizer_strength", value)

    @property
    def solver_name(self) -> str:
        """Name of the M-step's solver; the regularizer's default if none was chosen."""
        chosen = settings.solver(self.__dict__["solver_name"], self.regularizer)
        return chosen or self.regularizer.default_solver

    @solver_name.setter
    def solver_name(self, value: str | None) -> None:
        settings.solver(value, self.regularizer)
        self._keep("solver_name", value)

    @property
    def solver_kwargs(self) -> dict[str, Any]:
        """Settings of a named solver: ``tol`` and ``maxiter``."""
        return dict(self.__dict__["solver_kwargs"] or {})

    @solver_kwargs.setter
    def solver_kwargs(self, value: dict[str, Any] | None) -> None:
        known = {"tol", "maxiter", "maxsteps", "stepsize", "acceleration"}
        foreign = sorted(set(value or {}) - known)
        if foreign:
            raise fail("solver_kwargs", f"keys among {sorted(known)}", foreign)
        self._keep("solver_kwargs", value)

    @property
    def maxiter(self) -> int:
        """Largest number of EM iterations."""
        return settings.iterations(self.__dict__["maxiter"])

    @maxiter.setter
    def maxiter(self, value: int) -> None:
        settings.iterations(value)
        self._keep("maxiter", value)

    @property
    def tol(self) -> float:
        """EM stops when the penalised log-likelihood changes by less."""
        return settings.tolerance(self.__dict__["tol"])

    @tol.setter
    def tol(self, value: float) -> None:
        settings.tolerance(value)
        self._keep("tol", value)

    @property
    def seed(self) -> jax.Array:
        """Random seed as a JAX key."""
        key: jax.Array = settings.random_key(self.__dict__["seed"])
        return key

    @seed.setter
    def seed(self, value: Any) -> None:
        settings.random_key(value)
        self._keep("seed", value)

    @property
    def dirichlet_initial_proba(self) -> Any:
        """α of the Dirichlet prior over the initial probabilities; None is flat."""
        return settings.dirichlet(
            "dirichlet_initial_proba", self.__dict__["dirichlet_initial_proba"], (self.n_states,)
        )

    @dirichlet_initial_proba.setter
    def dirichlet_initial_proba(self, value: Any) -> None:
        settings.dirichlet("dirichlet_initial_proba", value, (self.n_states,))
        self._keep("dirichlet_initial_proba", value)

    @property
    def dirichlet_transition_proba(self) -> Any:
        """α of the Dirichlet prior over the rows of the transition matrix; None is flat."""
        shape = (self.n_states, self.n_states)
        return settings.dirichlet(
            "dirichlet_transition_proba", self.__dict__["dirichlet_transition_proba"], shape
        )

    @dirichlet_transition_proba.setter
    def dirichlet_transition_proba(self, value: Any) -> None:
        settings.dirichlet("dirichlet_transition_proba", value, (self.n_states, self.n_states))
        self._keep("dirichlet_transition_proba", value)

    @property
    def hmm_initialization_funcs(self) -> dict[str, Any]:
        """How initial and transition probabilities are started."""
        return resolve(self.__dict__["hmm_initialization_funcs"], HMM_SLOTS)

    @hmm_initialization_funcs.setter
    def hmm_initialization_funcs(self, value: Any) -> None:
        resolve(value, HMM_SLOTS)
        self._keep("hmm_initialization_funcs", value)

    @property
    def model_initialization_funcs(self) -> dict[str, Any]:
        """How weights and scales are started."""
        return resolve(self.__dict__["model_initialization_funcs"], MODEL_SLOTS)

    @model_initialization_funcs.setter
    def model_initialization_funcs(self, value: Any) -> None:
        resolve(value, MODEL_SLOTS)
        self._keep("model_initialization_funcs", value)

    @property
    def n_init(self) -> int | str:
        """Number of starts, or ``"auto"`` for the default multi-start."""
        value: int | str = self.__dict__["n_init"]
        return value

    @n_init.setter
    def n_init(self, value: int | str) -> None:
        if value != "auto":
            good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            if not good:
                raise fail("n_init", 'a positive integer or "auto"', repr(value))
        self._keep("n_init", value)

    @property
    def missing(self) -> str:
        """What NaN inside of a session means: ``"raise"`` or ``"mask"``."""
        value: str = self.__dict__["missing"]
        return value

    @missing.setter
    def missing(self, value: str) -> None:
        if value not in ("raise", "mask"):
            raise fail("missing", '"raise" or "mask"', repr(value))
        self._keep("missing", value)

    def setup(
        self,
        initial_proba_init: Any = None,
        initial_proba_init_kwargs: dict[str, Any] | None = None,
        transition_proba_init: Any = None,
        transition_proba_init_kwargs: dict[str, Any] | None = None,
        glm_params_init: Any = None,
        glm_params_init_kwargs: dict[str, Any] | None = None,
        scale_init: Any = None,
        scale_init_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Choose how `fit` starts; what is left at None stays as it was.

        Parameters
        ----------
        initial_proba_init : {"uniform", "random", "dirichlet", "kmeans"} or callable, optional
            Start of the initial probabilities.
        transition_proba_init : {"sticky", "uniform", "random", "dirichlet", "kmeans"} or callable
            Start of the transition matrix.
        glm_params_init : {"random", "kmeans"} or callable, optional
            Start of coefficients and intercepts.
        scale_init : {"constant", "kmeans"} or callable, optional
            Start of the scale.
        initial_proba_init_kwargs, transition_proba_init_kwargs : dict, optional
            Keyword arguments of the schemes.
        glm_params_init_kwargs, scale_init_kwargs : dict, optional
            Keyword arguments of the schemes.

        Raises
        ------
        ValueError
            If a scheme does not exist, a callable lacks arguments of `InitFunctionHMM` or
            `InitFunctionGLM`, or keyword arguments do not fit.

        Examples
        --------
        >>> from neuroloom.glmhmm.glm_hmm import GLMHMM
        >>> model = GLMHMM(n_states=3)
        >>> model.setup(initial_proba_init="random", glm_params_init="kmeans")
        >>> model.setup(transition_proba_init_kwargs={"prob_stay": 0.9})

        A callable of your own gets everything there is to know, by name:

        >>> import jax.numpy as jnp
        >>> def my_glm_init(
        ...     n_states, X, y, inverse_link_function, observation_model,
        ...     session_starts, random_key,
        ... ):
        ...     coef = jnp.zeros((X.shape[1], n_states))
        ...     intercept = jnp.zeros((n_states,))
        ...     return coef, intercept
        >>> model.setup(glm_params_init=my_glm_init)
        """
        hmm = {
            "initial_proba_init": initial_proba_init,
            "initial_proba_init_kwargs": initial_proba_init_kwargs,
            "transition_proba_init": transition_proba_init,
            "transition_proba_init_kwargs": transition_proba_init_kwargs,
        }
        model = {
            "glm_params_init": glm_params_init,
            "glm_params_init_kwargs": glm_params_init_kwargs,
            "scale_init": scale_init,
            "scale_init_kwargs": scale_init_kwargs,
        }
        for name, given, slots in (
            ("hmm_initialization_funcs", hmm, HMM_SLOTS),
            ("model_initialization_funcs", model, MODEL_SLOTS),
        ):
            current = resolve(self.__dict__[name], slots)
            self._keep(name, resolve(given, slots, current))
