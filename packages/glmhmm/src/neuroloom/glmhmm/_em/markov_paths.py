"""Drawing paths of the hidden chain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def draw_states(
    rng: np.random.Generator,
    starts: NDArray[np.bool_],
    initial: NDArray[np.float64],
    transition: NDArray[np.float64],
    drive: NDArray[np.float64] | None = None,
    inputs: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Return a path (n_trials,) that starts afresh where `starts` is True."""
    draws = rng.random(len(starts)).tolist()
    first = np.cumsum(initial)[:-1]
    steps: Any = np.cumsum(transition, axis=1)[:, :-1]
    if drive is not None and inputs is not None:
        with np.errstate(divide="ignore"):
            logits = np.log(transition) + np.tensordot(inputs, drive, axes=1)
        rows = np.exp(logits - logits.max(axis=2, keepdims=True))
        steps = np.cumsum(rows / rows.sum(axis=2, keepdims=True), axis=2)[..., :-1]
    path = np.empty(len(starts), dtype=np.int64)
    state = 0
    for t, (draw, new) in enumerate(zip(draws, starts.tolist(), strict=True)):
        if new:
            edges = first
        else:
            edges = steps[t, state] if drive is not None else steps[state]
        state = int(np.searchsorted(edges, draw, side="right"))
        path[t] = state
    return path
