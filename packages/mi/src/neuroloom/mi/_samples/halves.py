"""Ways to divide one recording into two variables, for mode ``dimensionality``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import DataShapeError, InsufficientDataError, OptionError, choice

Array = NDArray[Any]
Pair = tuple[Array, Array]


def _grid_halves(values: Array, mask: Array) -> list[Pair]:
    """Return the pixels of images (n, …, height, width) where `mask` holds, and the others."""
    flat = values.reshape(*values.shape[:-2], -1)
    chosen = mask.ravel()
    return [(_channels(flat[..., chosen]), _channels(flat[..., ~chosen]))]


def _channels(flat: Array) -> Array:
    return flat.reshape(len(flat), 1, -1)


_MASKS: dict[str, Callable[[Array, Array, int, int], Array]] = {
    "horizontal": lambda row, column, height, width: row < height // 2,
    "vertical": lambda row, column, height, width: column < width // 2,
    "row_interleaved": lambda row, column, height, width: row % 2 == 0,
    "col_interleaved": lambda row, column, height, width: column % 2 == 0,
    "diagonal": lambda row, column, height, width: row * width > column * height,
    "antidiagonal": lambda row, column, height, width: (
        row * width + (column + 1) * height <= height * width
    ),
}
METHODS = ("random", "spatial", "temporal", "index", *_MASKS)


class Halving(Protocol):
    """What `halves` needs to know."""

    @property
    def split_method(self) -> str:
        """How channels, pixels or times are divided."""

    @property
    def n_splits(self) -> int:
        """How many random halves."""

    @property
    def lag(self) -> int:
        """Samples between the halves of ``"temporal"``."""

    @property
    def channel_indices_x(self) -> Any:
        """Channels of the first half of ``"index"``."""


def halves(values: Array, options: Halving, rng: np.random.Generator) -> list[Pair]:
    """Return pairs of variables that one recording (n, n_channels, n_features) is divided into.

    Parameters
    ----------
    values : ndarray
    options : Halving
        ``split_method``: ``"random"`` halves of the channels, ``n_splits`` of them;
        ``"spatial"``, the first half and the second; ``"index"``, the channels in
        ``channel_indices_x`` and all others; ``"temporal"``, the samples and those ``lag`` later;
        for images, whose last two axes are height and width, ``"horizontal"``, ``"vertical"``,
        ``"row_interleaved"``, ``"col_interleaved"``, ``"diagonal"`` and ``"antidiagonal"``.
    rng : Generator

    Raises
    ------
    OptionError, DataShapeError, InsufficientDataError
        If the method is unknown, or cannot divide such samples.
    """
    method, lag = choice("split_method", options.split_method, METHODS), options.lag
    if method == "temporal":
        if lag >= len(values) - 50:
            raise InsufficientDataError(
                f"lag: expected at most {len(values) - 51} of {len(values)} samples, got {lag}"
            )
        return [(values[:-lag], values[lag:])]
    if method in _MASKS:
        if values.ndim < 3 or min(values.shape[-2:]) < 2:
            raise DataShapeError(
                f"split_method={method!r}: expected images (n, height, width) or (n, channels, "
                f"height, width), got {values.shape}"
            )
        height, width = values.shape[-2:]
        row, column = np.indices((height, width))
        return _grid_halves(values, _MASKS[method](row, column, height, width))
    if values.shape[1] == 1 and values.ndim == 3:
        values = values.transpose(0, 2, 1)  # plain features count as channels
    n = values.shape[1]
    if n < 2:
        raise DataShapeError("x_data: expected at least 2 channels to split, got 1")
    if method == "spatial":
        return [(values[:, : n // 2], values[:, n // 2 :])]
    if method == "index":
        return [_by_index(values, options.channel_indices_x)]
    out = []
    for _ in range(options.n_splits):
        order = rng.permutation(n)
        out.append((values[:, order[: n // 2]], values[:, order[n // 2 :]]))
    return out


def _by_index(values: Array, index: Any) -> Pair:
    n = values.shape[1]
    chosen = np.unique(np.asarray([] if index is None else index))
    whole = chosen.dtype.kind in "iu" and chosen.size
    if not whole or chosen.min() < 0 or chosen.max() >= n or chosen.size == n:
        raise OptionError(
            f"channel_indices_x: expected some of the channels 0 to {n - 1}, got {index!r}"
        )
    return values[:, chosen], values[:, np.setdiff1d(np.arange(n), chosen)]
