"""Many starts of one program: all run a little, the promising ones to the end.

Short runs from many starts followed by long runs from the best of them find good optima more
often than as many long runs (emEM; Biernacki, Celeux & Govaert 2003). Here two thirds are dropped
at a time, and the others run four times as long (successive halving; Jamieson & Talwalkar 2016).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.batch import fit_all
from neuroloom.glmhmm._em.compile import power_of_two
from neuroloom.glmhmm._em.em import Fit
from neuroloom.glmhmm._em.kept import Kept
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._model.parameters import Model, Parameters, Prior

if TYPE_CHECKING:
    import pandas as pd

AUTO_STARTS = 96
SCREEN_ITERATIONS = 24
FINALISTS = 8


@dataclass(frozen=True)
class Restarts:
    """The best fit, and what every start led to."""

    best: Fit
    report: pd.DataFrame
    index: int


def trace_length(maxiter: int) -> int:
    """Return the size of the history, one for most limits, so that few programs are compiled."""
    return power_of_two(max(maxiter, 1024))


def diverse_starts(
    first: Parameters,
    pooled: Parameters,
    n: int,
    rng: np.random.Generator,
    spread: NDArray[np.float64],
    unit: NDArray[np.float64],
    moved: Any = False,
) -> Parameters:
    """Return `n` starts: `first`, then the one-state weights with noise of several sizes.

    The smallest is that of Ashwood et al. 2022. `spread` is each regressor's standard deviation,
    `unit` each output's unit, so that noise means the same for all units. Outputs that are `moved`
    by another unit of the response keep the intercepts' common level: zero is none of theirs.
    """
    n_states, n_outputs, width = first.weights.shape
    size = np.tile([0.3, 1.0, 2.0, 0.2], n)[: n - 1]
    noise = rng.normal(size=(n - 1, n_states, n_outputs, width)) * size[:, None, None, None]
    noise *= unit[:, None] / np.append(np.where(spread > 0, spread, 1.0), 1.0)
    base = np.asarray(pooled.weights)
    # Some starts scale the pooled weights, so that states differ in how much they follow them.
    spread_of_gain = np.where(size > 0.2, 0.7, 0.0)[:, None, None, None]
    gain = np.exp(spread_of_gain * rng.normal(size=(n - 1, n_states, 1, 1)))
    gains = np.broadcast_to(gain, noise.shape).copy()
    gains[..., -1] = np.where(moved, 1.0, gains[..., -1])
    weights = base * gains + noise
    stay = rng.uniform(0.85, 0.99, size=(n - 1, n_states))
    transition = np.empty((n - 1, n_states, n_states))
    transition[:] = ((1 - stay) / max(n_states - 1, 1))[..., None]
    for k in range(n_states):
        transition[:, k, k] = stay[:, k] if n_states > 1 else 1.0

    def stack(a: Any, b: Any) -> Any:
        return np.concatenate([np.asarray(a)[None], np.asarray(b)])

    def repeat(a: Any) -> Any:
        return np.repeat(np.asarray(a)[None], n - 1, axis=0)

    return Parameters(
        stack(first.weights, weights),
        stack(first.log_scale, repeat(first.log_scale)),
        stack(first.initial, repeat(np.full(n_states, 1 / n_states))),
        stack(first.transition, transition),
        stack(first.drive, repeat(np.zeros_like(first.drive))),
    )


def multi_start(
    starts: Parameters,
    trials: Trials,
    prior: Prior,
    tol: float,
    maxiter: int,
    model: Model,
    *,
    finalists: int | Literal["all"] = FINALISTS,
    base: float = 0.0,
    sound: Callable[[Fit], bool] | None = None,
    keep: Kept | None = None,
    progress: bool = False,
) -> Restarts:
    """Return the best fit over `starts` (leading axis), by penalised log-likelihood.

    With more starts than finalists all run `SCREEN_ITERATIONS`, and the best go on, up to `tol`.
    `base` is added to the report's log-likelihoods. Fits that are not `sound` come last:
    a collapsed state's likelihood has no bound. `keep` keeps each start's run as it ends.
    `progress` shows a bar for each of the rounds, if there are several starts.
    """
    n = len(starts.weights)
    n_final = n if finalists == "all" else min(max(finalists, n // 8), n)
    screen = maxiter if n_final == n else min(SCREEN_ITERATIONS, maxiter)
    problem: dict[str, Any] = {"trials": [trials], "priors": [prior], "tol": tol, "model": model}
    runs = _Runs(functools.partial(fit_all, **problem, trace=trace_length(maxiter)), keep)
    runs.begin(starts, screen, "starts" if progress and n > 1 else None)
    alive = np.arange(n)
    while len(alive) > n_final:
        size = max(n_final, -(-len(alive) // 3))
        alive = runs.best(alive, size)
        left = maxiter - runs.spent
        more = left if size == n_final else min(3 * runs.spent, left)
        runs.go_on(alive, more, f"the best {size}" if progress else None)
    fits, finished = runs.fits, np.isin(np.arange(n), alive)
    order = [i for i in _ranking(fits) if finished[i]]
    best = _first_sound(fits, order, sound)
    return Restarts(fits[best], _report(fits, finished, base), best)


class _Runs:
    """Every start's run so far; those that go on have had `spent` iterations."""

    def __init__(self, fit: Callable[..., list[Fit]], keep: Kept | None) -> None:
        self.fits: list[Fit] = []
        self.spent = 0
        self._fit = fit
        self._keep = keep

    def begin(self, starts: Parameters, iterations: int, bar: str | None) -> None:
        """Run all starts (leading axis)."""
        n = len(starts.weights)
        each = [jax.tree.map(lambda a, i=i: a[i], starts) for i in range(n)]
        self.spent = iterations
        self.fits = self._fit(each, maxiter=iterations, keep=self._kept(range(n)), bar=bar)

    def best(self, among: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """Return some of the runs, the best first."""
        return among[_ranking([self.fits[i] for i in among])[:size]]

    def go_on(self, among: NDArray[np.int64], iterations: int, bar: str | None) -> None:
        """Let those of the runs that have not converged go on for as many iterations."""
        self.spent += iterations
        left = [i for i in among if not self.fits[i].converged]
        if not left or not iterations:
            return
        again, kept = [self.fits[i].parameters for i in left], self._kept(left)
        ends = self._fit(again, maxiter=iterations + 1, keep=kept, bar=bar)
        for i, end in zip(left, ends, strict=True):
            self.fits[i] = _joined(self.fits[i], end)

    def _kept(self, starts: Sequence[int]) -> Kept | None:
        return None if self._keep is None else self._keep.within(str(self.spent), starts)


def _first_sound(fits: list[Fit], order: list[Any], sound: Callable[[Fit], bool] | None) -> int:
    """Return the first fit, in order, that is sound; the very first if none is."""
    if sound is not None:
        return int(next((i for i in order if sound(fits[i])), order[0]))
    return int(order[0])


def _report(fits: list[Fit], finished: NDArray[np.bool_], base: float) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "start": np.arange(len(fits)),
            "objective": np.array([float(fit.objective) + base for fit in fits]),
            "log_likelihood": np.array([float(fit.log_likelihood) + base for fit in fits]),
            "iterations": np.array([int(fit.iterations) for fit in fits]),
            "converged": np.array([bool(fit.converged) for fit in fits]),
            "finished": finished,
        }
    )


def _joined(first: Fit, then: Fit) -> Fit:
    """Return the run that `then` finishes, with the traces of both."""
    n, size = int(first.iterations), len(first.objectives)

    def trace(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        # The second run evaluates where the first one ended once more.
        return np.concatenate([a[: n - 1], b])[:size]

    return then._replace(
        log_likelihoods=trace(first.log_likelihoods, then.log_likelihoods),
        objectives=trace(first.objectives, then.objectives),
        iterations=np.asarray(min(n - 1 + int(then.iterations), size)),
    )


def _ranking(fits: list[Fit]) -> NDArray[np.int64]:
    values = np.array([float(fit.objective) for fit in fits])
    return np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
