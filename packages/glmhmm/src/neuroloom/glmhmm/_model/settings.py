"""Checks of the model's parameters: each error names what was expected and what came."""

from __future__ import annotations

import difflib
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import InputError, InputTypeError, fail, fail_type
from neuroloom.glmhmm._families.families import (
    BernoulliObservations,
    CategoricalObservations,
    GammaObservations,
    GaussianObservations,
    Link,
    NegativeBinomialObservations,
    Observations,
    PoissonObservations,
    identity,
    reciprocal,
)
from neuroloom.glmhmm._model.regularizers import Regularizer

FAMILIES: dict[str, type[Observations]] = {
    "Poisson": PoissonObservations,
    "Gamma": GammaObservations,
    "Bernoulli": BernoulliObservations,
    "NegativeBinomial": NegativeBinomialObservations,
    "Gaussian": GaussianObservations,
}
LINKS: dict[str, Link] = {
    "exp": jnp.exp,
    "identity": identity,
    "one_over_x": reciprocal,
    "reciprocal": reciprocal,
    "sigmoid": jax.nn.sigmoid,
    "logistic": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "norm_cdf": jax.scipy.stats.norm.cdf,
}
INTO_UNIT = (jax.nn.sigmoid, jax.scipy.stats.norm.cdf)  # links that cannot leave [0, 1]


def states(value: Any) -> int:
    """Return the number of states."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise fail_type("n_states", "a positive integer", value)
    if value <= 0:
        raise InputTypeError(f"n_states: expected a positive integer, got {value}")
    return int(value)


def iterations(value: Any) -> int:
    """Return the largest number of iterations."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral) or value <= 0:
        raise fail("maxiter", "a positive integer", repr(value))
    return int(value)


def tolerance(value: Any) -> float:
    """Return the tolerance."""
    good = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not good or not value > 0 or not np.isfinite(value):
        raise fail("tol", "a positive float", repr(value))
    return float(value)


def family(value: Any) -> Observations:
    """Return the observation model that a name or an object means."""
    if isinstance(value, Observations):
        return value
    names = ", ".join(FAMILIES)
    if isinstance(value, str):
        if value in FAMILIES:
            return FAMILIES[value]()
        if value == "Categorical":
            raise fail(
                "observation_model",
                f"one of {names}",
                "'Categorical'; say how many with CategoricalObservations(n_categories)",
            )
        near = difflib.get_close_matches(value, FAMILIES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputTypeError(f"observation_model: expected one of {names}, got {value!r}{hint}")
    raise fail_type("observation_model", f"one of {names} or an object of them", value)


def inverse_link(value: Any, observation_model: Observations) -> Link:
    """Return the inverse link, checked to be differentiable in JAX."""
    if value is None:
        return observation_model.default_inverse_link_function
    if isinstance(value, str):
        if value not in LINKS:
            near = difflib.get_close_matches(value, LINKS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise fail(
                "inverse_link_function", f"a callable or one of {sorted(LINKS)}", f"{value!r}{hint}"
            )
        return LINKS[value]
    if not callable(value):
        raise fail_type("inverse_link_function", "a callable or a name", value)
    if value in LINKS.values():
        return value  # type: ignore[no-any-return]
    try:
        shape = jax.eval_shape(lambda x: value(x), jnp.zeros(3, jnp.float32)).shape
        slope = jax.jvp(
            value, (jnp.array([0.5, 1.0, 2.0], jnp.float32),), (jnp.ones(3, jnp.float32),)
        )[1]
    except Exception as error:
        raise InputTypeError(
            "inverse_link_function: expected a function that JAX can trace and differentiate, "
            f"got an error: {error}"
        ) from error
    if shape != (3,):
        raise fail(
            "inverse_link_function", "an elementwise function", f"shape {shape} for input (3,)"
        )
    if not np.isfinite(np.asarray(slope)).all():
        raise fail(
            "inverse_link_function", "a differentiable function", "a derivative that is not finite"
        )
    return value  # type: ignore[no-any-return]


def solver(value: Any, regularizer: Regularizer) -> str | None:
    """Return the name of the solver, or None for the package's own."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise fail_type("solver_name", f"one of {list(regularizer.allowed_solvers)}", value)
    if value not in regularizer.allowed_solvers:
        near = difflib.get_close_matches(value, regularizer.allowed_solvers, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise fail(
            "solver_name",
            f"one of {list(regularizer.allowed_solvers)} for {regularizer!r}",
            f"{value!r}{hint}",
        )
    return value


def random_key(value: Any) -> Any:
    """Return a JAX key of old style (uint32, shape (2,)) from a key, an integer or a `Seed`."""
    if isinstance(value, shared.Seed):
        return jax.random.PRNGKey(value.integer(31))
    if isinstance(value, (bool, np.bool_)):
        raise fail_type("seed", "an integer, a Seed or a JAX key", value)
    if isinstance(value, numbers.Integral):
        if value < 0:
            raise InputTypeError(f"seed: expected an integer of at least 0, got {value}")
        return jax.random.PRNGKey(int(value) % 2**31)
    dtype = getattr(value, "dtype", None)
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    try:
        raw = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise fail_type("seed", "an integer, a Seed or a JAX key", value) from error
    if raw.shape != (2,) or raw.dtype != np.uint32:
        raise fail_type("seed", "an integer, a Seed or a JAX key (uint32, shape (2,))", value)
    return jnp.asarray(raw)


def generator(key: Any) -> np.random.Generator:
    """Return numpy's generator for what a JAX key stands for."""
    words = [int(word) for word in np.asarray(jax.random.key_data(random_key(key))).ravel()]
    return np.random.Generator(np.random.PCG64(words))


def dirichlet(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return the α of a Dirichlet prior."""
    if value is None:
        return None
    if np.ndim(value) == 0:
        raise fail_type(name, f"an array of shape {shape}", value)
    alpha = np.asarray(value, dtype=np.float64)
    if alpha.shape != shape:
        raise fail(name, f"shape {shape}", f"shape {alpha.shape}")
    if not np.isfinite(alpha).all() or (alpha < 1).any():
        raise fail(name, "values of at least 1, for which the mode exists", alpha.min())
    return alpha


def probabilities(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return probabilities whose last axis sums to one."""
    p = np.asarray(value, dtype=np.float64)
    if p.shape != shape:
        raise fail(name, f"shape {shape}", f"shape {p.shape}")
    if not np.isfinite(p).all() or (p < 0).any():
        raise fail(name, "finite probabilities of at least 0", f"{np.nanmin(p)}")
    total = p.sum(axis=-1)
    if not np.allclose(total, 1, atol=1e-6):
        raise fail(name, "rows that sum to 1", f"{np.atleast_1d(total)[0]:g}")
    return np.asarray(p / np.expand_dims(total, -1))


def n_outputs(observation_model: Observations, y: NDArray[np.float64]) -> int:
    """Return the number of linear predictors per state."""
    if isinstance(observation_model, CategoricalObservations) and y.ndim != 1:
        raise InputError("y: expected shape (n_trials,) for categorical observations, got 2-D")
    return observation_model.n_outputs(y)
