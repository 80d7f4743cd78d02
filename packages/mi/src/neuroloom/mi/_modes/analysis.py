"""What every mode works with: the samples of an analysis and how information is estimated."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.mi._direct.estimators import DIRECT
from neuroloom.mi._errors import InsufficientDataError, OptionError
from neuroloom.mi._options.params import Params
from neuroloom.mi._results.record import unit_factor
from neuroloom.mi._samples.folds import MIN_TEST, MIN_TRAIN, Fold, folds, given
from neuroloom.mi._samples.inputs import check_finite, check_varies
from neuroloom.mi._samples.labels import one_hot
from neuroloom.mi._samples.variables import Variable
from neuroloom.mi._samples.windows import Samples, cut
from neuroloom.mi._training.fit import run_jobs
from neuroloom.mi._training.job import Fitted, Job
from neuroloom.shared import Epochs, Seed

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
        A bound to train with or an estimator without a network, and its options.
    seed : Seed
    split_mode : {"blocked", "random"}
    train_indices, test_indices : ndarray, optional
    gap : int, optional
        Samples left out around test blocks; what windows share and samples remember by default.
    n_workers : int, optional
    progress : bool
    critic, embedding : optional
        The user's own module or class.
    align : {None, "truncate"}
    device : str
    confidence : float
    units : {"bits", "nats"}
    epochs : Epochs, optional
        Windows lie within these.
    z : Variable, optional
        What is given, in mode ``"conditional"``.
    resume : Path, optional
        Folder that keeps finished parts of the work.
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
    n_workers: int | None = None
    progress: bool = False
    critic: torch.nn.Module | None = None
    embedding: type | None = None
    align: str | None = None
    device: str = "cpu"
    confidence: float = 0.68
    units: str = "bits"
    epochs: Epochs | None = None
    z: Variable | None = None
    resume: Path | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def factor(self) -> float:
        """What turns nats into output units."""
        return unit_factor(self.units)

    @property
    def direct(self) -> bool:
        """Whether the estimator trains nothing."""
        return self.bound in DIRECT

    def need_y(self, mode: str) -> None:
        """Raise unless there is a second variable."""
        if self.y is None:
            raise OptionError(f"y_data: expected data in mode {mode!r}, got None")

    def samples(self, *variables: Variable) -> Samples:
        """Return checked samples of `variables`, of x and y if none are named."""
        chosen = variables or tuple(v for v in (self.x, self.y) if v is not None)
        cutout = cut(*chosen, align=self.align, epochs=self.epochs)
        pairs = zip(chosen, cutout.values, strict=True)
        cutout = replace(cutout, values=tuple(self.coded(v, w) for v, w in pairs))
        for var, values in zip(chosen, cutout.values, strict=True):
            check_finite(var.name, values.reshape(len(values), -1))
            check_varies(var.name, values, ready=var.kind is None)
        n = len(cutout.starts)
        if n < MIN_SAMPLES:
            raise InsufficientDataError(
                f"expected at least {MIN_SAMPLES} samples, got {n}{_windows_of(cutout)}; record "
                "more or use shorter windows or steps"
            )
        if self.gap is not None:
            cutout = replace(cutout, gap=self.gap)
        return cutout

    def coded(self, var: Variable, values: Array) -> Array:
        """Return samples with one number per kind where they are names of kinds.

        Names have no order; only counting does without numbers that show that.
        """
        return one_hot(var.name, values) if var.names and self.bound != "plugin" else values

    def folds(
        self, n: int, gap: int, seed: Seed, index: Array | None = None, memory: int = 0
    ) -> list[Fold]:
        """Return the folds of `n` samples, or of those in `index`.

        Test blocks keep a distance of `gap`, which windows share, and of `memory` samples, or as
        many as can be spared.
        """
        training, rng = self.params.training, seed.child("folds").generator()
        if (self.train_indices is None) != (self.test_indices is None):
            raise OptionError(
                "train_indices and test_indices: expected both or none, got one of them"
            )
        if self.train_indices is not None and self.test_indices is not None:
            return [given(self.train_indices, self.test_indices, n, training.validation, rng)]
        chosen = np.arange(n) if index is None else index
        return folds(
            chosen,
            n_folds=training.n_folds,
            mode=self.split_mode,
            gap=gap
            if self.gap is not None
            else max(gap, min(memory, spare_gap(len(chosen), training.n_folds))),
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
            jobs,
            n_workers=self.n_workers,
            progress=self.progress,
            description=description,
            resume=self.folder(description),
        )

    def folder(self, description: str) -> Path | None:
        """Return where a part of the work keeps what is finished, None without `resume`."""
        return None if self.resume is None else self.resume / (description or "work")

    def within(self, name: str) -> Analysis:
        """Return the analysis with what it keeps in a folder of its own."""
        return self if self.resume is None else replace(self, resume=self.resume / name)

    def alone(self) -> Analysis:
        """Return the analysis without how it is computed, which is no part of what it finds."""
        return replace(self, n_workers=None, progress=False, resume=None)


def _windows_of(samples: Samples) -> str:
    """Return of what length windows are, where there is a clock."""
    return f", windows of {samples.window:g} s" if np.isfinite(samples.window) else ""


def spare_gap(n: int, n_folds: int) -> int:
    """Return the widest gap around a fold's blocks that leaves three in five training samples."""
    spare = 0.4 * n * (1 - 1 / n_folds) - MIN_TRAIN - MIN_TEST
    return int(max(0, spare // 12))
