"""Batches for supervised learning."""

from neuroloom.tasks._environments.batch import Batch
from neuroloom.tasks._environments.dataset import Dataset

__all__ = [
    "Batch",
    "Dataset",
]
