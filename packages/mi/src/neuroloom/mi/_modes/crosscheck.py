"""`crosscheck`: what estimators without a network say of the same samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from neuroloom.mi._direct.estimators import labels
from neuroloom.mi._errors import DataShapeError, NeuralMIError, real
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, measure_cells
from neuroloom.mi._modes.crosschecks import flat
from neuroloom.mi._options.params import Params
from neuroloom.mi._results.record import unit_factor
from neuroloom.mi._samples.inputs import plain, same_rows, samples
from neuroloom.mi._samples.variables import variable
from neuroloom.shared import Seed

if TYPE_CHECKING:
    import pandas as pd


def crosscheck(
    x: Any, y: Any, *, output_units: str = "bits", k: int = 5, split_mode: str = "blocked"
) -> pd.DataFrame:
    """Return what estimators without a network say, one row each.

    KSG is right for smooth low-dimensional data; ``gcmi`` sees monotonic dependence only; ``cca``
    takes the data as normal; ``lmi`` measures a few cross-fitted latents; ``plugin``, for labels
    and counts, counts patterns.

    Parameters
    ----------
    x, y : array_like, shape (n_samples, n_features)
    output_units : {"bits", "nats"}
    k : int
        Neighbours of KSG.
    split_mode : {"blocked", "random"}
        Whether samples are in order of time.

    Returns
    -------
    pandas.DataFrame
        Columns ``estimator``, ``mi``, ``mi_err``, ``ci_lo``, ``ci_hi`` (68 %), ``reliable`` and
        ``reasons``. Where an estimator cannot say anything, ``mi`` is NaN and the reason tells.

    Raises
    ------
    DataShapeError
        If x and y differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> table = crosscheck(x, 0.8 * x + 0.6 * rng.standard_normal(2000))
    >>> table["mi"].between(0.6, 0.9).all().item()
    True
    """
    import pandas as pd

    factor = unit_factor(output_units)
    k = int(real("k", k, whole=True, low=1))
    same_rows(x, y)
    a, b = (flat(samples(name, plain(data))) for name, data in (("x", x), ("y", y)))
    if len(a) != len(b):
        raise DataShapeError(f"expected as many samples in x and y, got {len(a)} and {len(b)}")
    names = {"ksg": {"k": k}, "gcmi": {}, "cca": {}, "lmi": {"k": k}}
    if labels(a) is not None and labels(b) is not None:
        names["plugin"] = {}
    rows = []
    for name, options in names.items():
        analysis = Analysis(
            variable("x", a, None, None),
            variable("y", b, None, None),
            Params(),
            name,
            options,
            Seed(0),
            split_mode=split_mode,
        )
        row: dict[str, Any] = {"estimator": name}
        try:
            (outcome,) = measure_cells(analysis, [Cell({}, a, b, 0, Seed(0))])
            found = outcome.estimate
            assert found is not None
            row |= {
                "mi": found.mi * factor,
                "mi_err": found.error * factor,
                "ci_lo": found.low * factor,
                "ci_hi": found.high * factor,
                "reliable": found.reliable,
                "reasons": "; ".join(found.reasons),
            }
        except NeuralMIError as error:
            row |= {"mi": math.nan, "reliable": False, "reasons": str(error)}
        rows.append(row)
    return pd.DataFrame(rows)
