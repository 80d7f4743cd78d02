"""Regressors far from zero, fitted around their means.

A regressor of mean 10,000 and standard deviation 1 is almost the intercept: rounding and small
changes of its weight would decide the fit. The intercept takes the mean up, and gives it back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model.parameters import Parameters

_FAR = 10.0  # standard deviations between a mean and zero; nearer ones stay as they are
_CONSTANT = 1e-9  # of the mean: no more than rounding


def centred(model: Any, data: Data) -> tuple[Data, NDArray[np.float64]]:
    """Return the trials around the means of far regressors, and what was subtracted.

    Nothing is where the penalty is on the intercepts as well: the mean has a price there.
    """
    x = data.x[data.observed]
    shift = np.zeros(x.shape[1])
    if model.penalize_intercept or not len(x):
        return data, shift
    mean, spread = x.mean(axis=0), x.std(axis=0)
    far = (np.abs(mean) > _FAR * spread) & (spread > _CONSTANT * np.abs(mean))
    if not far.any():
        return data, shift
    shift = np.where(far, mean, 0.0)
    return replace(data, x=data.x - shift), shift


def around(parameters: Parameters, shift: NDArray[np.float64]) -> Parameters:
    """Return the parameters for regressors less `shift`; minus the shift is the way back."""
    if not shift.any():
        return parameters
    weights = np.array(parameters.weights)
    weights[..., -1] += weights[..., :-1] @ shift
    return parameters._replace(weights=weights)
