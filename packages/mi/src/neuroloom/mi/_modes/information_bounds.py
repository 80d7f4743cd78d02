"""Mutual information from below and from above, side by side.

Lower bounds are scores of critics on held-out samples. From above there is no bound that holds
for all data, but two that hold where their condition does:

* the entropy of a discrete variable, ``I(X; Y) ≤ min(H(X), H(Y))``;
* with a conditional model ``q`` that is close enough to the truth, the leave-one-out bound (Poole
  et al. 2019, eq. 13), which replaces the marginal of y by the mixture of ``q(y | x)`` over the
  other samples, and the looser CLUB (Cheng et al. 2020), ``E log q(y|x) − E E log q(y|x)``. Here
  ``q`` is normal, its mean and variance perceptrons of x on normal scores, fitted on samples left
  out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuroloom.mi._critics.embeddings import MLP
from neuroloom.mi._critics.gaussian import rank_normal
from neuroloom.mi._direct import gcmi, miller_madow_entropy
from neuroloom.mi._errors import DataShapeError
from neuroloom.mi._results.record import unit_factor
from neuroloom.mi._run import run
from neuroloom.mi._samples.folds import folds
from neuroloom.mi._samples.inputs import plain, same_rows, samples
from neuroloom.mi._statistics.correlation import standard_error
from neuroloom.shared import Seed, as_seed

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
_STEPS, _CHECK, _BATCH, _RATE, _HIDDEN = 600, 20, 128, 2e-3, (64, 64)
_REPEATED = 0.5  # a variable with fewer distinct values than this share of samples is discrete


class _Conditional(nn.Module):
    """A normal distribution of y given x."""

    def __init__(self, n_x: int, n_y: int) -> None:
        super().__init__()
        self.mean = MLP(n_x, _HIDDEN, n_y)
        self.log_variance = MLP(n_x, _HIDDEN, n_y)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances, shape (n, n_y)."""
        return self.mean(x), self.log_variance(x).clamp(-8, 4)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean negative log density without its constant."""
        mean, log_variance = self(x)
        own = (y - mean).square() * (-log_variance).exp() + log_variance
        return cast(Tensor, 0.5 * own.sum(1).mean())


def _fitted(x: Tensor, y: Tensor, train: Array, held: Array, seed: Seed) -> _Conditional:
    """Return the model at its best on `held` samples."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed.child("weights").integer())
        model = _Conditional(x.shape[1], y.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
    rng = seed.child("batches").generator()
    best, state = math.inf, {k: v.clone() for k, v in model.state_dict().items()}
    for step in range(_STEPS):
        rows = torch.from_numpy(rng.choice(train, min(_BATCH, len(train)), replace=False))
        optimizer.zero_grad()
        model.loss(x[rows], y[rows]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % _CHECK == 0:
            with torch.no_grad():
                value = float(model.loss(x[held], y[held]))
            if value < best:
                best, state = value, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(state)
    return model


@torch.no_grad()
def _pointwise(model: _Conditional, x: Tensor, y: Tensor) -> tuple[Array, Array]:
    """Return each sample's share of the leave-one-out bound and of CLUB, in nats."""
    mean, log_variance = (v.double() for v in model(x))
    y = y.double()
    precision = (-log_variance).exp()
    # log q(y_j | x_i) for all i, j, from the squares multiplied out; constants cancel.
    square = y.square() @ precision.T - 2 * y @ (mean * precision).T
    log_density = -0.5 * (square + (mean.square() * precision + log_variance).sum(1)).T
    own = log_density.diagonal()
    others = log_density.masked_fill(torch.eye(len(x), dtype=torch.bool), -math.inf)
    left_out = own - (others.logsumexp(0) - math.log(len(x) - 1))
    return left_out.numpy(), (own - log_density.mean(1)).numpy()


def upper_bounds(x: Array, y: Array, seed: Seed) -> dict[str, tuple[float, float]]:
    """Return ``l1out`` and ``club`` of samples (n, features), with standard errors, in nats."""
    a, b = (torch.from_numpy(rank_normal(v).astype(np.float32)) for v in (x, y))
    parts = folds(
        np.arange(len(x)),
        n_folds=5,
        mode="blocked",
        gap=0,
        validation=0.15,
        rng=seed.child("folds").generator(),
    )
    told = np.full((2, len(x)), np.nan)
    for k, fold in enumerate(parts):
        model = _fitted(a, b, fold.train, fold.validation, seed.child(k))
        told[:, fold.test] = _pointwise(model, a[fold.test], b[fold.test])
    return {
        name: (float(values.mean()), standard_error(values))
        for name, values in zip(("l1out", "club"), told, strict=True)
    }


def _entropy(values: Array) -> float:
    """Return the entropy in nats if rows repeat, otherwise infinity."""
    codes = np.unique(values, axis=0, return_inverse=True)[1].ravel()
    if codes.max() + 1 > _REPEATED * len(values):
        return math.inf
    return miller_madow_entropy(codes)


def information_bounds(
    x: Any,
    y: Any,
    *,
    output_units: Literal["bits", "nats"] = "bits",
    seed: int | Seed = 0,
    **options: Any,
) -> pd.DataFrame:
    """Return lower and upper bounds of mutual information, one row each.

    Columns ``bound``, ``side`` (``"lower"`` or ``"upper"``), ``mi``, ``mi_err`` and ``holds``,
    the condition under which it is a bound.

    Parameters
    ----------
    x, y : array_like, shape (n_samples, n_features)
    output_units : {"bits", "nats"}
    seed : int or Seed
    **options
        For `run` in mode ``"estimate"``.

    Raises
    ------
    DataShapeError
        If x and y differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom import mi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1000)
    >>> y = 0.8 * x + 0.6 * rng.standard_normal(1000)  # 0.74 bits
    >>> table = mi.information_bounds(x, y, base_params={"n_epochs": 5, "n_inits": 1})
    >>> lower, upper = (table.query(f"side == '{side}'")["mi"] for side in ("lower", "upper"))
    >>> bool(lower.max() < upper.min() + 0.1)
    True
    """
    import pandas as pd

    factor = unit_factor(output_units)
    same_rows(x, y)
    a, b = (samples(name, plain(data)) for name, data in (("x", x), ("y", y)))
    if len(a) != len(b):
        raise DataShapeError(f"expected as many samples in x and y, got {len(a)} and {len(b)}")
    result = run(a, b, random_seed=seed, output_units=output_units, verbose=False, **options)
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    root = as_seed(seed).child("sandwich")
    given_x = upper_bounds(a, b, root.child("y given x"))
    given_y = upper_bounds(b, a, root.child("x given y"))
    entropy = min(_entropy(a), _entropy(b)) * factor
    rows = [
        (result.params["estimator"], "lower", result.mi_estimate, result.details["mi_error"]),
        ("gcmi", "lower", gcmi(a, b) * factor, math.nan),
        *(
            # Of the two directions the one whose model fits better has the larger value.
            (name, "upper", *(v * factor for v in max(given_x[name], given_y[name])))
            for name in ("l1out", "club")
        ),
        ("entropy", "upper", entropy, math.nan),
    ]
    frame = pd.DataFrame(rows, columns=["bound", "side", "mi", "mi_err"])
    frame["holds"] = [
        "held-out samples",
        "any marginals",
        *(["normal y given x, or x given y"] * 2),
        "a discrete variable",
    ]
    return frame
