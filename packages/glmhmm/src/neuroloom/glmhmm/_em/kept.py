"""Fits that a folder keeps one by one, so that a fit of many starts can go on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from neuroloom.glmhmm._em.em import Fit
from neuroloom.glmhmm._model.parameters import Parameters
from neuroloom.shared.jobs import Job

_SHAPE = jax.tree.structure(Fit(Parameters(0, 0, 0, 0, 0), 0, 0, 0, 0, 0, 0, 0))


@dataclass(frozen=True)
class Kept:
    """A job, and which of its fits are meant: the names of the parts in its folder."""

    job: Job
    stage: str
    names: tuple[int, ...] = ()

    def within(self, stage: str, names: Sequence[int]) -> Kept:
        """Return the same job for the fits of a stage, told by their numbers."""
        return replace(self, stage=f"{self.stage}-{stage}", names=tuple(int(n) for n in names))

    def at(self, places: Sequence[int]) -> Kept:
        """Return the same job for some of the fits."""
        return replace(self, names=tuple(self.names[i] for i in places))

    def has(self, place: int) -> bool:
        """Return whether a fit is kept."""
        return self.job.has(f"{self.stage}-{self.names[place]:04d}")

    def fit(self, place: int, compute: Callable[[], Fit]) -> Fit:
        """Return a fit that is kept, or compute and keep it."""
        name = f"{self.stage}-{self.names[place]:04d}"
        numbers = self.job.compute(
            name, lambda: [np.asarray(leaf) for leaf in jax.tree.leaves(compute())]
        )
        found = jax.tree.unflatten(_SHAPE, numbers)
        assert isinstance(found, Fit)
        return found
