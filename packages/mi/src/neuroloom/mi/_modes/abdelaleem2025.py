"""``method="abdelaleem2025"``: the published extrapolation, step by step, for comparison.

Abdelaleem, Martini & Nemenman 2025 (arXiv 2506.00330) and the software of that name: a fresh
critic for every part, as many passes as ``n_epochs`` says (so fewer steps on smaller parts), the
epoch chosen by the smoothed score of the 10 % test samples, information read off training samples,
and an extrapolation to γ = 0 that treats parts as independent. Batches are full here, where the
original ends a pass with a short one.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.mi._critics.bounds import Bound
from neuroloom.mi._critics.stack import CriticStack
from neuroloom.mi._errors import OptionError, SmallSampleWarning
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._options.modes import RigorousOptions
from neuroloom.mi._options.params import Params
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.windows import Samples
from neuroloom.mi._training import workers as _workers
from neuroloom.shared import Seed

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
_PUBLISHED = 0.1  # curvature over slope
_STACK = 4
_MOST_TRAIN = 5000


def smoothed(history: Array) -> Array:
    """Return a history after a median filter of 5 and a Gaussian one of σ = 1 epoch."""
    values = np.asarray(history, dtype=float)
    if len(values) >= 5:
        values = scipy.ndimage.median_filter(values, size=5, mode="reflect")
    return np.asarray(scipy.ndimage.gaussian_filter1d(values, 1.0, mode="reflect"))


def split(n: int, mode: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return 90 % train and 10 % test samples; test in five random stretches if blocked."""
    n_test = max(2, int(0.1 * n))
    if mode == "random":
        order = rng.permutation(n)
        return order[n_test:], order[:n_test]
    width = max(1, n_test // 5)
    places = rng.choice(n // width, min(5, n // width), replace=False)
    test = np.concatenate([np.arange(p * width, (p + 1) * width) for p in places])
    return np.setdiff1d(np.arange(n), test), test


def _split(chunk: Array, mode: str, seed: Seed) -> tuple[Array, Array]:
    train, test = split(len(chunk), mode, seed.child("split").generator())
    return chunk[train], chunk[test]


def _best(
    best: tuple[float, Any], history: list[float], stack: CriticStack, place: int
) -> tuple[float, Any]:
    """Return the score and the weights to keep: the newest if they are better by 0.1 %."""
    value = float(smoothed(np.array(history))[-1])
    least = 0.001 * (abs(best[0]) if np.isfinite(best[0]) else 0)
    return (value, stack.weights(place)) if value > best[0] + least else best


def _fit_parts(work: tuple[Any, ...]) -> list[tuple[float, float, list[float]]]:
    """Return train MI, test MI and history of parts of equal number of steps, in nats."""
    x, y, chunks, seeds, params, mode, bound_name, bound_options = work
    learning, model = params.training, params.model
    bound = Bound(bound_name, **bound_options)
    stack = CriticStack(
        [x.shape[1], *model.widths, model.embedding_dim],
        [y.shape[1], *model.widths, model.embedding_dim],
        [torch.Generator().manual_seed(s.child("weights").integer()) for s in seeds],
        learning_rate=learning.rate(),
    )
    splits = [_split(chunk, mode, seed) for chunk, seed in zip(chunks, seeds, strict=True)]
    batch = min(learning.batch_size, *(len(train) for train, _ in splits))
    n_steps = -(-max(len(train) for train, _ in splits) // batch)
    rngs = [seed.child("batches").generator() for seed in seeds]
    tests = [(x[torch.from_numpy(t)], y[torch.from_numpy(t)]) for _, t in splits]
    inputs = [values.new_empty(len(chunks), batch, values.shape[1]) for values in (x, y)]
    history: list[list[float]] = [[] for _ in chunks]
    best = [(-np.inf, stack.weights(c)) for c in range(len(chunks))]
    for _ in range(learning.n_epochs):
        order = [
            np.resize(rng.permutation(train), (n_steps, batch))
            for rng, (train, _) in zip(rngs, splits, strict=True)
        ]
        _train(stack, bound, (x, y), inputs, torch.from_numpy(np.stack(order, axis=1)))
        for c, (test_x, test_y) in enumerate(tests):
            g, h = stack.embed_one(c, test_x, test_y)
            history[c].append(float(bound.value(g @ h.T)))
            best[c] = _best(best[c], history[c], stack, c)
    return _scores(stack, bound, (x, y), splits, [weights for _, weights in best], history)


def _train(
    stack: CriticStack,
    bound: Bound,
    samples: tuple[torch.Tensor, torch.Tensor],
    inputs: list[torch.Tensor],
    order: torch.Tensor,
) -> None:
    """Take a step on each batch of `order`, (n_steps, n_parts, batch); `inputs` are reused."""
    for rows in order.flatten(1):
        for values, into in zip(samples, inputs, strict=True):
            torch.index_select(values, 0, rows, out=into.view(-1, values.shape[1]))
        stack.step(inputs[0], inputs[1], bound)


def _scores(
    stack: CriticStack,
    bound: Bound,
    samples: tuple[torch.Tensor, torch.Tensor],
    splits: list[tuple[Array, Array]],
    best: list[Any],
    history: list[list[float]],
) -> list[tuple[float, float, list[float]]]:
    """Return the bound on training and test samples at each part's best weights."""
    x, y = samples
    out = []
    for c, (train, test) in enumerate(splits):
        stack.restore(c, best[c])
        few = torch.from_numpy(train[: min(len(train), max(len(test), 2), _MOST_TRAIN)])
        g, h = stack.embed_one(c, x[few], y[few])
        held = torch.from_numpy(test)
        a, b = stack.embed_one(c, x[held], y[held])
        out.append((float(bound.value(g @ h.T)), float(bound.value(a @ b.T)), history[c]))
    return out


def subsamples(
    x: Array, y: Array, params: Params, seed: Seed, gamma_range: list[int], **options: Any
) -> pd.DataFrame:
    """Return one row per part: gamma, train_mi and test_mi in nats."""
    import pandas as pd

    a, b = (torch.from_numpy(v.reshape(len(v), -1).astype(np.float32)) for v in (x, y))
    order = seed.child("order").generator().permutation(len(x))
    work, keys = [], []
    for gamma in gamma_range:
        chunks = np.array_split(order, gamma)
        seeds = [seed.child(gamma).child(p) for p in range(gamma)]
        for start in range(0, gamma, _STACK):
            pick = slice(start, start + _STACK)
            bound = (options["bound"], options["bound_options"])
            work.append((a, b, chunks[pick], seeds[pick], params, options["mode"], *bound))
            keys += [gamma] * len(chunks[pick])
    learning = params.training
    n_steps = learning.n_epochs * len(gamma_range) * -(-len(x) // learning.batch_size)
    seconds = _workers.seconds(params, a.shape[1] + b.shape[1], learning.batch_size, n_steps)
    done = shared.map(
        _fit_parts,
        work,
        n_workers=_workers.worth(options["n_workers"], seconds),
        progress=options["progress"],
        description="parts",
        resume=options["resume"],
    )
    rows = [row for group in done for row in group]
    return pd.DataFrame(
        [
            {"gamma": g, "train_mi": r[0], "raw_test_mi": r[1]}
            for g, r in zip(keys, rows, strict=True)
        ]
    )


def _weighted(gamma: Array, value: Array, degree: int) -> tuple[Array, Array, float]:
    """Return coefficients, their covariance and the residual variance; rows weigh 1 / #(γ)."""
    counts = {g: float((gamma == g).sum()) for g in np.unique(gamma)}
    weight = np.array([1 / counts[g] for g in gamma])
    design = np.vander(gamma, degree + 1, increasing=True)
    gram = np.linalg.inv(design.T @ (weight[:, None] * design))
    coefficients = gram @ design.T @ (weight * value)
    residual = value - design @ coefficients
    variance = float((weight * residual**2).sum() / max(len(value) - degree - 1, 1))
    return coefficients, gram * variance, variance


def correct(
    frame: pd.DataFrame, *, threshold: float, min_points: int, confidence: float
) -> dict[str, Any]:
    """Return the published extrapolation of ``gamma`` and ``test_mi`` to γ = 0."""
    gamma, value = frame["gamma"].to_numpy(float), frame["test_mi"].to_numpy(float)
    used = sorted(set(gamma))
    while len(used) >= min_points and len(used) > 2:
        rows = np.isin(gamma, used)
        a, *_ = _weighted(gamma[rows], value[rows], 2)
        if abs(a[2]) < threshold * abs(a[1]):
            break
        used = used[:-1]
    rows = np.isin(gamma, used)
    line, covariance, variance = _weighted(gamma[rows], value[rows], 1)
    quantile = float(scipy.stats.t.ppf(0.5 + confidence / 2, max(int(rows.sum()) - 2, 1)))
    error = quantile * float(np.sqrt(covariance[0, 0]))
    return {
        "mi_corrected": float(line[0]),
        "mi_error": error,
        "mi_error_pred": quantile * float(np.sqrt(covariance[0, 0] + variance)),
        "slope": float(line[1]),
        "is_reliable": len(used) >= min_points,
        "gammas_used": [int(g) for g in used],
        "interval": (float(line[0]) - error, float(line[0]) + error),
    }


def run_abdelaleem2025(analysis: Analysis, options: RigorousOptions, samples: Samples) -> Results:
    """Return the published procedure's estimate."""
    factor, chosen = analysis.factor, options.subsampling
    if analysis.params.model.critic_type != "separable" or analysis.critic is not None:
        raise OptionError(
            "method='abdelaleem2025': expected the separable critic on 'mlp' embeddings"
        )
    gamma_range = list(chosen.gammas)
    x, y = samples.values[:2]
    if len(x) // gamma_range[-1] < 1000:
        warnings.warn(
            f"parts of {len(x) // gamma_range[-1]} samples, the method asks for 1000",
            SmallSampleWarning,
            stacklevel=4,
        )
    bound_options = dict(analysis.bound_options)
    if analysis.bound == "infonce":
        bound_options.setdefault("symmetric", False)
    if analysis.bound == "smile":
        bound_options.setdefault("clip", None)
    frame = subsamples(
        x,
        y,
        analysis.params,
        analysis.seed.child("peer"),
        gamma_range,
        bound=analysis.bound,
        bound_options=bound_options,
        mode=analysis.split_mode,
        n_workers=analysis.n_workers,
        progress=analysis.progress,
        resume=analysis.folder("parts"),
    )
    frame[["train_mi", "raw_test_mi"]] *= factor
    frame["test_mi"] = frame["train_mi" if options.variant == "train" else "raw_test_mi"]
    details = correct(
        frame,
        threshold=_PUBLISHED if chosen.threshold is None else chosen.threshold,
        min_points=chosen.least_points,
        confidence=analysis.confidence,
    )
    row = {
        "mi": details["mi_corrected"],
        "mi_err": details["mi_error"],
        "ci_lo": details["interval"][0],
        "ci_hi": details["interval"][1],
        "n": len(x),
        "reliable": details["is_reliable"],
        "units": analysis.units,
    }
    details |= {
        "raw_results": frame.to_dict("records"),
        "tidy": [row],
        "reasons": []
        if details["is_reliable"]
        else ["the published curvature rule leaves too few values of γ"],
    }
    params = {"method": "abdelaleem2025", "variant": options.variant}
    return Results("rigorous", params, details["mi_corrected"], frame, details)
