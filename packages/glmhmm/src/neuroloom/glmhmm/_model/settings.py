"""Checks of the model's parameters: each error names what was expected and what came."""

from __future__ import annotations

import functools
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import InputError, InputTypeError, fail, fail_type
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import LINKS, Link
from neuroloom.glmhmm._families.mixed import MixedObservations
from neuroloom.glmhmm._model.regularizers import Regularizer
from neuroloom.shared import checks

_config: Any = jax.config  # whose attributes are made at run time


def states(value: Any) -> int:
    """Return the number of states."""
    return checks.whole("n_states", value, at_least=1, error=InputTypeError)


def at_least_zero(name: str, value: Any, *, positive: bool = False) -> float:
    """Return a finite number that is not negative, or above 0 if it must be positive."""
    if positive:
        return checks.real(name, value, above=0, error=InputError)
    return checks.real(name, value, at_least=0, error=InputError)


def flag(name: str, value: Any) -> bool:
    """Return a Boolean."""
    return checks.flag(name, value, error=InputTypeError)


def n_starts(value: Any) -> int | str:
    """Return the number of starts, or ``"auto"``."""
    if isinstance(value, str) and value == "auto":
        return value
    expected = 'a positive integer or "auto"'
    return checks.whole("n_init", value, at_least=1, expected=expected, error=InputError)


def missing(value: Any) -> str:
    """Return what NaN inside of a session means."""
    return checks.choice("missing", value, ("raise", "mask"), error=InputError)


def solver_settings(value: Any) -> dict[str, Any]:
    """Return ``tol`` and ``maxiter`` of a named solver; ``maxsteps`` is another name of the latter.

    Raises
    ------
    InputError
        If another setting is given: nothing would read it.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise fail_type("solver_kwargs", "a dictionary", value)
    known = ("tol", "maxiter", "maxsteps")
    checks.keys("solver_kwargs", value, known, error=InputError)
    if "maxiter" in value and "maxsteps" in value:
        raise fail("solver_kwargs", "one of maxiter and maxsteps", "both")
    out: dict[str, Any] = {}
    if "tol" in value:
        out["tol"] = tolerance(value["tol"])
    for key in ("maxiter", "maxsteps"):
        if key in value:
            out["maxiter"] = iterations(value[key])
    return out


def iterations(value: Any) -> int:
    """Return the largest number of iterations."""
    return checks.whole("maxiter", value, at_least=1, error=InputError)


def tolerance(value: Any) -> float:
    """Return the tolerance."""
    return checks.real("tol", value, above=0, error=InputError)


def inverse_link(value: Any, observation_model: Observations) -> Link:
    """Return the inverse link, checked to be differentiable in JAX."""
    if value is not None and isinstance(observation_model, MixedObservations):
        raise fail(
            "inverse_link_function",
            'None: outputs bring links of their own, {"rt": ("Gamma", "exp")}',
            repr(value),
        )
    if value is None:
        return observation_model.default_inverse_link_function
    if observation_model.own_links:
        own = observation_model.default_inverse_link_function
        if value is not own and LINKS.get(value if isinstance(value, str) else "") is not own:
            expected = f"None: {observation_model!r} has links of its own"
            raise fail("inverse_link_function", expected, repr(value))
        return own
    if isinstance(value, str):
        if value not in LINKS:
            expected = f"a callable or one of {sorted(LINKS)}"
            hint = checks.did_you_mean(value, LINKS)
            raise fail("inverse_link_function", expected, repr(value), hint)
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
        expected = f"one of {list(regularizer.allowed_solvers)} for {regularizer!r}"
        hint = checks.did_you_mean(value, regularizer.allowed_solvers)
        raise fail("solver_name", expected, repr(value), hint)
    return value


def random_key(value: Any) -> Any:
    """Return a JAX key of old style (uint32, shape (2,)) from a key, an integer or a `Seed`."""
    if isinstance(value, shared.Seed):
        return _key(value.integer(31), _config.jax_default_prng_impl)
    if isinstance(value, (bool, np.bool_)):
        raise fail_type("seed", "an integer, a Seed or a JAX key", value)
    if isinstance(value, numbers.Integral):
        if value < 0:
            raise InputTypeError(f"seed: expected an integer of at least 0, got {value}")
        return _key(int(value) % 2**31, _config.jax_default_prng_impl)
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


@functools.lru_cache(maxsize=256)
def _key(number: int, kind: str) -> Any:
    """Return a JAX key; settings are read many times, and making one takes most of that."""
    return jax.random.PRNGKey(number)


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
    if not np.isfinite(alpha).all() or (alpha <= 0).any():
        raise fail(name, "finite values above 0", alpha.min())
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
