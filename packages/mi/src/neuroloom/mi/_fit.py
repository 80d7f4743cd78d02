"""Jobs: one critic each, trained on one fold and scored on samples it has not seen.

Analyses make lists of jobs. Jobs of equal shape are trained together, a few per stack, and the
stacks are spread over the workers. A job's result depends on its data and its seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroloom import shared
from neuroloom.mi import _baseline, _score, _workers
from neuroloom.mi._bounds import Bound
from neuroloom.mi._options import Params
from neuroloom.mi._preprocessing import preprocessing, transform, waves
from neuroloom.mi._split import Fold
from neuroloom.mi._stack import CriticStack
from neuroloom.shared import Seed

STACK = 4
STACK_ON_GPU = 64
_CHECKS = 30
_FIRST = 0.1  # factor on the last layer's first weights where a baseline stands in
_MAX_VALIDATION = 1000


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
    def n_waves(self) -> int:
        """Cosines of each feature that every second network sees besides."""
        training = self.params.training
        use = self.plain() and training.transform != "none" and training.n_inits > 1
        return training.n_waves if use else 0

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


def run_jobs(
    jobs: Sequence[Job], *, n_workers: int = 1, progress: bool = False, description: str = ""
) -> list[Fitted]:
    """Return the fits of all jobs, in their order."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, job in enumerate(jobs):
        groups.setdefault(job.shape(), []).append(place)
    chunks = []
    for places in groups.values():
        first = jobs[places[0]]
        stack = STACK if first.device == "cpu" else STACK_ON_GPU
        size = max(1, stack // first.params.training.n_inits)
        chunks += [places[i : i + size] for i in range(0, len(places), size)]
    seconds = sum(job.seconds for job in jobs)
    done = shared.map(
        fit_stack,
        [[jobs[p] for p in chunk] for chunk in chunks],
        n_workers=_workers.worth(n_workers, seconds),
        progress=progress,
        description=description,
    )
    fitted: dict[int, Fitted] = {}
    for chunk, results in zip(chunks, done, strict=True):
        for place, result in zip(chunk, results, strict=True):
            fitted[place] = replace(result, job=jobs[place])
    return [fitted[place] for place in range(len(jobs))]


@dataclass(frozen=True)
class _Ready:
    """A job's samples as the critic sees them, in training order of features."""

    x: Tensor
    y: Tensor
    u: Tensor | None
    v: Tensor | None
    baseline: _baseline.Gaussian | None
    n_plain: tuple[int, int]  # features of x and y before waves

    @property
    def gaussian(self) -> float:
        """The baseline's information in nats."""
        return 0.0 if self.baseline is None else self.baseline.information

    def rows(self, index: NDArray[np.int64] | Tensor) -> tuple[Tensor, ...]:
        where = torch.as_tensor(index, device=self.x.device)
        return tuple(part[where] for part in self.parts)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """What a critic sees: samples, and features where a baseline stands in."""
        return tuple(part for part in (self.x, self.y, self.u, self.v) if part is not None)


def prepare(job: Job) -> _Ready:
    """Return the job's samples, transformed, with the baseline's features."""
    training = job.params.training
    x: NDArray[np.floating] = transform(job.x, training.transform)
    y: NDArray[np.floating] = transform(job.y, training.transform)
    if job.permutation is not None:
        y = y[job.permutation]
    u = v = gaussian = None
    if training.baseline and training.transform != "none":
        rng = job.seed.child("baseline").generator()
        gaussian = _baseline.fit(x[job.fold.train], y[job.fold.train], rng)
        u, v = map(torch.from_numpy, gaussian.features(x, y, 1.0 if job.bound == "nwj" else 0.0))
        x, y = gaussian.reduce(x, y)
    n_plain = (x.shape[1], y.shape[1])
    x, y = waves(x, job.n_waves), waves(y, job.n_waves)
    a, b = (torch.from_numpy(np.ascontiguousarray(v, dtype=np.float32)) for v in (x, y))
    if u is not None and v is not None:
        u, v = u.to(job.device), v.to(job.device)
    return _Ready(a.to(job.device), b.to(job.device), u, v, gaussian, n_plain)


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


def fit_stack(jobs: Sequence[Job]) -> list[Fitted]:
    """Return the fits of jobs of equal shape."""
    if not jobs[0].plain():
        from neuroloom.mi._fit_module import fit_module

        return [fit_module(job) for job in jobs]
    by_width: dict[tuple[int, int], list[int]] = {}
    ready = [prepare(job) for job in jobs]
    for place, data in enumerate(ready):  # baselines may leave different numbers of features
        by_width.setdefault((data.x.shape[1], data.y.shape[1]), []).append(place)
    out: dict[int, Fitted] = {}
    for places in by_width.values():
        fitted = _fit_equal([jobs[p] for p in places], [ready[p] for p in places])
        out.update(zip(places, fitted, strict=True))
    return [out[place] for place in range(len(jobs))]


class _Ensemble:
    """One job's networks inside a stack: their places, batches and best weights so far."""

    def __init__(self, job: Job, data: _Ready, first: int, stack: CriticStack) -> None:
        self.job, self.data, self.stack = job, data, stack
        self.n_plain = data.n_plain
        self.members = range(first, first + job.params.training.n_inits)
        self.batches = [
            torch.from_numpy(batches(job, i)).to(job.device) for i in range(len(self.members))
        ]
        self.held_out = data.rows(job.fold.validation[:_MAX_VALIDATION])
        self.history: list[float] = []
        # Networks that see no waves: those inputs are zero, as are their weights, from the start.
        wavy = tuple(self.n_plain) != (data.x.shape[1], data.y.shape[1])
        self.blind = self.members[1::2] if wavy else range(0)
        for c in self.blind:
            stack.forget_inputs(c, *self.n_plain)
        self.best = [(-np.inf, 0, stack.weights(c)) for c in self.members]

    def write(self, step: int, buffers: Sequence[Tensor]) -> None:
        """Put each network's batch at its place, one buffer per part of the samples."""
        for member, batch in zip(self.members, self.batches, strict=True):
            for part, buffer in zip(self.data.parts, buffers, strict=True):
                torch.index_select(part, 0, batch[step], out=buffer[member])
        for member in self.blind:
            for n, buffer in zip(self.n_plain, buffers, strict=False):
                buffer[member, :, n:] = 0

    def check(self, step: int, bound: Bound) -> None:
        """Score the validation samples, and keep weights that are the best so far."""
        values = []
        for place, c in enumerate(self.members):
            left, right = _factors(self.stack, [c], self.held_out)
            values.append(float(bound.value(left @ right.T)))
            if values[-1] > self.best[place][0]:
                self.best[place] = (values[-1], step, self.stack.weights(c))
        self.history.append(float(np.mean(values)))

    def last_gain(self) -> int:
        """Return the step at which a network was last better than before."""
        return max(step for _, step, _ in self.best)

    def finish(self, bound: Bound) -> Fitted:
        """Return the account of the best networks together."""
        job, learning = self.job, self.job.params.training
        if not np.isfinite(self.history[-1]):
            return failed(
                job,
                self.history,
                f"training diverged: no finite validation score in {job.n_steps} steps "
                f"({learning.n_epochs} epochs) at learning rate {learning.learning_rate:g}; "
                "lower it",
            )
        for c, (_, _, weights) in zip(self.members, self.best, strict=True):
            self.stack.restore(c, weights)
        chosen = self._choose(bound)
        left, right = _factors(self.stack, chosen, self.held_out)
        warmth = _score.temperature((left @ right.T).cpu(), bound)

        def embedded(index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            one, other = _factors(self.stack, chosen, self.data.rows(index))
            return (one * warmth).cpu(), other.cpu()

        return Fitted(
            job,
            _score.score(embedded(job.fold.test), bound),
            _score.train_value(embedded(job.fold.train[:_MAX_VALIDATION]), bound),
            int(np.median([self.best[c - self.members.start][1] for c in chosen])),
            tuple(self.history),
            self.data.gaussian,
            self._state(warmth, chosen) if job.keep else None,
        )

    def _choose(self, bound: Bound) -> Sequence[int]:
        """Return the networks that serve validation samples best together."""
        if not self.blind:
            return self.members
        groups = (self.members, self.members[::2], self.blind)
        values = []
        for group in groups:
            left, right = _factors(self.stack, group, self.held_out)
            values.append(float(bound.value(left @ right.T)))
        return groups[int(np.argmax(values))]

    def _state(self, warmth: float, chosen: Sequence[int]) -> dict[str, NDArray[Any]]:
        state = preprocessing(self.job, self.data.baseline)
        state["temperature"] = np.array(warmth, dtype=np.float32)
        for member, c in enumerate(chosen):
            weights = self.best[c - self.members.start][2]
            half = len(weights) // 2
            for place, values in enumerate(weights):
                tower = "x" if place < half else "y"
                kind = "bias" if place % 2 else "weight"
                name = f"network{member}.{tower}.layer{place % half // 2}.{kind}"
                state[name] = values.cpu().numpy()
        return state


def _fit_equal(jobs: Sequence[Job], ready: Sequence[_Ready]) -> list[Fitted]:
    first, model, learning = jobs[0], jobs[0].params.model, jobs[0].params.training
    bound = Bound(first.bound, **first.bound_options)
    stack = CriticStack(
        [ready[0].x.shape[1], *model.widths, model.embedding_dim],
        [ready[0].y.shape[1], *model.widths, model.embedding_dim],
        [
            torch.Generator().manual_seed(job.seed.child("weights").child(i).integer())
            for job in jobs
            for i in range(learning.n_inits)
        ],
        learning_rate=learning.learning_rate,
        weight_decay=learning.weight_decay,
        last=_FIRST if ready[0].u is not None else 1.0,
        device=first.device,
    )
    ensembles = [
        _Ensemble(job, data, k * learning.n_inits, stack)
        for k, (job, data) in enumerate(zip(jobs, ready, strict=True))
    ]
    buffers = [
        part.new_empty(stack.n_critics, first.batch, part.shape[1]) for part in ready[0].parts
    ]
    n_steps = first.n_steps
    every = max(1, n_steps // _CHECKS)
    patience = _patience(first, every)
    for step in range(n_steps + 1):
        if step % every == 0 or step == n_steps:
            for ensemble in ensembles:
                ensemble.check(step, bound)
            if all(step - ensemble.last_gain() > patience for ensemble in ensembles):
                break
        if step < n_steps:
            stack.set_learning_rate(
                rate_at(learning.learning_rate, step, n_steps, learning.scheduler)
            )
            for ensemble in ensembles:
                ensemble.write(step, buffers)
            stack.step(buffers[0], buffers[1], bound, *buffers[2:])
    return [ensemble.finish(bound) for ensemble in ensembles]


def _patience(job: Job, every: int) -> float:
    patience = job.params.training.patience
    if patience is None:
        return np.inf
    return max(every, patience * max(1, job.n_steps // job.params.training.n_epochs))


def failed(job: Job, history: Sequence[float], message: str) -> Fitted:
    """Return the account of a job that did not work out."""
    nothing = _score.nothing(len(job.fold.test))
    return Fitted(job, nothing, np.nan, 0, tuple(history), np.nan, failure=message)


def _factors(
    stack: CriticStack, members: Sequence[int], rows: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Return factors whose products are the mean score of some networks of a stack."""
    x, y, *features = rows
    pairs = [stack.embed_one(c, x, y) for c in members]
    left = [g / len(pairs) for g, _ in pairs] + features[:1]
    right = [h for _, h in pairs] + features[1:]
    return torch.cat(left, 1), torch.cat(right, 1)
