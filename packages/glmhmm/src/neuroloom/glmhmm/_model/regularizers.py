"""Penalties on the coefficients; intercepts and scales are never penalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import fail, fail_type
from neuroloom.glmhmm._model.parameters import Penalty

DEFAULT_STRENGTH = 1.0
SMOOTH_SOLVERS = ("GradientDescent", "BFGS", "LBFGS", "NonlinearCG", "ProximalGradient")


@dataclass(frozen=True, eq=False)
class Regularizer:
    """Base of the penalties."""

    allowed_solvers: ClassVar[tuple[str, ...]] = SMOOTH_SOLVERS
    default_solver: ClassVar[str] = "LBFGS"
    smooth: ClassVar[bool] = True
    penalizes: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def check_strength(self, strength: Any) -> Any:
        """Return the strength as kept by the model, or raise."""
        for leaf in jax.tree.leaves(strength, is_leaf=lambda leaf: leaf is None):
            values = np.asarray(leaf)
            if values.dtype.kind not in "iuf":
                raise fail_type("regularizer_strength", "a number or a pytree of numbers", strength)
            if not np.isfinite(values).all() or (values < 0).any():
                raise fail("regularizer_strength", "finite numbers of at least 0", strength)
        return strength

    def strength(self, value: Any) -> Any:
        """Return a strength as it counts, checked."""
        return self.check_strength(value)

    def reordered(self, order: NDArray[np.int64]) -> Regularizer:
        """Return the penalty for the same states in another order."""
        return self

    def strength_reordered(self, strength: Any, order: NDArray[np.int64], structure: Any) -> Any:
        """Return the strength for the same states in another order; `structure` is that of X."""
        if jax.tree_util.treedef_is_leaf(structure):
            return _leaf_reordered(strength, order)
        if np.ndim(strength) == 0 and not isinstance(strength, dict):
            return strength
        leaves = structure.flatten_up_to(strength)
        return structure.unflatten([_leaf_reordered(leaf, order) for leaf in leaves])

    def n_free(self, weights: NDArray[np.float64], x: NDArray[np.float64]) -> int:
        """Return how many coefficients count as free; `x` are the observed regressors."""
        return int(weights[..., :-1].size)

    def build(
        self, strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
    ) -> Penalty:
        """Return the strengths per weight; `shape` is (n_states, n_outputs)."""
        raise NotImplementedError


def _spread(
    strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return a strength, or one per leaf, as an array (n_states, n_outputs, n_features + 1)."""
    n_states, n_outputs = shape
    out = np.zeros((n_states, n_outputs, sum(widths) + 1))
    if structure is None or (np.ndim(strength) == 0 and not isinstance(strength, dict)):
        leaves = [strength] * len(widths)
    else:
        try:
            leaves = structure.flatten_up_to(strength)
        except ValueError as error:
            raise fail("regularizer_strength", "a number or a pytree like X", f"{error}") from error
    begin = 0
    for leaf, width in zip(leaves, widths, strict=True):
        values = np.asarray(leaf, dtype=np.float64)
        try:  # a leaf is laid out like coef_: (n_features, [n_outputs,] n_states)
            if values.ndim == 1:
                values = values.reshape(-1, *([1] * (1 if n_outputs == 1 else 2)))
            if n_outputs == 1 and values.ndim == 2:
                values = values[:, None]
            full = np.broadcast_to(values, (width, n_outputs, n_states))
        except ValueError as error:
            raise fail(
                "regularizer_strength",
                f"a leaf that fits {(width, n_states)}",
                f"shape {values.shape}",
            ) from error
        out[..., begin : begin + width] = full.transpose(2, 1, 0)
        begin += width
    return out


def _leaf_reordered(leaf: Any, order: NDArray[np.int64]) -> Any:
    """Return one leaf's strength, whose last axis may be that of the states."""
    values = np.asarray(leaf)
    by_state = values.ndim >= 2 and values.shape[-1] == len(order)
    return values[..., order] if by_state else leaf


