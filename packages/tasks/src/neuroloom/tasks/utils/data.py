"""Batches for supervised learning."""

from neuroloom.tasks._environments.dataset import (
    Batch,
    Dataset,
)

__all__ = [
    "Batch",
    "Dataset",
]
