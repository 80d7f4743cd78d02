"""What a produced interval is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def timing_reward(
    error: NDArray[Any], interval: NDArray[Any], margin: float, rewards: Mapping[str, float]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return reward and performance of answers that are `error` ms off an `interval` in ms.

    The reward falls from ``correct`` as ``(1 - |error| / window)**1.5``, not below a tenth of it,
    and is ``fail`` outside the window of ``margin * interval + 25`` ms.
    """
    window = margin * interval + 25
    off = np.abs(error)
    inside = off <= window
    # In place: this is asked for at every step of every trial.
    share = np.asarray(off / window)
    np.subtract(1, share, out=share)
    np.maximum(share, 0, out=share)
    worth = np.asarray(np.sqrt(share))
    worth *= share
    np.maximum(worth, 0.1, out=worth)
    worth *= rewards["correct"]
    np.copyto(worth, rewards["fail"], where=~inside)
    return worth, inside.astype(float)
