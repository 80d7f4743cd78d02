"""Jobs: one critic each, and the account that a trained critic gives of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.mi._options.params import Params
from neuroloom.mi._samples.folds import Fold
from neuroloom.mi._training import score as _score
from neuroloom.mi._training import workers as _workers
from neuroloom.shared import Seed

CHECKS = 30
MAX_VALIDATION = 1000


@dataclass(frozen=True)
class Job:
    """One critic to train: the mean of ``n_inits`` networks.

    Attributes
    ----------
    x, y : ndarray, shape (n_samples, n_channels, n_features)
    fold : Fold
        Which samples train, stop and test.
    seed : Seed
    key : dict
        What this job is, for tables.
    permutation : ndarray, optional
        Which row of y goes with each row of x; their own by default.
    n_reference : int, optional
        Number of training samples that sets the number of steps; the fold's own by default.
    params : Params
    bound, bound_options : str and dict
    critic, embedding : optional
        The user's own module, or class of embeddings.
    keep : bool
        Whether to return the critic's weights.
    """

    x: NDArray[np.floating]
    y: NDArray[np.floating]
    fold: Fold
    seed: Seed
    params: Params = field(default_factory=Params)
    bound: str = "infonce"
    bound_options: dict[str, Any] = field(default_factory=dict)
    key: dict[str, Any] = field(default_factory=dict)
    permutation: NDArray[np.int64] | None = None
    n_reference: int | None = None
    critic: torch.nn.Module | None = None
    embedding: type | None = None
    keep: bool = False
    device: str = "cpu"

    @property
    def n_steps(self) -> int:
        """Number of optimiser steps."""
        n = self.n_reference or len(self.fold.train)
        return self.params.training.n_epochs * max(1, -(-n // self.params.training.batch_size))

    @property
    def n_cosines(self) -> int:
        """Cosines of each feature that every second network sees besides."""
        training = self.params.training
        use = self.plain() and training.transform != "none" and training.n_inits > 1
        return training.n_cosines if use else 0

    @property
    def seconds(self) -> float:
        """About how long the job takes on one core."""
        n_features = sum(int(np.prod(v.shape[1:])) for v in (self.x, self.y))
        one = _workers.seconds(self.params, n_features, self.batch, self.n_steps)
        return one * self.params.training.n_inits

    def plain(self) -> bool:
        """Return whether the written-out stack can train this critic."""
        own = self.critic is not None or self.embedding is not None
        return not own and self.params.plain

    def shape(self) -> tuple[Any, ...]:
        """Return what jobs of one stack have in common."""
        own = (id(self.critic), self.embedding) if not self.plain() else ()
        return (
            self.plain(),
            *(int(np.prod(v.shape[1:])) for v in (self.x, self.y)),
            self.params,
            self.bound,
            tuple(sorted(self.bound_options.items())),
            self.batch,
            self.n_steps,
            *own,
        )

    @property
    def batch(self) -> int:
        """Samples per step."""
        return min(self.params.training.batch_size, len(self.fold.train))


@dataclass(frozen=True)
class Fitted:
    """A trained critic's account of its job; information in nats."""

    job: Job
    score: _score.Score
    train_mi: float
    best_step: int
    history: tuple[float, ...]
    gaussian: float
    state: dict[str, NDArray[Any]] | None = None
    failure: str | None = None

    def account(self) -> dict[str, Any]:
        """Return all but the job, whose samples need not travel or be kept twice."""
        score = self.score
        return {
            "score": [score.bound, score.infonce, score.dv, score.ceiling],
            "pointwise": score.pointwise.astype(np.float32),
            "train_mi": self.train_mi,
            "best_step": self.best_step,
            "history": list(self.history),
            "gaussian": self.gaussian,
            "state": self.state,
            "failure": self.failure,
        }

    @classmethod
    def of(cls, job: Job, account: dict[str, Any]) -> Fitted:
        """Return the fit that gave `account` of `job`."""
        bound, infonce, dv, ceiling = account["score"]
        pointwise = np.asarray(account["pointwise"], dtype=np.float64)
        return cls(
            job,
            _score.Score(bound, infonce, dv, pointwise, ceiling),
            account["train_mi"],
            account["best_step"],
            tuple(account["history"]),
            account["gaussian"],
            account["state"],
            account["failure"],
        )


def batches(job: Job, member: int) -> NDArray[np.int64]:
    """Return the rows of each step, shape (n_steps, batch): shuffled passes, end to end."""
    rng = job.seed.child("batches").child(member).generator()
    train = job.fold.train
    n_passes = -(-job.n_steps * job.batch // len(train))
    order = np.concatenate([rng.permutation(train) for _ in range(n_passes)])
    return order[: job.n_steps * job.batch].reshape(job.n_steps, job.batch)


def rate_at(base: float, step: int, n_steps: int, scheduler: str) -> float:
    """Return the learning rate of a step."""
    if scheduler == "constant":
        return base
    if scheduler == "step":
        return base * 0.1 ** (3 * step // n_steps)
    warm = n_steps // 10 if scheduler == "cosine_warmup" else 0
    if step < warm:
        return base * (step + 1) / warm
    return base * 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(n_steps - warm, 1))))


def failed(job: Job, history: Sequence[float], message: str) -> Fitted:
    """Return the account of a job that did not work out."""
    nothing = _score.nothing(len(job.fold.test))
    return Fitted(job, nothing, np.nan, 0, tuple(history), np.nan, failure=message)
