"""What every analysis returns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.mi._errors import OptionError, real
from neuroloom.mi._results.data_plots import plot_comparison
from neuroloom.mi._results.mode_plots import plot_results
from neuroloom.mi._results.record import TIDY, Record, Table, Value
from neuroloom.mi._results.saving import load_results, save_results

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(repr=False)
class Results(Record[Value, Table]):
    """The outcome of an analysis.

    Attributes
    ----------
    mode : str
        The analysis that was run.
    params : dict
        The parameters it was run with.
    mi_estimate : float, optional
        Mutual information in ``params["output_units"]``; negative values are not cut off.
    dataframe : pandas.DataFrame, optional
        The table of the mode: swept parameters with ``mi_mean`` and ``mi_std``, or raw rows
        with ``gamma`` and ``test_mi``.
    details : dict
        All else: raw results, interval, null distribution, diagnostics.

    Examples
    --------
    >>> result = Results("estimate", {"output_units": "bits"}, 1.25, details={"mi_error": 0.1})
    >>> print(result)
    estimate: 1.250 ± 0.100 bits
    """

    def __repr__(self) -> str:
        return f"<Results of {self}>"

    def __str__(self) -> str:
        if self.mi_estimate is None:
            rows = 0 if self.dataframe is None else len(self.dataframe)
            return f"{self.mode}: {rows} rows"
        text = f"{self.mode}: {self.mi_estimate:.3f}"
        if self.details.get("mi_error") is not None:
            text += f" ± {self.details['mi_error']:.3f}"
        text += f" {self.units}"
        if self.p_value is not None:
            text += f", p = {self.p_value:.3g}"
        if self.is_reliable:
            return text
        why = f": {self.reasons[0]}" if self.reasons else ""
        return f"{text} (not reliable{why})"

    def summary(self) -> str:
        """Return the estimate, its interval and every diagnostic as text, one per line."""
        lines = [str(self), *(f"  ! {reason}" for reason in self.reasons)]
        for key, value in self.details.items():
            if isinstance(value, (bool, int, float, str, np.generic)) or value is None:
                lines.append(f"  {key}: {value}")
        return "\n".join(lines)

    def samples_needed(self, precision: float) -> int:
        """Return about how many samples leave at most `precision` of bias and of standard error.

        From the subsampling curve of mode ``"rigorous"``: the bias of an estimate falls as one
        over the number of samples, its standard error as one over the root.

        Parameters
        ----------
        precision : float
            Wished error, in the result's units.

        Raises
        ------
        OptionError
            If `precision` is not positive, or there is no subsampling curve.

        Examples
        --------
        >>> details = {"slope": -0.1, "error_parts": {"samples": 0.05}, "n_samples": 1000}
        >>> Results("rigorous", {}, 1.0, details=details).samples_needed(0.02)
        6250
        """
        precision = real("precision", precision, above=0.0)
        if "slope" not in self.details or "error_parts" not in self.details:
            raise OptionError(
                f"samples_needed: expected a result of mode 'rigorous', got mode {self.mode!r}"
            )
        n = int(self.details["n_samples"])
        bias = abs(float(self.details["slope"])) / precision
        scatter = (float(self.details["error_parts"]["samples"]) / precision) ** 2
        return math.ceil(round(n * max(bias, scatter), 6))

    def to_frame(self) -> pd.DataFrame:
        """Return one tidy table with the same columns in every mode.

        Columns: ``mode``, the varied parameters, then ``mi, mi_err, ci_lo, ci_hi, test_mi,
        train_mi, n, ceiling, reliable, units``.
        """
        import pandas as pd

        tidy = self.details.get("tidy")
        rows = pd.DataFrame(tidy if tidy is not None else [{"mi": self.mi_estimate}])
        for name in TIDY:
            if name not in rows:
                rows[name] = self.units if name == "units" else np.nan
        varied = [c for c in rows.columns if c not in TIDY]
        rows.insert(0, "mode", self.mode)
        return rows[["mode", *varied, *TIDY]]

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Axes:
        """Draw the result and return the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if not given.
        **kwargs
            For the mode's plot: ``title``, ``show``, ``figsize`` and artist properties.

        Raises
        ------
        OptionError
            If there is nothing to draw (a ``ValueError``).
        NotImplementedError
            If the mode has no plot.
        """
        return plot_results(self, ax, **kwargs)

    @staticmethod
    def compare(
        results_list: Sequence[Results],
        labels: Sequence[str] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Axes:
        """Draw several results side by side and return the axes.

        Estimates are drawn with their intervals, tables of sweeps and lags as curves.

        Parameters
        ----------
        results_list : sequence of Results
            Of one kind: all with an estimate, or all with a table of one swept parameter.
        labels : sequence of str, optional
            Their modes and numbers if not given.
        ax : matplotlib.axes.Axes, optional
        **kwargs
            ``title``, ``show``, ``figsize``.

        Raises
        ------
        OptionError
            If there is nothing to compare, or units or swept parameters differ.
        """
        return plot_comparison(list(results_list), labels, ax, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """Return all of the result as dicts, lists, numbers and text."""
        return {
            "mode": self.mode,
            "params": _plain(self.params),
            "mi_estimate": self.mi_estimate,
            "dataframe": _plain(self.dataframe),
            "details": _plain(self.details),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return `to_dict` as JSON, NaN as null; written to `path` too if one is given."""
        text = json.dumps(_finite(self.to_dict()), indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text)
        return text

    def save(self, path: str | Path) -> Path:
        """Write the result to `path` as arrays and JSON, and return the path."""
        return save_results(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Return a result that `save` wrote.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        DataError
            If the file is foreign, or holds a pickled object.
        """
        return cls(**load_results(path))


def _plain(value: Any) -> Any:
    """Return dicts, lists, numbers and text for tables, arrays and anything else."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return {str(c): _plain(value[c].tolist()) for c in value.columns}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
