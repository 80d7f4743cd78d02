"""A GLM is the model with one state; it serves as a baseline and as a start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.em import fit_one
from neuroloom.glmhmm._em.mstep import Model
from neuroloom.glmhmm._em.packing import lay_out, pack
from neuroloom.glmhmm._em.shapes import (
    as_arrays,
    double_precision,
    from_core,
    plain_prior,
    simple_start,
)
from neuroloom.glmhmm._families.families import Link, Observations


def fit_glm_arrays(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    family: Observations,
    link: Link,
    *,
    ridge: float = 1.0,
    observed: NDArray[np.bool_] | None = None,
) -> tuple[Any, Any, Any]:
    """Return coefficients (n_features, …), intercept and scale of a GLM under a ridge."""
    starts = np.zeros(len(x), dtype=bool)
    starts[0] = True
    seen = np.ones(len(x), dtype=bool) if observed is None else observed
    # One state needs no order in time: the plain layout without joined columns is enough.
    starts[:: max(int(np.sqrt(len(x))), 1)] = True
    with double_precision():
        layout = lay_out(starts)
        trials = as_arrays(pack(layout, x, y, starts, seen))
        start = simple_start(1, x.shape[1], y, seen, family, link)
        prior = plain_prior(1, start.weights.shape[1], x.shape[1], ridge)
        model = Model(family, link, split=layout.split)
        fit = fit_one(start, trials, prior, 1e-10, 500, model=model, trace=512)
        coef, intercept, scale, _, _ = from_core(fit.parameters, y.ndim == 1 and not family.couples)
    return coef[..., 0], intercept[..., 0], scale[..., 0]
