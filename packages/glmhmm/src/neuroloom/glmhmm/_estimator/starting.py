"""How a model's fits start, as the user chooses it."""

from __future__ import annotations

from typing import Any

from neuroloom.glmhmm._start.initializers import HMM_SLOTS, MODEL_SLOTS, resolve


def setup(
    self: Any,
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
        self.__dict__[name] = resolve(given, slots, current)
