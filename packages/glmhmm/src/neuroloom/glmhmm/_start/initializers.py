"""Starting points: the named schemes, custom callables, and their settings.

The default starts are those of the reference: uniform initial probabilities, sticky transitions,
weights of N(0, 10⁻⁶) around the intercept that gives the mean response, scale one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import InputError, UnknownNameError, fail, fail_type
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link
from neuroloom.glmhmm._start.kmeans import Clusters
from neuroloom.shared import checks


class InitFunctionHMM(Protocol):
    """What a custom start of the initial or transition probabilities looks like.

    It returns an array of shape (n_states,) or (n_states, n_states). All arguments must be in the
    signature, used or not; they are passed by name.
    """

    def __call__(
        self, n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any, **kwargs: Any
    ) -> Any:
        """Return the probabilities."""


class InitFunctionGLM(Protocol):
    """What a custom start of the weights or the scale looks like.

    It returns ``(coef, intercept)``, or the scale of shape (n_states,).
    """

    def __call__(
        self,
        n_states: int,
        X: Any,
        y: Any,
        inverse_link_function: Any,
        observation_model: Any,
        session_starts: Any,
        random_key: Any,
        **kwargs: Any,
    ) -> Any:
        """Return the parameters."""


def uniform_initial_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any
) -> Any:
    """Return 1/n_states for each state."""
    return np.full(n_states, 1 / n_states)


def random_initial_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any
) -> Any:
    """Return uniform draws that are made to sum to one."""
    draw = np.asarray(jax.random.uniform(random_key, (n_states,)), dtype=np.float64)
    return draw / draw.sum()


def dirichlet_initial_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any, alphas: Any = None
) -> Any:
    """Return a draw from a Dirichlet distribution, flat unless `alphas` (n_states,) are given."""
    alpha = np.ones(n_states) if alphas is None else np.asarray(alphas, dtype=np.float64)
    if alpha.shape != (n_states,):
        raise fail("alphas", f"shape ({n_states},)", f"shape {alpha.shape}")
    return np.asarray(jax.random.dirichlet(random_key, jnp.asarray(alpha)), dtype=np.float64)


def kmeans_initial_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any, minimum_prob: float = 0.02
) -> Any:
    """Return how often sessions begin in each k-means cluster, raised by `minimum_prob`."""
    return Clusters.of(n_states, X, y, session_starts, random_key).initial(minimum_prob)


def sticky_transition_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any, prob_stay: float = 0.95
) -> Any:
    """Return `prob_stay` on the diagonal and equal shares of the rest beside it."""
    if not 0 <= prob_stay <= 1:
        raise fail("prob_stay", "a probability", prob_stay)
    if n_states == 1:
        return np.ones((1, 1))
    out = np.full((n_states, n_states), (1 - prob_stay) / (n_states - 1))
    np.fill_diagonal(out, prob_stay)
    return out


def uniform_transition_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any
) -> Any:
    """Return 1/n_states everywhere."""
    return np.full((n_states, n_states), 1 / n_states)


def random_transition_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any
) -> Any:
    """Return rows of uniform draws that are made to sum to one."""
    draw = np.asarray(jax.random.uniform(random_key, (n_states, n_states)), dtype=np.float64)
    return draw / draw.sum(axis=1, keepdims=True)


def dirichlet_transition_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any, alphas: Any = None
) -> Any:
    """Return rows drawn from Dirichlet distributions, flat unless `alphas` (n_states, n_states)."""
    alpha = (
        np.ones((n_states, n_states)) if alphas is None else np.asarray(alphas, dtype=np.float64)
    )
    if alpha.shape != (n_states, n_states):
        raise fail("alphas", f"shape ({n_states}, {n_states})", f"shape {alpha.shape}")
    return np.asarray(jax.random.dirichlet(random_key, jnp.asarray(alpha)), dtype=np.float64)


def kmeans_transition_proba_init(
    n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any, minimum_prob: float = 0.02
) -> Any:
    """Return how often k-means clusters follow each other, raised by `minimum_prob`."""
    return Clusters.of(n_states, X, y, session_starts, random_key).transition(minimum_prob)


def random_glm_params_init(
    n_states: int,
    X: Any,
    y: Any,
    inverse_link_function: Any,
    observation_model: Any,
    session_starts: Any,
    random_key: Any,
    std_dev: float = 1e-3,
) -> Any:
    """Return weights of N(0, std_dev²) and the intercept whose rate is the mean response."""
    leaves, structure = jax.tree.flatten(X)
    outputs = _outputs(observation_model, y)
    noise = [
        std_dev
        * np.asarray(
            jax.random.normal(random_key, (leaf.shape[1], *outputs, n_states)), dtype=np.float64
        )
        for leaf in leaves
    ]
    # Noise has the same size in units of each regressor, and of a Gaussian's response.
    for i, leaf in enumerate(leaves):
        spread = np.asarray(leaf, dtype=np.float64).std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        noise[i] = noise[i] / spread.reshape(-1, *([1] * (noise[i].ndim - 1)))
    responses = np.asarray(y, dtype=np.float64)
    level = observation_model.starts(responses, inverse_link_function)
    unit = observation_model.predictor_unit(responses, inverse_link_function)
    if outputs:
        noise = [part * unit[:, None] for part in noise]
    else:
        noise, level = [part * unit[0] for part in noise], level[0]
    intercept = np.broadcast_to(np.asarray(level)[..., None], (*outputs, n_states)).copy()
    return jax.tree.unflatten(structure, noise), intercept


def _outputs(observation_model: Observations, y: Any) -> tuple[int, ...]:
    if np.ndim(y) == 1 and not observation_model.couples:
        return ()
    return (observation_model.n_outputs(np.asarray(y)),)


def kmeans_glm_params_init(
    n_states: int,
    X: Any,
    y: Any,
    inverse_link_function: Any,
    observation_model: Any,
    session_starts: Any,
    random_key: Any,
    regularizer_strength: float = 1.0,
) -> Any:
    """Return a GLM's weights in each k-means cluster, under a ridge of `regularizer_strength`."""
    clusters = Clusters.of(n_states, X, y, session_starts, random_key)
    coef, intercept, _ = clusters.glms(
        inverse_link_function, observation_model, regularizer_strength
    )
    return coef, intercept