def _no_groups(shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    return np.zeros((0, *shape)), np.zeros(0), np.zeros((0, shape[-1]))


@dataclass(frozen=True, eq=False, repr=False)
class UnRegularized(Regularizer):
    """No penalty."""

    penalizes = False

    def strength(self, value: Any) -> Any:
        """Return None: there is nothing to be strong, and only the default says nothing."""
        if value is None or (np.ndim(value) == 0 and value == DEFAULT_STRENGTH):
            return
        expected = f"None, or the default {DEFAULT_STRENGTH:g}, where nothing is penalised"
        raise fail("regularizer_strength", expected, repr(value))

    def n_free(self, weights: NDArray[np.float64], x: NDArray[np.float64]) -> int:
        """Return the rank of the regressors, for each state and output."""
        return int(np.linalg.matrix_rank(x)) * weights[..., 0].size if x.shape[1] else 0

    def build(
        self, strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
    ) -> Penalty:
        """Return zeros."""
        zeros = np.zeros((*shape, sum(widths) + 1))
        return Penalty(zeros, zeros, *_no_groups(zeros.shape))


@dataclass(frozen=True, eq=False, repr=False)
class Ridge(Regularizer):
    """½ λ Σ β²: a Gaussian prior of variance 1/λ."""

    def build(
        self, strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
    ) -> Penalty:
        """Return λ for each weight."""
        ridge = _spread(strength, widths, structure, shape)
        return Penalty(ridge, np.zeros_like(ridge), *_no_groups(ridge.shape))


@dataclass(frozen=True, eq=False, repr=False)
class _Kinked(Regularizer):
    """A penalty that sets coefficients to zero."""

    allowed_solvers = ("ProximalGradient",)
    default_solver = "ProximalGradient"
    smooth = False

    def n_free(self, weights: NDArray[np.float64], x: NDArray[np.float64]) -> int:
        """Return the number of coefficients that are not zero."""
        return int(np.count_nonzero(weights[..., :-1]))


@dataclass(frozen=True, eq=False, repr=False)
class Lasso(_Kinked):
    """λ Σ abs(β)."""

    def build(
        self, strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
    ) -> Penalty:
        """Return λ for each weight."""
        lasso = _spread(strength, widths, structure, shape)
        return Penalty(np.zeros_like(lasso), lasso, *_no_groups(lasso.shape))


@dataclass(frozen=True, eq=False, repr=False)
class ElasticNet(_Kinked):
    """α Σ (½ (1 − r) β² + r abs(β)); a scalar strength α means r = ½."""

    def check_strength(self, strength: Any) -> Any:
        """Return (α, r) pairs checked."""
        self._parts(strength)
        return strength

    def strength_reordered(self, strength: Any, order: NDArray[np.int64], structure: Any) -> Any:
        """Return α and r for the same states in another order; `structure` is that of X."""
        move = super().strength_reordered
        if not isinstance(strength, (tuple, dict)):
            return move(strength, order, structure)
        return tuple(move(part, order, structure) for part in self._parts(strength))

    @staticmethod
    def _parts(strength: Any) -> tuple[Any, Any]:
        if isinstance(strength, tuple) and len(strength) == 2:
            alpha, ratio = strength
        elif isinstance(strength, dict):
            pairs = {key: ElasticNet._parts(value) for key, value in strength.items()}
            alpha = {key: pair[0] for key, pair in pairs.items()}
            ratio = {key: pair[1] for key, pair in pairs.items()}
            return alpha, ratio
        else:
            alpha, ratio = strength, 0.5
        Regularizer.check_strength(Lasso(), alpha)
        for leaf in jax.tree.leaves(ratio):
            if not (np.asarray(leaf) > 0).all() or not (np.asarray(leaf) <= 1).all():
                raise fail("regularizer_strength", "a ratio above 0 and up to 1", ratio)
        return alpha, ratio

    def build(
        self, strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
    ) -> Penalty:
        """Return α(1 − r) and αr for each weight."""
        alpha, ratio = self._parts(strength)
        a = _spread(alpha, widths, structure, shape)
        r = _spread(ratio, widths, structure, shape)
        return Penalty(a * (1 - r), a * r, *_no_groups(a.shape))


@dataclass(frozen=True, eq=False, repr=False)
class GroupLasso(_Kinked):
    """α Σ_g √dim_g ‖β_g‖.

    Parameters
    ----------
    mask : pytree of array_like, optional
        Per leaf of the design (n_groups, n_features, n_states), 1 where a weight is in the group.
        By default the features of one leaf in one state are one group.
    """

    mask: Any = None

    def reordered(self, order: NDArray[np.int64]) -> Regularizer:
        """Return the penalty with its groups in another order of the states."""
        if self.mask is None:
            return self
        return GroupLasso(jax.tree.map(lambda part: np.asarray(part)[..., order], self.mask))

    def build(
        self, strength: Any, widths: tuple[int, ...], structure: Any, shape: tuple[int, int]
    ) -> Penalty:
        """Return the groups and α √dim for each."""
        n_states, n_outputs = shape
        full = (*shape, sum(widths) + 1)
        alpha = _spread(strength, widths, structure, shape)
        groups: list[NDArray[np.float64]] = []
        begin = 0
        masks = [None] * len(widths) if self.mask is None else jax.tree.leaves(self.mask)
        if len(masks) != len(widths):
            raise fail("mask", f"one array per leaf of X ({len(widths)})", f"{len(masks)}")
        for mask, width in zip(masks, widths, strict=True):
            if mask is None:
                for k in range(n_states):
                    group = np.zeros(full)
                    group[k, :, begin : begin + width] = 1
                    groups.append(group)
            else:
                values = np.asarray(mask, dtype=np.float64)
                if values.ndim != 3 or values.shape[1:] != (width, n_states):
                    raise fail("mask", f"shape (n_groups, {width}, {n_states})", f"{values.shape}")
                for one in values:
                    group = np.zeros(full)
                    group[:, :, begin : begin + width] = np.repeat(
                        one.T[:, None], n_outputs, axis=1
                    )
                    groups.append(group)
            begin += width
        stacked = np.stack(groups)
        if (stacked.sum(axis=0) > 1).any():
            raise fail("mask", "groups that do not overlap", "a weight in several groups")
        size = stacked.sum(axis=(1, 2, 3))
        level = np.einsum("gkmd,kmd->g", stacked, alpha) / np.maximum(size, 1)
        zeros = np.zeros(full)
        return Penalty(zeros, zeros, stacked, level * np.sqrt(size), np.zeros((0, full[-1])))


REGULARIZERS: dict[str, type[Regularizer]] = {
    kind.__name__: kind for kind in (UnRegularized, Ridge, Lasso, ElasticNet, GroupLasso)
}


def as_regularizer(value: Any) -> Regularizer:
    """Return the penalty that a name or an object means.

    Raises
    ------
    InputTypeError
        If it is neither.
    """
    if value is None:
        return UnRegularized()
    if isinstance(value, Regularizer):
        return value
    if isinstance(value, type) and issubclass(value, Regularizer):
        return value()
    if isinstance(value, str):
        if value in REGULARIZERS:
            return REGULARIZERS[value]()
        raise fail_type("regularizer", f"one of {', '.join(REGULARIZERS)}", value)
    raise fail_type("regularizer", f"one of {', '.join(REGULARIZERS)} or an object of them", value)
