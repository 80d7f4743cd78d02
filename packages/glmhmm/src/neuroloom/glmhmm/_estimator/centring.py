"""Regressors far from zero, fitted around their means.

A regressor of mean 10,000 and standard deviation 1 is almost the intercept: rounding and small
changes of its weight would decide the fit. The intercept takes the mean up, and gives it back.
Everything that climbs the objective, or looks at its curvature, does so around these means; a
penalty on the intercept is one on the level there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.packing import moved
from neuroloom.glmhmm._estimator.problem import Posed
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model.parameters import Parameters

_FAR = 10.0  # standard deviations between a mean and zero; nearer ones stay as they are
_CONSTANT = 1e-9  # of the mean: no more than rounding


def centred(data: Data) -> tuple[Data, NDArray[np.float64]]:
    """Return the trials around the means of far regressors, and what was subtracted."""
    shift = np.zeros(data.x.shape[1])
    mean, spread, _ = data.moments
    far = (np.abs(mean) > _FAR * spread) & (spread > _CONSTANT * np.abs(mean))
    if not far.any():
        return data, shift
    shift = np.where(far, mean, 0.0)
    return replace(data, x=data.x - shift), shift


def near(found: Posed) -> tuple[Posed, NDArray[np.float64]]:
    """Return a fitted model on data around the means of far regressors, as it is fitted."""
    old = found.problem
    data, shift = centred(old.data)
    if not shift.any():
        return found, shift
    there = replace(old, data=data, trials=moved(old.trials, shift))
    return Posed(there, around(found.core, shift)), shift


def around(parameters: Parameters, shift: NDArray[np.float64]) -> Parameters:
    """Return the parameters for regressors less `shift`; minus the shift is the way back."""
    if not shift.any():
        return parameters
    weights = np.array(parameters.weights)
    weights[..., -1] += weights[..., :-1] @ shift
    return parameters._replace(weights=weights)