def constant_scale_init(
    n_states: int,
    X: Any,
    y: Any,
    inverse_link_function: Any,
    observation_model: Any,
    session_starts: Any,
    random_key: Any,
    scale_val: float | None = None,
) -> Any:
    """Return `scale_val` for each state; by default 1, or the variance of a Gaussian's response."""
    outputs = _outputs(observation_model, y)
    if scale_val is not None:
        return np.full((*outputs, n_states), float(scale_val))
    unit = observation_model.start_scale(np.asarray(y, dtype=np.float64))
    return np.repeat(unit[:, None], n_states, axis=1).reshape((*outputs, n_states))


def kmeans_scale_init(
    n_states: int,
    X: Any,
    y: Any,
    inverse_link_function: Any,
    observation_model: Any,
    session_starts: Any,
    random_key: Any,
    regularizer_strength: float = 1.0,
) -> Any:
    """Return a GLM's scale in each k-means cluster."""
    clusters = Clusters.of(n_states, X, y, session_starts, random_key)
    return clusters.glms(inverse_link_function, observation_model, regularizer_strength)[2]


BUILT_IN: dict[str, dict[str, Callable[..., Any]]] = {
    "initial_proba_init": {
        "uniform": uniform_initial_proba_init,
        "random": random_initial_proba_init,
        "dirichlet": dirichlet_initial_proba_init,
        "kmeans": kmeans_initial_proba_init,
    },
    "transition_proba_init": {
        "sticky": sticky_transition_proba_init,
        "uniform": uniform_transition_proba_init,
        "random": random_transition_proba_init,
        "dirichlet": dirichlet_transition_proba_init,
        "kmeans": kmeans_transition_proba_init,
    },
    "glm_params_init": {"random": random_glm_params_init, "kmeans": kmeans_glm_params_init},
    "scale_init": {"constant": constant_scale_init, "kmeans": kmeans_scale_init},
}
HMM_SLOTS = ("initial_proba_init", "transition_proba_init")
MODEL_SLOTS = ("glm_params_init", "scale_init")
_PROTOCOL = {
    **dict.fromkeys(HMM_SLOTS, ("n_states", "X", "y", "session_starts", "random_key")),
    **dict.fromkeys(
        MODEL_SLOTS,
        (
            *("n_states", "X", "y", "inverse_link_function"),
            *("observation_model", "session_starts", "random_key"),
        ),
    ),
}


