"""What a `Monitor` wrote into a folder, joined and drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import fail

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def order_by_suffix(file_list: Sequence[str]) -> list[str]:
    """Return the file names sorted by the number at their end, ``…_12.npz``."""
    return sorted(file_list, key=lambda name: int((re.findall(r"\d+", Path(name).stem) or [0])[-1]))


def put_together_files(folder: str | Path) -> dict[str, NDArray[Any]]:
    """Return the records that a `Monitor` wrote into a folder, joined in their order.

    The result is also written to ``bhvr_data_all.npz`` in the folder.
    """
    folder = Path(folder)
    names = order_by_suffix([str(path) for path in folder.glob("trial_*.npz")])
    joined: dict[str, list[NDArray[Any]]] = {}
    for name in names:
        with np.load(name, allow_pickle=False) as record:
            for key in record.files:
                joined.setdefault(key, []).append(record[key])
    data: Any = {
        key: np.concatenate([np.atleast_1d(v) for v in parts]) for key, parts in joined.items()
    }
    if data:
        np.savez(folder / "bhvr_data_all.npz", **data)
    joint: dict[str, NDArray[Any]] = data
    return joint


def plot_rew_across_training(
    folder: str | Path,
    window: int = 500,
    ax: Axes | None = None,
    fkwargs: dict[str, Any] | None = None,
    ytitle: str = "",
    legend: bool = False,
    zline: bool = False,
    metric_name: str = "reward",
) -> Axes:
    """Draw a running mean of what a `Monitor` recorded in a folder, and return the axes.

    Parameters
    ----------
    folder : str or Path
        With the monitor's files.
    window : int
        Trials to average over.
    ax : Axes, optional
        Where to draw.
    fkwargs : dict, optional
        What `plot` takes.
    ytitle : str
        Name of the axis.
    legend, zline : bool
        Whether to add a legend, a line at 0.
    metric_name : str
        What to draw.

    Raises
    ------
    TaskError
        If there is no such record.
    """
    from neuroloom.shared import axes

    data = put_together_files(folder)
    if metric_name not in data:
        raise fail("metric_name", f"one of {sorted(data)} in {folder}", repr(metric_name))
    values = data[metric_name].astype(float)
    width = min(max(1, window), len(values))
    ax = axes(ax)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    ax.plot(np.arange(len(smooth)) + width, smooth, **(fkwargs or {}))
    ax.set(xlabel="Trial", ylabel=ytitle or metric_name)
    if zline:
        ax.axhline(0, color="0.6", linestyle=":")
    if legend:
        ax.legend()
    return ax
