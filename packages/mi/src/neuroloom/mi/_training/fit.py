"""Jobs: one critic each, trained on one fold and scored on samples it has not seen.

Analyses make lists of jobs. Jobs of equal shape are trained together, a few per stack, and the
stacks are spread over the workers. A job's result depends on its data and its seed alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroloom import shared
from neuroloom.mi._critics import gaussian as _baseline
from neuroloom.mi._critics.bounds import Bound
from neuroloom.mi._critics.stack import CriticStack
from neuroloom.mi._training import score as _score
from neuroloom.mi._training import workers as _workers
from neuroloom.mi._training.fit_module import fit_module
from neuroloom.mi._training.job import CHECKS, MAX_VALIDATION, Fitted, Job, batches, failed, rate_at
from neuroloom.mi._training.preprocessing import cosines, preprocessing, transform
from neuroloom.mi._training.torch_state import own_torch
from neuroloom.shared import Seed

STACK = 4
STACK_ON_GPU = 64
_FIRST = 0.1  # factor on the last layer's first weights where a baseline stands in


def run_jobs(
    jobs: Sequence[Job],
    *,
    n_workers: int | None = None,
    progress: bool = False,
    description: str = "",
    resume: Path | None = None,
) -> list[Fitted]:
    """Return the fits of all jobs, in their order.

    Parameters
    ----------
    jobs : sequence of Job
    n_workers : int, optional
        What a surrounding ``joblib.parallel_config`` says if not given.
    progress : bool
        Show a bar.
    description : str
        Text in front of the bar.
    resume : Path, optional
        Folder that keeps the account of every finished stack.
    """
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
        stack_accounts,
        [[jobs[p] for p in chunk] for chunk in chunks],
        n_workers=_workers.worth(n_workers, seconds),
        progress=progress,
        description=description,
        resume=resume,
    )
    fitted: dict[int, Fitted] = {}
    for chunk, accounts in zip(chunks, done, strict=True):
        for place, account in zip(chunk, accounts, strict=True):
            fitted[place] = Fitted.of(jobs[place], account)
    return [fitted[place] for place in range(len(jobs))]


def stack_accounts(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return what `fit_stack` found, without the jobs' samples."""
    with own_torch():
        return [fit.account() for fit in fit_stack(jobs)]


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
        return 0.0 if self.baseline is None else self.baseline.shown

    def rows(self, index: NDArray[np.int64] | Tensor) -> tuple[Tensor, ...]:
        where = torch.as_tensor(index, device=self.x.device)
        return tuple(part[where] for part in self.parts)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """What a critic sees: samples, and features where a baseline stands in."""
        return tuple(part for part in (self.x, self.y, self.u, self.v) if part is not None)


class _Recent:
    """The last results of this process: jobs that differ in their networks alone share them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[tuple[Any, ...], Any] = {}

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return what `make` made for this key, if that is not long ago; else what it makes."""
        found = self.known.pop(key, None)
        if found is None:
            found = make()
        self.known[key] = found  # last, now
        for old in list(self.known)[: -self.most]:
            self.known.pop(old, None)
        return found


def _digest(values: NDArray[Any]) -> tuple[Any, ...]:
    content = np.ascontiguousarray(values)
    return values.shape, content.dtype, hashlib.blake2b(content.data, digest_size=16).digest()


_baselines, _transformed = _Recent(64), _Recent(2)


def _baseline_of(x: NDArray[Any], y: NDArray[Any], seed: Seed) -> _baseline.Gaussian:
    """Return the baseline of training samples, for a seed that is used for nothing else."""
    key = (_digest(x), _digest(y), seed.entropy, seed.path)
    found: _baseline.Gaussian = _baselines.get(key, lambda: _baseline.fit(x, y, seed.generator()))
    return found


def _transform(values: NDArray[np.floating], how: str) -> NDArray[np.floating]:
    """Return samples transformed; not to be changed, for the next job may have the same."""
    if how != "rank":
        return transform(values, how)
    found: NDArray[np.floating] = _transformed.get(_digest(values), lambda: transform(values, how))
    return found


def prepare(job: Job) -> _Ready:
    """Return the job's samples, transformed, with the baseline's features."""
    training = job.params.training
    x, y = _transform(job.x, training.transform), _transform(job.y, training.transform)
    if job.permutation is not None:
        y = y[job.permutation]
    u = v = gaussian = None
    if training.baseline and training.transform != "none":
        train = job.fold.train
        gaussian = _baseline_of(x[train], y[train], job.seed.child("baseline"))
        u, v = map(torch.from_numpy, gaussian.features(x, y, 1.0 if job.bound == "nwj" else 0.0))
        x, y = gaussian.reduce(x, y)
    n_plain = (x.shape[1], y.shape[1])
    x, y = cosines(x, job.n_cosines), cosines(y, job.n_cosines)
    a, b = (torch.from_numpy(np.ascontiguousarray(v, dtype=np.float32)) for v in (x, y))
    if u is not None and v is not None:
        u, v = u.to(job.device), v.to(job.device)
    return _Ready(a.to(job.device), b.to(job.device), u, v, gaussian, n_plain)


def fit_stack(jobs: Sequence[Job]) -> list[Fitted]:
    """Return the fits of jobs of equal shape."""
    if not jobs[0].plain():
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
        self.held_out = data.rows(job.fold.validation[:MAX_VALIDATION])
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
                f"({learning.n_epochs} epochs) at learning rate {learning.rate(job.n_steps):g}; "
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
            _score.train_value(embedded(job.fold.train[:MAX_VALIDATION]), bound),
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
        learning_rate=learning.rate(first.n_steps),
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
    every = max(1, n_steps // CHECKS)
    patience = _patience(first, every)
    for step in range(n_steps + 1):
        if step % every == 0 or step == n_steps:
            for ensemble in ensembles:
                ensemble.check(step, bound)
            if all(step - ensemble.last_gain() > patience for ensemble in ensembles):
                break
        if step < n_steps:
            stack.set_learning_rate(
                rate_at(learning.rate(n_steps), step, n_steps, learning.scheduler)
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


def _factors(
    stack: CriticStack, members: Sequence[int], rows: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Return factors whose products are the mean score of some networks of a stack."""
    x, y, *features = rows
    pairs = [stack.embed_one(c, x, y) for c in members]
    left = [g / len(pairs) for g, _ in pairs] + features[:1]
    right = [h for _, h in pairs] + features[1:]
    return torch.cat(left, 1), torch.cat(right, 1)
