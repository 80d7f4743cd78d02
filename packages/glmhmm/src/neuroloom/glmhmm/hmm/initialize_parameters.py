"""Starts of the chain's probabilities, under the reference's module path."""

from neuroloom.glmhmm._start.initializers import (
    InitFunctionHMM,
    dirichlet_initial_proba_init,
    dirichlet_transition_proba_init,
    kmeans_initial_proba_init,
    kmeans_transition_proba_init,
    random_initial_proba_init,
    random_transition_proba_init,
    sticky_transition_proba_init,
    uniform_initial_proba_init,
    uniform_transition_proba_init,
)

__all__ = [
    "InitFunctionHMM",
    "dirichlet_initial_proba_init",
    "dirichlet_transition_proba_init",
    "kmeans_initial_proba_init",
    "kmeans_transition_proba_init",
    "random_initial_proba_init",
    "random_transition_proba_init",
    "sticky_transition_proba_init",
    "uniform_initial_proba_init",
    "uniform_transition_proba_init",
]
