"""Many fits of equal shape side by side: folds, subjects, grids, bootstrap samples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from neuroloom import shared
from neuroloom.glmhmm._em.compile import double_precision, program
from neuroloom.glmhmm._em.em import Fit, fit_one, run, run_forward
from neuroloom.glmhmm._em.kept import Kept
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._model.parameters import Model, Parameters, Prior
from neuroloom.shared.parallel import (
    n_cores,
    n_surrounding_workers,
    surrounding_shard,
    unfinished,
    whole_work,
)

_CHUNK_NUMBERS = 20_000_000  # places × states × fits in one program on an accelerator


def _fit_batch(
    starts: Parameters,
    trials: Trials,
    prior: Prior,
    tol: Any,
    maxiter: Any,
    model: Model,
    trace: int,
) -> Fit:
    return jax.vmap(lambda s, t, p: run(s, t, p, tol, maxiter, model, trace))(starts, trials, prior)


def log_likelihood(parameters: Parameters, trials: Trials, *, model: Model) -> Any:
    """Return the log-likelihood of the trials that are there, without base terms."""
    return program(_log_likelihood, "model")(parameters, trials, model=model)


def _log_likelihood(parameters: Parameters, trials: Trials, model: Model) -> Any:
    return jnp.sum(run_forward(parameters, trials, model).log_likelihood)


def log_likelihoods(parameters: Parameters, trials: Trials, *, model: Model) -> Any:
    """Return one log-likelihood for each pair of parameters and trials (leading axes)."""
    return program(_log_likelihoods, "model")(parameters, trials, model=model)


def _log_likelihoods(parameters: Parameters, trials: Trials, model: Model) -> Any:
    return jax.vmap(lambda p, t: _log_likelihood(p, t, model))(parameters, trials)


def fit_all(
    starts: list[Parameters],
    trials: list[Trials],
    priors: list[Prior],
    tol: float,
    maxiter: int,
    model: Model,
    trace: int,
    *,
    vectorised: bool | None = None,
    keep: Kept | None = None,
    bar: str | None = None,
) -> list[Fit]:
    """Return one fit, in numpy, for each start; `trials` or `priors` of length one are for all.

    All must have one shape, so that they share one compiled program. On CPUs it runs once per
    start, on a thread per core: a batched loop would drag every fit along to the end of the slowest
    one. On accelerators many fits advance together. Where a surrounding ``joblib.parallel_config``
    gives several workers, each of them computes a part of the fits. The numbers do not depend on
    the number of threads and workers. `keep` keeps every fit once it is there; inside
    `neuroloom.shared.parallel.sharded` a part of them is computed. `bar` is the text in front of a
    bar, which is not shown if there is none; of several workers it counts the parts.
    """
    n = len(starts)
    if keep is not None:
        _end_with_part(starts, trials, priors, tol, maxiter, model, trace, keep)
    n_workers = min(n, n_surrounding_workers())
    if n_workers > 1:
        return _fit_by_workers(
            starts, trials, priors, tol, maxiter, model, trace, n_workers, keep, bar
        )

    def one(i: int) -> Fit:
        return computed(i) if keep is None else keep.fit(i, lambda: computed(i))

    def computed(i: int) -> Fit:
        with double_precision():  # holds in its own thread only
            fit = fit_one(
                starts[i],
                trials[i % len(trials)],
                priors[i % len(priors)],
                tol,
                maxiter,
                model=model,
                trace=trace,
            )
            return _in_numpy(fit)

    if n == 1:
        return [one(0)]
    if vectorised is None:
        vectorised = jax.default_backend() != "cpu"
    if vectorised:
        found = _fit_side_by_side(starts, trials, priors, tol, maxiter, model, trace, keep)
        return list(_shown(found, n, bar))
    if (most := n_cores()) == 1:
        return list(_shown(map(one, range(n)), n, bar))
    with ThreadPoolExecutor(min(n, most)) as pool:
        return list(_shown(pool.map(one, range(n)), n, bar))


def _shown(fits: Iterator[Fit], n: int, bar: str | None) -> Iterable[Fit]:
    """Return the fits with a bar, if there is a text for it; one that is not shown takes time."""
    shown: Iterable[Fit] = fits if bar is None else tqdm(fits, total=n, desc=bar)
    return shown


def side_by_side(n_workers: int | None) -> dict[str, Any]:
    """Return the map's workers for items of a few fits each: threads if nobody asks for others.

    The fits of one item may be fewer than the cores; on accelerators they advance together.
    """
    own = n_workers is None and n_surrounding_workers() == 1 and jax.default_backend() == "cpu"
    return {"n_workers": n_cores(), "backend": "threading"} if own else {"n_workers": n_workers}


def _end_with_part(
    starts: list[Parameters],
    trials: list[Trials],
    priors: list[Prior],
    tol: float,
    maxiter: int,
    model: Model,
    trace: int,
    keep: Kept,
) -> None:
    """Keep this process's part of the fits and end, where a surrounding shard asks for one."""
    n = len(starts)
    shard = surrounding_shard() if n > 1 else None
    left = [i for i in range(n) if not keep.has(i)]
    if shard is None or not left:
        return
    mine = [i for i in left if i % shard[1] == shard[0]]
    if mine:
        few = [starts[i] for i in mine]
        of_few = [trials[i % len(trials)] for i in mine]
        theirs = [priors[i % len(priors)] for i in mine]
        with whole_work():
            fit_all(few, of_few, theirs, tol, maxiter, model, trace, keep=keep.at(mine))
    raise unfinished(shard, n - len(left) + len(mine), n, keep.job.folder)


