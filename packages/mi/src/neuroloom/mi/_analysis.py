"""What every mode works with: the samples of an analysis and how critics are to be fitted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.mi._errors import InsufficientDataError
from neuroloom.mi._fit import Fitted, Job, run_jobs
from neuroloom.mi._inputs import check_finite, check_varies
from neuroloom.mi._options import Params
from neuroloom.mi._split import Fold, folds, given
from neuroloom.mi._windows import Samples, Variable, cut
from neuroloom.shared import Seed

log = logging.getLogger("neuroloom.mi")
Array = NDArray[Any]
MIN_SAMPLES = 50


@dataclass(frozen=True)
class Analysis:
    """An analysis after its arguments were checked.

    Attributes
    ----------
    x, y : Variable
        `y` is None only in modes that do without.
    params : Params
    bound, bound_options : str and dict
    seed : Seed
    split_mode : {"blocked", "random"}
    train_indices, test_indices : ndarray, optional
    gap : int, optional
        Samples left out around test blocks; what windows share by default.
    n_workers : int
    progress : bool
    critic, embedding : optional
        The user's own module or class.
    align : {None, "truncate"}
    device : str
    confidence : float
    z : Variable, optional
        What is given, in mode ``"conditional"``.
    """

    x: Variable
    y: Variable | None
    params: Params
    bound: str
    bound_options: dict[str, Any]
    seed: Seed
    split_mode: str = "blocked"
    train_indices: Array | None = None
    test_indices: Array | None = None
    gap: int | None = None
    n_workers: int = 1
    progress: bool = False
    critic: torch.nn.Module | None = None
    embedding: type | None = None
    align: str | None = None
    device: str = "cpu"
    confidence: float = 0.68
    z: Variable | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def samples(self, *variables: Variable) -> Samples:
        """Return checked samples of `variables`, of x and y if none are named."""
        chosen = variables or tuple(v for v in (self.x, self.y) if v is not None)
        cutout = cut(*chosen, align=self.align)
        for var, values in zip(chosen, cutout.values, strict=True):
            check_finite(var.name, values.reshape(len(values), -1))
            check_varies(var.name, values)
        n = len(cutout.starts)
        if n < MIN_SAMPLES:
            raise InsufficientDataError(
                f"expected at least {MIN_SAMPLES} samples, got {n}; record more or use shorter "
                "windows or steps"
            )
        if self.gap is not None:
            cutout = replace(cutout, gap=self.gap)
        return cutout

    def folds(self, n: int, gap: int, seed: Seed, index: Array | None = None) -> list[Fold]:
        """Return the folds of `n` samples, or of those in `index`."""
        training, rng = self.params.training, seed.child("folds").generator()
        if (self.train_indices is None) != (self.test_indices is None):
            raise InsufficientDataError(
                "train_indices and test_indices: expected both or none, got one of them"
            )
        if self.train_indices is not None and self.test_indices is not None:
            return [given(self.train_indices, self.test_indices, n, training.validation, rng)]
        return folds(
            np.arange(n) if index is None else index,
            n_folds=training.n_folds,
            mode=self.split_mode,
            gap=gap,
            validation=training.validation,
            rng=rng,
        )

    def jobs(
        self,
        x: Array,
        y: Array,
        fold_list: Sequence[Fold],
        seed: Seed,
        *,
        key: Mapping[str, Any] | None = None,
        params: Params | None = None,
        **more: Any,
    ) -> list[Job]:
        """Return one job per fold."""
        chosen = params or self.params
        return [
            Job(
                x,
                y,
                fold,
                seed.child(k),
                chosen,
                self.bound,
                self.bound_options,
                {**(key or {}), "fold": k},
                critic=self.critic,
                embedding=self.embedding,
                device=self.device,
                **more,
            )
            for k, fold in enumerate(fold_list)
        ]

    def fit(self, jobs: Sequence[Job], description: str = "") -> list[Fitted]:
        """Return the fits of `jobs`, in order."""
        return run_jobs(
            jobs, n_workers=self.n_workers, progress=self.progress, description=description
        )
