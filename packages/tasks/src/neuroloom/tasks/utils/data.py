"""Batches for supervised learning."""

from neuroloom.tasks._dataset import (
    Batch,
    Dataset,
)

__all__ = [
    "Batch",
    "Dataset",
]
