"""Starts of weights and scales, under the reference's module path."""

from neuroloom.glmhmm._start.initializers import (
    InitFunctionGLM,
    constant_scale_init,
    kmeans_glm_params_init,
    kmeans_scale_init,
    random_glm_params_init,
)

__all__ = [
    "InitFunctionGLM",
    "constant_scale_init",
    "kmeans_glm_params_init",
    "kmeans_scale_init",
    "random_glm_params_init",
]
