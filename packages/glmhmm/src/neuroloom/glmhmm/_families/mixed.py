"""Several outputs of different families per trial, independent given the state they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import InputError, fail
from neuroloom.glmhmm._families.base import Observations, kept
from neuroloom.glmhmm._families.links import Link, NamedLink
from neuroloom.shared import checks

Array = Any


@dataclass(frozen=True)
class Part(NamedLink):
    """One output of a mixed model.

    Parameters
    ----------
    name : str
        Its name, the column of `y`.
    family : Observations
        How it is distributed.
    link : callable
        From its linear predictor to its mean.
    """

    name: str
    family: Observations
    link: Link


@dataclass(frozen=True, repr=False)
class MixedObservations(Observations):
    """Outputs of different families: a choice and its reaction time, say.

    Made by ``GLMHMM(k, {"choice": "Bernoulli", "rt": "LogNormal"})``. `y` is then a mapping or a
    data frame with these names, or an array with these columns. Each output may be missing on its
    own.

    Parameters
    ----------
    parts : tuple of Part
        The outputs, in order. Categorical ones are not among them.

    Raises
    ------
    InputError
        If there is no output, names repeat, or an output has several linear predictors.
    """

    parts: tuple[Part, ...] = ()

    has_scale = True

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if not names or len(set(names)) < len(names):
            raise fail("observation_model", "outputs with distinct names", names)
        for part in self.parts:
            if part.family.couples or isinstance(part.family, MixedObservations):
                raise fail(
                    "observation_model", f"a family of one predictor for {part.name!r}", part.family
                )

    def __repr__(self) -> str:
        inner = ", ".join(f"{part.name!r}: {part.family!r}" for part in self.parts)
        return f"MixedObservations({{{inner}}})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(part.name for part in self.parts)

    @property
    def default_inverse_link_function(self) -> Link:
        """A mark: each output has a link of its own."""
        return own_links

    def _each(self, function: Callable[[Part, int], Array]) -> list[Array]:
        return [function(part, i) for i, part in enumerate(self.parts)]

    # ---------------------------------------------------------------- in compiled programs

    def base(self, y: Array) -> Array:
        """Return the terms in `y` alone, output by output (the last axis)."""
        return jnp.stack(self._each(lambda p, i: p.family.base(y[..., i])), axis=-1)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return each output's log density, (n_states, n_outputs, n_trials)."""

        def one(p: Part, i: int) -> Array:
            rows = slice(i, i + 1)
            return p.family.log_prob(y[rows], eta[:, rows], scale[:, rows], p.link)

        return jnp.concatenate(self._each(one), axis=1)

    def slopes(self, y: Array, eta: Array, scale: Array, link: Link) -> tuple[Array, Array]:
        """Return each output's slopes."""
        found = []
        for i, p in enumerate(self.parts):
            rows = slice(i, i + 1)
            found.append(p.family.slopes(y[rows], eta[:, rows], scale[:, rows], p.link))
        first, second = zip(*found, strict=True)
        return jnp.concatenate(first, axis=1), jnp.concatenate(second, axis=1)

    def next_scale(
        self,
        y: Array,
        eta: Array,
        log_scale: Array,
        weight: Array,
        link: Link,
        prior: tuple[Array, Array, Array],
    ) -> Array:
        """Return each output's next log scale; those without one stay."""
        smallest, unit, trials = prior
        out = []
        for i, p in enumerate(self.parts):
            at = slice(i, i + 1)
            if not p.family.has_scale:
                out.append(log_scale[:, at])
                continue
            own = (smallest[at], unit[at], trials)
            w = weight if weight.shape[1] == 1 else weight[:, at]
            out.append(p.family.next_scale(y[at], eta[:, at], log_scale[:, at], w, p.link, own))
        return jnp.concatenate(out, axis=1)

    def scale_mask(self, n_outputs: int) -> NDArray[np.bool_]:
        """Return which outputs have a scale."""
        return np.array([p.family.has_scale for p in self.parts])

    def free(self, widths: Any) -> NDArray[np.float64] | None:
        """Return the mask of a design with regressors of each output's own, under its name."""
        if not isinstance(widths, dict) or set(widths) != set(self.names):
            return None
        blocks = [
            (name, sum(jax.tree.leaves(widths[name])))
            for name in sorted(widths)  # the order in which JAX flattens dictionaries
        ]
        columns = [np.full(width, self.names.index(name)) for name, width in blocks]
        owner = np.concatenate([*columns, [-1]])
        own = owner == np.arange(len(self.parts))[:, None]
        return np.where(own | (owner == -1), 1.0, 0.0)

    def inside(self, link: Link, eta: Array) -> Array | None:
        """Return where every output's mean is allowed, one row for all."""
        found = []
        for i, p in enumerate(self.parts):
            row = min(i, eta.shape[-2] - 1)
            fine = p.family.inside(p.link, eta[..., row : row + 1, :])
            if fine is not None:
                found.append(fine)
        if not found:
            return None
        return jnp.all(jnp.concatenate(found, axis=-2), axis=-2, keepdims=True)

    def room(self, link: Link, eta: Array) -> Array | None:
        """Return each output's room."""
        if self.inside(link, eta) is None:
            return None
        found = []
        for i, p in enumerate(self.parts):
            row = eta[:, i : i + 1]
            own = p.family.room(p.link, row)
            found.append(jnp.full_like(row, jnp.inf) if own is None else own)
        return jnp.concatenate(found, axis=1)

    def mean(self, eta: Array, scale: Array, link: Link) -> Array:
        """Return each output's mean, (n_trials, n_outputs, n_states)."""
        return jnp.stack(
            self._each(lambda p, i: p.family.mean(eta[:, i], scale[i], p.link)), axis=1
        )

    # ---------------------------------------------------------------------------- in numpy

    def encode(self, y: Any, classes: Any) -> tuple[Any, Any]:
        """Return the outputs as columns in order."""
        if isinstance(y, Mapping) or hasattr(y, "columns"):
            return columns_of(self.names, y), classes
        return y, classes

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a draw of every output, (n_trials, n_outputs)."""
        return np.column_stack(
            self._each(lambda p, i: p.family.sample(rng, mean[:, i], scale[:, i]))
        )

    def check(self, y: Any, observed: Any) -> None:
        """Raise if an output's values are outside of its family's support."""
        seen = kept(y, observed)
        for i, p in enumerate(self.parts):
            try:
                p.family.check(y[:, i], seen[:, i])
            except InputError as error:
                raise type(error)(f"output {p.name!r}: {error}") from error

    def n_outputs(self, y: Any) -> int:
        """Return the number of outputs."""
        return len(self.parts)

    def n_columns(self) -> int | None:
        """Return the number of outputs."""
        return len(self.parts)

    def _columns(self, y: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [column[np.isfinite(column)] for column in y.T]

    def starts(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return each output's linear predictor of its mean."""
        columns = self._columns(y)
        return np.array(self._each(lambda p, i: p.family.starts(columns[i], p.link)[0]))

    def levels(
        self, y: NDArray[np.float64], link: Link, rng: np.random.Generator, shape: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Return each output's predictors of the means of stretches."""
        columns = self._columns(y)
        found = self._each(lambda p, i: p.family.levels(columns[i], p.link, rng, shape)[..., 0])
        return np.stack(found, axis=-1)

    def start_scale(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each output's scale to start from."""
        columns = self._columns(y)
        return np.array(self._each(lambda p, i: p.family.start_scale(columns[i])[0]))

    def predictor_unit(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return each output's unit."""
        columns = self._columns(y)
        return np.array(self._each(lambda p, i: p.family.predictor_unit(columns[i], p.link)[0]))

    def moved_by_units(self, link: Link) -> Any:
        """Return which outputs' predictors are moved."""
        return np.array(self._each(lambda p, i: bool(p.family.moved_by_units(p.link))))

    def null_log_likelihood(
        self, train: NDArray[np.float64], test: NDArray[np.float64], link: Link
    ) -> float:
        """Return the sum of the outputs' null log-likelihoods."""
        return sum(
            p.family.null_log_likelihood(
                train[np.isfinite(train[:, i]), i], test[np.isfinite(test[:, i]), i], p.link
            )
            for i, p in enumerate(self.parts)
        )

    def one_sided(self, y: NDArray[np.float64]) -> str | None:
        """Return the first output's complaint."""
        found = self._each(lambda p, i: p.family.one_sided(y[:, i]))
        told = [f"output {p.name!r}: {s}" for p, s in zip(self.parts, found, strict=True) if s]
        return told[0] if told else None

    def lopsided(self, y: NDArray[np.float64], gamma: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Return the complaints of all outputs, each with its name."""
        found = self._each(lambda p, i: (p.name, p.family.lopsided(y[:, i], gamma)))
        return [(k, f"output {name!r}: {text}") for name, each in found for k, text in each]

    def separated(
        self, level: NDArray[np.float64], size: NDArray[np.float64], link: Link
    ) -> tuple[int, str] | None:
        """Return the first output's complaint."""
        for i, p in enumerate(self.parts):
            found = p.family.separated(level[:, i : i + 1], size[:, i : i + 1], p.link)
            if found is not None:
                return found[0], f"output {p.name!r}: {found[1]}"
        return None

    @property
    def unbounded(self) -> Any:  # type: ignore[override]
        """Which outputs' likelihoods have no bound as their scale falls."""
        return np.array([p.family.unbounded for p in self.parts])


def column_of(name: str, values: Any) -> NDArray[np.float64]:
    """Return one output's values, missing ones as NaN.

    Raises
    ------
    InputError
        If they are not numbers in one column.
    """
    return checks.array(
        name, values, np.float64, ndim=1, missing=True, booleans=True, error=InputError
    )


def columns_of(names: Sequence[str], y: Any) -> NDArray[np.float64]:
    """Return named outputs as columns in order, (n_trials, n_outputs).

    Raises
    ------
    InputError
        If one is not there, or their lengths differ.
    """
    missing = [name for name in names if name not in y]
    if missing:
        raise fail("y", f"the outputs {list(names)}", f"none of {missing}")
    columns = [column_of(name, y[name]) for name in names]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise fail("y", f"outputs {list(names)} of one length", f"{lengths}")
    return np.column_stack(columns)


def own_links(eta: Array) -> Array:
    """Return the predictors as they are: each output applies its own link."""
    return eta
