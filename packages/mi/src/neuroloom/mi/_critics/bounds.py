"""The variational bounds: value and gradient with respect to the matrix of scores.

``scores[..., i, j] = f(x_i, y_j)``: the diagonal holds joint samples, the rest independent ones.
All critics train by pushing ``grad`` through their scores, so a bound is these two functions and
nothing else. Everything is in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from neuroloom.mi._errors import choice


def _diagonal(scores: Tensor) -> Tensor:
    return scores.diagonal(dim1=-2, dim2=-1)


def _without_diagonal(scores: Tensor) -> Tensor:
    """Return a copy whose diagonal is −inf, so that exponentials leave it out."""
    out = scores.clone()
    _diagonal(out).fill_(-math.inf)
    return out


def _log_mean_independent(scores: Tensor) -> Tensor:
    n = scores.shape[-1]
    return _without_diagonal(scores).flatten(-2).logsumexp(-1) - math.log(n * (n - 1))


def _eye_minus(penalty: Tensor, n: int, joint: Tensor | float = 1.0, scale: float = 1.0) -> Tensor:
    """Return ``diag(joint)/n − scale * penalty``; writes into `penalty`."""
    out = penalty.mul_(-scale)
    diagonal = _diagonal(out)
    diagonal += joint / n
    return out


def infonce(
    scores: Tensor,
    row: Tensor | None = None,
    column: Tensor | None = None,
    *,
    symmetric: bool = True,
) -> Tensor:
    """Return van den Oord et al. 2018's bound, at most ``log n``; the mean of both directions.

    `row` and `column` are ``logsumexp`` over the last and the last but one dimension, for who has
    them.
    """
    n = scores.shape[-1]
    joint = _diagonal(scores).mean(-1)
    normalizer = (scores.logsumexp(-1) if row is None else row).mean(-1)
    if symmetric:
        column = scores.logsumexp(-2) if column is None else column
        normalizer = 0.5 * (normalizer + column.mean(-1))
    return joint - normalizer + math.log(n)


def infonce_grad(scores: Tensor, *, symmetric: bool = True) -> Tensor:
    """Return the gradient of `infonce`."""
    n = scores.shape[-1]
    penalty = scores.softmax(-1)
    if symmetric:
        penalty += scores.softmax(-2)
    return _eye_minus(penalty, n, scale=(0.5 if symmetric else 1.0) / n)


def tuba(scores: Tensor) -> Tensor:
    """Return Poole et al. 2019's bound (eq. 8 with unit baseline)."""
    return 1 + _diagonal(scores).mean(-1) - _log_mean_independent(scores).exp()


def tuba_grad(scores: Tensor) -> Tensor:
    """Return the gradient of `tuba`."""
    n = scores.shape[-1]
    return _eye_minus(_without_diagonal(scores).exp_().div_(n * (n - 1)), n)


def nwj(scores: Tensor) -> Tensor:
    """Return Nguyen, Wainwright & Jordan 2010's bound: `tuba` of the scores minus one."""
    return tuba(scores - 1)


def nwj_grad(scores: Tensor) -> Tensor:
    """Return the gradient of `nwj`."""
    return tuba_grad(scores - 1)


def js(scores: Tensor) -> Tensor:
    """Return the Jensen–Shannon objective of Hjelm et al. 2019; its value is not in nats of MI."""
    n = scores.shape[-1]
    joint = logsigmoid(_diagonal(scores)).mean(-1)
    every = softplus(scores)
    independent = every.sum((-2, -1)) - _diagonal(every).sum(-1)
    return joint - independent / (n * (n - 1))


def js_grad(scores: Tensor) -> Tensor:
    """Return the gradient of `js`."""
    n = scores.shape[-1]
    penalty = scores.sigmoid()
    joint = 1 - _diagonal(penalty).clone()
    _diagonal(penalty).zero_()
    return _eye_minus(penalty.div_(n * (n - 1)), n, joint)


def dv(scores: Tensor) -> Tensor:
    """Return Donsker & Varadhan 1983's bound, the one of MINE (Belghazi et al. 2018)."""
    return _diagonal(scores).mean(-1) - _log_mean_independent(scores)


def dv_grad(scores: Tensor) -> Tensor:
    """Return the gradient of `dv`."""
    n = scores.shape[-1]
    flat = _without_diagonal(scores).flatten(-2).softmax(-1)
    return _eye_minus(flat.reshape(scores.shape), n)


def smile(scores: Tensor, *, clip: float | None = 5.0) -> Tensor:
    """Return Song & Ermon 2020's estimate: `dv` with clipped independent scores."""
    clipped = scores if clip is None else scores.clamp(-clip, clip)
    return _diagonal(scores).mean(-1) - _log_mean_independent(clipped)


def smile_grad(scores: Tensor, *, clip: float | None = 5.0) -> Tensor:
    """Return the gradient that trains a SMILE critic: that of `js`."""
    return js_grad(scores)


Value = Callable[..., Tensor]
BOUNDS: dict[str, tuple[Value, Value]] = {
    "infonce": (infonce, infonce_grad),
    "nwj": (nwj, nwj_grad),
    "tuba": (tuba, tuba_grad),
    "js": (js, js_grad),
    "smile": (smile, smile_grad),
    "dv": (dv, dv_grad),
    "mine": (dv, dv_grad),
}


class Bound:
    """A bound by name, with its options: ``value(scores)`` and ``grad(scores)``."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name = choice("estimator", name, BOUNDS)
        self.options = options
        self._value, self._grad = BOUNDS[self.name]

    @property
    def concave(self) -> bool:
        """Whether the value is concave in a factor on the scores.

        All bounds are a mean of joint scores, or of concave functions of them, less a convex
        function of independent ones; SMILE's clipping is neither.
        """
        return self.name != "smile"

    def value(self, scores: Tensor) -> Tensor:
        """Return the bound in nats, shape of the leading dimensions of `scores`."""
        return self._value(scores, **self.options)

    def estimate(self, scores: Tensor) -> Tensor:
        """Return information in nats: the bound, or `dv` where the bound is none of information.

        The Jensen–Shannon objective is largest at the log density ratio, so its critic's
        information is read off by Donsker and Varadhan's bound.
        """
        return dv(scores) if self.name == "js" else self.value(scores)

    def grad(self, scores: Tensor) -> Tensor:
        """Return the gradient of the training objective, shape of `scores`."""
        return self._grad(scores, **self.options)
