"""Whether more workers would be faster: processes take seconds to start and import torch."""

from __future__ import annotations

import itertools

from joblib.parallel import get_active_backend

from neuroloom.mi._options.params import Params

START = 3.0  # seconds
_CALLS = 1e-4  # seconds that a step takes on any network
_SPEED = 6e10  # floating-point operations a second on small matrices


def worth(n_workers: int | None, seconds: float) -> int | None:
    """Return `n_workers`, or 1 where their processes take longer to start than the work.

    A backend that the caller has chosen, with workers that may be there already, is left alone.
    """
    starts = type(get_active_backend()[0]).__name__ == "LokyBackend"
    return 1 if starts and seconds < START else n_workers


def seconds(params: Params, n_features: int, batch: int, n_steps: int) -> float:
    """Return about how long steps of one network take on one core; `n_features` of both sides."""
    model = params.model
    widths = [*model.widths, model.embedding_dim]
    weights = n_features * widths[0] + 2 * sum(a * b for a, b in itertools.pairwise(widths))
    operations = 6 * batch * (weights + batch * model.embedding_dim)
    return n_steps * (_CALLS + operations / _SPEED)
