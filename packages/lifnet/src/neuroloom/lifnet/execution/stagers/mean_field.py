"""Stagers of the theory."""

from neuroloom.lifnet._execution._mean_field_stagers import (
    FullMeanFieldStager,
    ReducedMeanFieldStager,
)

__all__ = ["FullMeanFieldStager", "ReducedMeanFieldStager"]
