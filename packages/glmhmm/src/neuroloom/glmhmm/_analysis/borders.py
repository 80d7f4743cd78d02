"""Which parameters of a fitted model can move, and which stand at a border.

At a border the likelihood has no curvature: a probability at zero, a scale at its floor, a mean at
the end of its range, a transition that inputs decide without a doubt. Errors of all else are those
of a fit along the border.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._estimator.problem import Posed
from neuroloom.glmhmm._estimator.ranges import at_border

AT_ZERO = 1e-6
_ONE_BORDER = 0.05  # trials closer together than this, relatively, stand at one border


def held_at_zero(found: Posed) -> NDArray[np.bool_]:
    """Return which probabilities are zero, (1 + n_states, n_states): initial ones, transitions.

    A driven transition is one that no trial's inputs bring up.
    """
    core = found.core
    into = found.transitions()
    highest = into.max(axis=0) if into.ndim == 3 else into
    rows = np.vstack([core.initial, np.maximum(core.transition, highest)])
    return np.asarray(rows <= AT_ZERO)


def references(found: Posed, held: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return which entry of each row the logits are counted from.

    It is the largest one; staying, where inputs drive the transitions.
    """
    core = found.core
    rows = np.vstack([core.initial, core.transition])
    out = rows.argmax(axis=1)
    if found.problem.static.driven:
        k = core.initial.size
        stay = ~held[1:].diagonal()
        out[1:] = np.where(stay, np.arange(k), out[1:])
    return np.asarray(out)


def free_parameters(
    model: Any, found: Posed, held: NDArray[np.bool_], n_plain: int, size: int
) -> NDArray[np.bool_]:
    """Return which of the flat parameters can move in both directions."""
    core, k = found.core, model.n_states
    out = np.ones(size, dtype=bool)
    mask = np.asarray(found.problem.prior.penalty.free)
    if mask.shape[0]:
        out[: core.weights.size] = np.broadcast_to(mask > 0, core.weights.shape).ravel()
    if model.observation_model.has_scale:
        floor = np.asarray(found.problem.prior.scale.log_smallest)
        at_floor = core.log_scale <= floor + 1e-6
        has_one = model.observation_model.scale_mask(core.log_scale.shape[1])
        out[core.weights.size : n_plain] = (~at_floor & has_one).ravel()
    logits = ~held
    logits[np.arange(k + 1), references(found, held)] = False
    out[n_plain : n_plain + logits.size] = logits.ravel()
    drive = ~np.eye(k, dtype=bool) & ~held[1:]
    out[n_plain + logits.size :] = np.repeat(drive.ravel(), core.drive.shape[-1])
    return out


def bounds(model: Any, found: Posed, size: int) -> NDArray[np.float64]:
    """Return the directions, one a row, in which a mean at the border of its range would leave it.

    They are linear in the weights: what the information is along the others holds for a fit under
    these constraints (Aitchison & Silvey 1958).
    """
    data, weights = found.problem.data, np.asarray(found.core.weights)
    x = np.column_stack([data.x_observed, np.ones(data.n_observed)])
    near = at_border(model, weights, x[:, :-1], found.problem.prior.predictor)
    out = []
    for k, j in np.argwhere(near.any(axis=2)):
        _, sizes, rows = np.linalg.svd(x[near[k, j]], full_matrices=False)
        for row in rows[sizes > _ONE_BORDER * sizes[0]]:
            direction = np.zeros(weights.shape)
            direction[k, j] = row
            out.append(np.pad(direction.ravel(), (0, size - direction.size)))
    return np.reshape(out, (len(out), size))


def decided(
    found: Posed, held: NDArray[np.bool_], n_plain: int, size: int, *, penalized: bool
) -> NDArray[np.float64]:
    """Return directions, one a row, along which inputs decide transitions without a doubt.

    The likelihood rises there for ever, ever more slowly: a transition that is seen at the largest
    input alone, or never. As a plain probability is at the border where p (1 − p) is next to
    nothing, a direction of logits and inputs' weights is where the mean of p (1 − p) along it is.
    """
    if not found.problem.static.driven:
        return np.zeros((0, size))
    p, k = found.problem, found.core.initial.size
    follows = np.flatnonzero(~p.data.starts)
    weight = found.posterior().smoothed[follows - 1]
    into = found.transitions()[follows]
    u = p.take(np.moveaxis(np.asarray(p.trials.u), 0, 1))[follows]
    n_inputs = u.shape[1]
    z = np.column_stack([np.ones(len(u)), u])
    reference = references(found, held)[1:]
    out = []
    for i in range(k):
        targets = np.flatnonzero(~held[1 + i] & (np.arange(k) != reference[i]))
        if not len(targets) or weight[:, i].sum() <= AT_ZERO:
            continue
        prior = _prior_curvature(found, i, targets, n_inputs) if penalized else 0.0
        for flat in _flat(z, weight[:, i], into[:, i][:, targets], prior):
            direction = np.zeros(size)
            logits, slopes = flat[:, 0], flat[:, 1:]
            direction[n_plain + (1 + i) * k + targets] = logits
            at = n_plain + (k + 1) * k + (i * k + targets) * n_inputs
            direction[at[:, None] + np.arange(n_inputs)] = slopes
            out.append(direction)
    return np.reshape(out, (len(out), size))


def _flat(
    z: NDArray[np.float64], weight: NDArray[np.float64], p: NDArray[np.float64], prior: Any
) -> NDArray[np.float64]:
    """Return the directions (n_targets, 1 + n_inputs) of a row's softmax that are decided."""
    n, width, targets = len(z), z.shape[1], p.shape[1]
    moment = (z * weight[:, None]).T @ z
    unit = np.sqrt(np.where(np.diag(moment) > 0, np.diag(moment), 1.0))
    values, vectors = np.linalg.eigh(moment / np.outer(unit, unit))
    # What inputs cannot tell apart is no border: the information itself is flat there.
    told = values > 1e-10 * values.max()
    white = (vectors[:, told] / np.sqrt(values[told])) / unit[:, None]
    spread = np.eye(targets)[None] * p[:, :, None] - p[:, :, None] * p[:, None]
    own = np.einsum("t,tjl,ta,tb->jalb", weight, spread, z, z, optimize=True)
    own = own.reshape(targets * width, targets * width) + prior
    full = np.kron(np.eye(targets), white)
    means, along = np.linalg.eigh(full.T @ own @ full)
    flat = (full @ along[:, means <= AT_ZERO]).T
    return np.asarray(flat.reshape(-1, targets, width)) if n else np.zeros((0, targets, width))


def _prior_curvature(
    found: Posed, i: int, targets: NDArray[np.int64], n_inputs: int
) -> NDArray[np.float64]:
    """Return what the priors add to the information of a row's logits and inputs' weights."""
    prior = found.problem.prior
    p = found.core.transition[i]
    extra = float((np.asarray(prior.transition)[i] - 1).sum())
    own = np.diag(p[targets]) - np.outer(p[targets], p[targets])
    out = np.zeros((len(targets), 1 + n_inputs, len(targets), 1 + n_inputs))
    out[:, 0, :, 0] = max(extra, 0.0) * own
    for j in range(len(targets)):
        out[j, 1:, j, 1:] += float(prior.drive) * np.eye(n_inputs)
    width = len(targets) * (1 + n_inputs)
    return out.reshape(width, width)
