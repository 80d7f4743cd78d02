"""The seed's `Features`: one method, a table in, the same table with a column of features out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.feature_set import Catch22, FeatureSet
from neuroloom.circuit_inference._features.series import Preprocessing, as_series
from neuroloom.circuit_inference.errors import ArgumentError, ConstantSeriesError, unknown
from neuroloom.shared import MissingDependencyError

_METHODS = ("DFA", "catch22", "fEI", "hctsa", "power_spectrum_parameterization")
_NAMES_OF_1_0 = {"dfa": "DFA", "specparam": "power_spectrum_parameterization"}
_Series = NDArray[np.float64]


class Features:
    """Features of a table of series, by ncpi 0.2.6's names; all but fEI are z-scored first.

    Parameters
    ----------
    method : {"catch22", "power_spectrum_parameterization", "DFA", "fEI"}
        ncpi 1.0's ``"specparam"`` and ``"dfa"`` mean the same.
    params : dict, optional
        catch22: ``version`` ("1.0" or "classic"), ``invalid`` ("raise", "mask" or "interpolate"),
        ``n_workers``. power_spectrum_parameterization: ``fs``, ``fmin``, ``fmax``,
        ``fooof_setup`` (peak_threshold, min_peak_height, max_n_peaks, peak_width_limits),
        ``r_squared_th``. DFA: ``fs``, ``fit_interval``, ``compute_interval``, ``overlap``.
        fEI: ``fs``, ``window_size_sec``, ``window_overlap``, ``DFA_array``.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    MissingDependencyError
        For ``"hctsa"``, which needs MATLAB: compute it there and hand the table to `Inferer`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"Data": list(rng.standard_normal((4, 100)))})
    >>> table = Features(method="catch22").compute_features(table)
    >>> len(table["Features"].iloc[0])
    22
    """

    def __init__(self, method: str = "catch22", params: Mapping[str, Any] | None = None) -> None:
        method = _NAMES_OF_1_0.get(method, method) if isinstance(method, str) else method
        if not isinstance(method, str) or method not in _METHODS:
            raise unknown("method", method, _METHODS)
        if params is not None and not isinstance(params, Mapping):
            raise ArgumentError(f"params: expected a mapping, got {type(params).__name__}")
        if method == "hctsa":
            raise MissingDependencyError(
                "hctsa runs in MATLAB only: compute its features there, and hand the table to "
                "Inference or Inferer"
            )
        self.method = method
        self.params = dict(params or {})

    def compute_features(self, data: pd.DataFrame, hctsa_folder: str | None = None) -> pd.DataFrame:
        """Return a copy of `data` with the column ``Features``.

        catch22: 22 values. power_spectrum_parameterization: 12 values (offset, exponent, peak
        frequency, power, width; knee offset, knee, exponent and its peak, NaN unless
        ``compute_knee``; mean power). DFA: exponents, window sizes, fluctuations and intercepts.
        fEI: value without and with outliers, their number, amplitudes and fluctuations.

        Parameters
        ----------
        data : DataFrame
            Series in the column ``Data``; any index.
        hctsa_folder : str, optional
            The seed's; unused.

        Raises
        ------
        ArgumentError
            If `data` is not a table with the column ``Data``, or a parameter is missing.
        SeriesError
            If a series is not finite, constant or too short.
        """
        if not isinstance(data, pd.DataFrame) or "Data" not in data.columns:
            got = list(data.columns) if isinstance(data, pd.DataFrame) else type(data).__name__
            raise ArgumentError(f"data: expected a DataFrame with the column 'Data', got {got}")
        column = np.empty(len(data), dtype=object)
        if self.method == "catch22":
            column[:] = self._catch22(list(data["Data"]))
        else:
            one: Callable[[Any], Any] = {
                "power_spectrum_parameterization": self._spectrum,
                "DFA": self._dfa,
                "fEI": self._fei,
            }[self.method]
            for i, series in enumerate(data["Data"]):
                column[i] = one(series)
        out = data.copy()
        out["Features"] = column
        return out

    def _catch22(self, series: list[Any]) -> list[list[float]]:
        options = dict(self.params)
        n_workers = options.pop("n_workers", 1)
        preprocessing = Preprocessing(invalid=options.pop("invalid", "raise"))
        chosen = FeatureSet(Catch22(**options), preprocessing=preprocessing)
        values: list[list[float]] = chosen.compute(series, n_workers=n_workers).values.tolist()
        return values

    def _need(self, name: str) -> Any:
        if name not in self.params:
            raise ArgumentError(
                f"params: {self.method} expects {name!r}, got {sorted(self.params)}"
            )
        return self.params[name]

    def _spectrum(self, series: Any) -> _Series:
        from scipy.signal import welch

        from neuroloom.circuit_inference._features.specparam import fit_spectrum

        x = _z(as_series(series)[0])
        fs, span = float(self._need("fs")), (self._need("fmin"), self._need("fmax"))
        setup = dict(self.params.get("fooof_setup", {}))
        out = np.full(12, np.nan)
        if x.size < 2 * fs:
            return out
        n = int(self.params.get("nperseg", -1))
        freqs, power = welch(x, fs, nperseg=int(0.5 * fs) if n < 0 else n)
        used = (freqs >= max(span[0], freqs[1])) & (freqs < min(span[1], freqs[-1]))
        modes: tuple[Literal["fixed", "knee"], ...] = ("fixed",)
        if self.params.get("compute_knee"):
            modes = ("fixed", "knee")
        for k, mode in enumerate(modes):
            fit = fit_spectrum(
                freqs[used],
                power[used],
                freq_range=(float(freqs[used][0]), float(freqs[used][-1])),
                aperiodic_mode=mode,
                select_peak="max_pw",
                peak_range=tuple(self.params.get("freq_range", (30.0, 200.0))),
                r_squared_threshold=float(self.params.get("r_squared_th", 0.9)),
                **setup,
            )
            if fit.valid:
                first = 0 if k == 0 else 5
                out[first : first + fit.aperiodic_params.size] = fit.aperiodic_params
                place = 2 if k == 0 else 8
                if len(fit.peaks):
                    out[place : place + 3] = fit.peaks[0]
        out[11] = power[used].mean()
        return out

    def _dfa(self, series: Any) -> tuple[_Series, NDArray[np.int64], _Series, _Series]:
        from neuroloom.circuit_inference._features.fluctuations import dfa

        results = [
            dfa(
                _z(x),
                self._need("fs"),
                fit_interval=tuple(self._need("fit_interval")),
                compute_interval=tuple(self._need("compute_interval")),
                overlap=0.5 if self.params.get("overlap", True) else 0.0,
            )
            for x in as_series(series)
        ]
        return (
            np.array([r.exponent for r in results]),
            results[0].window_sizes,
            np.stack([r.fluctuations for r in results]),
            np.array([r.intercept for r in results]),
        )

    def _fei(self, series: Any) -> tuple[_Series, ...]:
        from neuroloom.circuit_inference._features.fluctuations import fei

        rows = as_series(series)
        exponents = np.broadcast_to(np.ravel(self._need("DFA_array")), (len(rows),))
        results = [
            fei(
                x,
                self._need("fs"),
                window_s=self._need("window_size_sec"),
                overlap=self._need("window_overlap"),
                dfa_exponent=float(exponent),
            )
            for x, exponent in zip(rows, exponents, strict=True)
        ]
        return (
            np.array([[r.fei] for r in results]),
            np.array([[r.fei_all] for r in results]),
            np.array([[float(r.n_outliers)] for r in results]),
            np.stack([r.amplitudes for r in results]),
            np.stack([r.fluctuations for r in results]),
        )


def _z(x: _Series) -> _Series:
    if x.size and np.ptp(x) == 0:
        raise ConstantSeriesError("Data: expected a signal that changes, got a constant one")
    return np.asarray((x - x.mean()) / x.std())