def _fit_by_workers(
    starts: list[Parameters],
    trials: list[Trials],
    priors: list[Prior],
    tol: float,
    maxiter: int,
    model: Model,
    trace: int,
    n_workers: int,
    keep: Kept | None,
    bar: str | None,
) -> list[Fit]:
    """Return the fits of `fit_all`, computed in parts by joblib's workers."""
    data = jax.tree.map(np.asarray, trials)
    work = functools.partial(_part, data=data, tol=tol, maxiter=maxiter, model=model, trace=trace)
    places = np.array_split(np.arange(len(starts)), n_workers)
    parts = [
        (
            part.tolist(),
            jax.tree.map(np.asarray, [starts[i] for i in part]),
            jax.tree.map(np.asarray, [priors[i % len(priors)] for i in part]),
            None if keep is None else keep.at(part.tolist()),
        )
        for part in places
    ]
    shown: dict[str, Any] = {"progress": bar is not None, "description": bar or ""}
    return [fit for fits in shared.map(work, parts, **shown) for fit in fits]


def _part(
    part: tuple[list[int], list[Parameters], list[Prior], Kept | None],
    data: list[Trials],
    **options: Any,
) -> list[Fit]:
    places, starts, priors, keep = part
    of_places = [data[i % len(data)] for i in places]
    return fit_all(starts, of_places, priors, **options, keep=keep)


def _in_numpy(fit: Fit) -> Fit:
    numbers = jax.tree.map(np.asarray, fit)
    assert isinstance(numbers, Fit)
    return numbers


def _fit_side_by_side(
    starts: list[Parameters],
    trials: list[Trials],
    priors: list[Prior],
    tol: float,
    maxiter: int,
    model: Model,
    trace: int,
    keep: Kept | None,
) -> Iterator[Fit]:
    n = len(starts)
    size = trials[0].observed.size * starts[0].weights.shape[0]
    chunk = int(np.clip(_CHUNK_NUMBERS // size, 2, n))

    def together(begin: int) -> list[Fit]:
        index = [min(i, n - 1) for i in range(begin, begin + chunk)]
        fits = program(_fit_batch, "model", "trace")(
            stack([starts[i] for i in index]),
            stack([trials[i % len(trials)] for i in index]),
            stack([priors[i % len(priors)] for i in index]),
            tol,
            maxiter,
            model=model,
            trace=trace,
        )
        numbers = _in_numpy(fits)
        return [jax.tree.map(lambda a, j=j: a[j], numbers) for j in range(min(chunk, n - begin))]

    for begin in range(0, n, chunk):
        if keep is None:
            yield from together(begin)
            continue
        # One program computes them all: the first that is missing brings the others along.
        fits = functools.cache(functools.partial(together, begin))
        for i in range(begin, min(begin + chunk, n)):
            yield keep.fit(i, functools.partial(_nth, fits, i - begin))


def _nth(fits: Callable[[], list[Fit]], place: int) -> Fit:
    return fits()[place]


def stack(trees: list[Any]) -> Any:
    """Return equal trees as one with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *trees)


def only(trials: Trials, keep: NDArray[np.bool_]) -> Trials:
    """Return the trials of whole sessions; `keep` is a mask of places (n_steps, n_columns)."""
    # In numpy: each of these would be a program of its own, and programs take numpy's at once.
    return trials._replace(
        observed=np.where(keep, trials.observed, 0.0),
        reset=np.where(keep, trials.reset, True),
        start=np.where(keep, trials.start, 0.0),
        # Where single outputs are missing this mask decides what counts.
        seen=np.where(keep.reshape(1, -1), trials.seen, 0.0),
    )
