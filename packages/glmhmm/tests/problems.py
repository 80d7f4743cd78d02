"""Data sets with known parameters that several test modules share."""

import numpy as np

from neuroloom.glmhmm import GLMHMM

TRANSITION = np.array([[0.95, 0.05], [0.08, 0.92]])


def known(family="Bernoulli", coef=((3.0, 0.2), (0.0, -0.5)), intercept=(0.0, 1.2), scale=None):
    """Return a two-state model with parameters set by hand."""
    model = GLMHMM(2, family)
    model.coef_, model.intercept_ = np.array(coef), np.array(intercept)
    model.scale_ = np.ones(model.intercept_.shape) if scale is None else np.array(scale)
    model.initial_prob_, model.transition_prob_ = np.array([0.6, 0.4]), TRANSITION.copy()
    return model


def drawn(model, n=600, session=100, seed=0, spread=1.0):
    """Return regressors, responses, starts and states drawn from the model."""
    X = spread * np.random.default_rng(seed).normal(size=(n, len(model.coef_)))
    starts = np.arange(n) % session == 0
    y, _, states = model.simulate(seed, X, session_starts=starts)
    return X, np.asarray(y), starts, np.asarray(states)