def default_functions(slots: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of a model on which nothing was set."""
    out: dict[str, Any] = {}
    for slot in slots:
        out[slot] = next(iter(BUILT_IN[slot].values()))
        out[f"{slot}_kwargs"] = {}
        out[f"{slot}_custom"] = False
    return out


def resolve(
    settings: Any, slots: tuple[str, ...], current: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return complete settings: those given over `current` (or the defaults), checked.

    Raises
    ------
    UnknownNameError
        If a key does not exist.
    InputError
        If a scheme does not exist, a callable lacks arguments or keyword arguments do not fit it.
    """
    out = dict(current) if current is not None else default_functions(slots)
    if settings is None:
        return out
    if not isinstance(settings, dict):
        raise fail_type("initialization functions", "a dictionary", settings)
    known = list(default_functions(slots))
    checks.keys("initialization functions", settings, known, error=UnknownNameError)
    for slot in slots:
        given = settings.get(slot)
        if given is not None:
            function, custom = _function(slot, given)
            if function is not out[slot]:
                out[f"{slot}_kwargs"] = {}
            out[slot], out[f"{slot}_custom"] = function, custom
        kwargs = settings.get(f"{slot}_kwargs")
        if kwargs is not None:
            _check_kwargs(slot, out[slot], kwargs)
            out[f"{slot}_kwargs"] = dict(kwargs)
    return out


def _function(slot: str, given: Any) -> tuple[Callable[..., Any], bool]:
    schemes = BUILT_IN[slot]
    if isinstance(given, str):
        if given not in schemes:
            expected = f"one of {list(schemes)} or a callable"
            raise fail(slot, expected, repr(given), checks.did_you_mean(given, schemes))
        return schemes[given], False
    if not callable(given):
        raise fail_type(slot, f"one of {list(schemes)} or a callable", given)
    if given in schemes.values():
        return given, False
    parameters = inspect.signature(given).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    lacking = [name for name in _PROTOCOL[slot] if name not in parameters]
    if lacking and not open_ended:
        raise fail(
            slot, f"a callable with the arguments {list(_PROTOCOL[slot])}", f"one without {lacking}"
        )
    return given, True


def _check_kwargs(slot: str, function: Callable[..., Any], kwargs: Any) -> None:
    if not isinstance(kwargs, dict):
        raise fail_type(f"{slot}_kwargs", "a dictionary", kwargs)
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    accepted = [name for name in parameters if name not in _PROTOCOL[slot]]
    foreign = [name for name in kwargs if name not in accepted]
    if foreign:
        hint = checks.did_you_mean(foreign[0], accepted)
        raise fail(f"{slot}_kwargs", f"keyword arguments among {accepted}", foreign, hint)


def initialize(
    n_states: int,
    X: Any,
    y: NDArray[np.float64],
    starts: NDArray[np.bool_],
    key: Any,
    link: Link,
    family: Observations,
    hmm: dict[str, Any],
    model: dict[str, Any],
) -> tuple[Any, Any, Any, Any, Any]:
    """Return (coef, intercept, scale, initial_prob, transition_prob) from the settings."""
    key_initial, key_transition, key_model = jax.random.split(key, 3)
    key_glm, key_scale = jax.random.split(key_model, 2)
    keys = {
        "initial_proba_init": key_initial,
        "transition_proba_init": key_transition,
        "glm_params_init": key_glm,
        "scale_init": key_scale,
    }
    shared_key = jax.random.fold_in(key, 0)  # all k-means schemes see the same clusters
    found: dict[str, Any] = {}
    for settings, slots in ((hmm, HMM_SLOTS), (model, MODEL_SLOTS)):
        for slot in slots:
            function = settings[slot]
            is_kmeans = function is BUILT_IN[slot].get("kmeans")
            arguments: dict[str, Any] = {
                "n_states": n_states,
                "X": X,
                "y": y,
                "session_starts": starts,
                "random_key": shared_key if is_kmeans else keys[slot],
            }
            if slot in MODEL_SLOTS:
                arguments |= {"inverse_link_function": link, "observation_model": family}
            found[slot] = function(**arguments, **settings[f"{slot}_kwargs"])
            if settings[f"{slot}_custom"]:
                _check_result(slot, found[slot], n_states)
    coef, intercept = found["glm_params_init"]
    return (
        coef,
        intercept,
        found["scale_init"],
        found["initial_proba_init"],
        found["transition_proba_init"],
    )


def _check_result(slot: str, result: Any, n_states: int) -> None:
    if slot == "glm_params_init":
        if not isinstance(result, tuple) or len(result) != 2:
            raise InputError(
                f"{slot}: expected a custom callable that returns (coef, intercept), "
                f"got {type(result)}"
            )
        return
    shape = {"initial_proba_init": (n_states,), "transition_proba_init": (n_states, n_states)}
    expected = shape.get(slot)
    if expected is not None and np.shape(result) != expected:
        raise fail(
            slot, f"a custom callable that returns shape {expected}", f"shape {np.shape(result)}"
        )
