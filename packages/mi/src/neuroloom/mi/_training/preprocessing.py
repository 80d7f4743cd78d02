"""What is done to samples before a critic sees them, as functions and as stored numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.mi._critics import gaussian as _baseline
from neuroloom.mi._training.job import Job

Array = NDArray[Any]
MOST_WAVY = 2  # features
_GAUSSIAN = ("mean_x", "mean_y", "map_x", "map_y", "rho")


def transform(values: NDArray[np.floating], how: str) -> NDArray[np.float64]:
    """Return samples as 2-D features, each transformed on its own."""
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    if how == "rank":
        return _baseline.rank_normal(flat)
    if how == "zscore":
        mean, spread = _moments(flat)
        flat = (flat - mean) / spread
    return flat


def cosines(values: NDArray[np.floating], n_cosines: int) -> NDArray[np.float64]:
    """Return samples with cosines of each feature's place among a normal variable's values.

    Half periods ``1 … n_cosines`` fit between the smallest and the largest value, the shorter ones
    weaker. A place field is a short sum of them, where a perceptron needs many kinks (Rahaman et
    al. 2019); the feature itself stays, so information does. Variables of more than `MOST_WAVY`
    features are left alone.
    """
    flat = np.asarray(values, dtype=np.float64)
    if not n_cosines or flat.shape[1] > MOST_WAVY:
        return flat
    phase = np.pi * scipy.special.ndtr(flat)
    terms = [np.sqrt(2 / k) * np.cos(k * phase) for k in range(1, n_cosines + 1)]
    return np.hstack([flat, *terms])


def _moments(flat: NDArray[np.float64]) -> tuple[Array, Array]:
    spread = flat.std(axis=0)
    return flat.mean(axis=0), np.where(spread > 0, spread, 1.0)


def preprocessing(job: Job, baseline: _baseline.Gaussian | None) -> dict[str, Array]:
    """Return the arrays that repeat a job's preprocessing on any samples."""
    how = job.params.training.transform
    out: dict[str, Array] = {"n_cosines": np.array(job.n_cosines)}
    for name, values in (("x", job.x), ("y", job.y)):
        flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        if how == "rank":
            out[f"transform.{name}.values"] = np.sort(flat, axis=0)
            out[f"transform.{name}.scores"] = np.sort(_baseline.rank_normal(flat), axis=0)
        elif how == "zscore":
            mean, spread = _moments(flat)
            out |= {f"transform.{name}.mean": mean, f"transform.{name}.spread": spread}
    if baseline is not None:
        out |= {f"baseline.{name}": getattr(baseline, name) for name in _GAUSSIAN}
        out["baseline.scale"] = np.array(baseline.scale)
        out["baseline.offset"] = np.array(1.0 if job.bound == "nwj" else 0.0)
        for name in ("x", "y"):
            project = getattr(baseline, f"project_{name}")
            if project is not None:
                out[f"baseline.project_{name}.mean"] = project[0]
                out[f"baseline.project_{name}.axes"] = project[1]
    return out


def repeat_transform(tensors: Mapping[str, Array], name: str, values: Array) -> Array:
    """Return samples of variable `name` as the stored transform takes them, 2-D.

    Normal scores of values that were not there are interpolated between those that were, and
    those beyond them take the score of the outermost.
    """
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    if f"transform.{name}.values" in tensors:
        known, scores = tensors[f"transform.{name}.values"], tensors[f"transform.{name}.scores"]
        columns = range(flat.shape[1])
        return np.stack([np.interp(flat[:, k], known[:, k], scores[:, k]) for k in columns], axis=1)
    if f"transform.{name}.mean" in tensors:
        out: Array = (flat - tensors[f"transform.{name}.mean"]) / tensors[
            f"transform.{name}.spread"
        ]
        return out
    return flat


def stored_baseline(tensors: Mapping[str, Array]) -> _baseline.Gaussian | None:
    """Return the baseline that `preprocessing` stored, if there was one."""
    if "baseline.rho" not in tensors:
        return None

    def project(name: str) -> tuple[Array, Array] | None:
        key = f"baseline.project_{name}"
        if f"{key}.mean" not in tensors:
            return None
        return tensors[f"{key}.mean"], tensors[f"{key}.axes"]

    mean_x, mean_y, map_x, map_y, rho = (tensors[f"baseline.{name}"] for name in _GAUSSIAN)
    scale = float(tensors["baseline.scale"])
    return _baseline.Gaussian(mean_x, mean_y, map_x, map_y, rho, scale, project("x"), project("y"))
