"""The seed's `Features`: one method, a table in, the same table with a column of features out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.catch22 import Catch22
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.series import (
    Preprocessing,
    as_series,
    one_series,
    row_numbers,
)
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    InvalidSeriesError,
    ShapeError,
    unknown,
)
from neuroloom.shared import MissingDependencyError

_PARAMS: dict[str, tuple[str, ...]] = {
    "catch22": ("invalid", "n_workers", "normalize", "version"),
    "power_spectrum_parameterization": (
        *("compute_knee", "fmax", "fmin", "fooof_setup", "freq_range", "fs", "nperseg"),
        "r_squared_th",
    ),
    "DFA": ("bad_idxes", "compute_interval", "fit_interval", "fs", "overlap"),
    "fEI": ("DFA_array", "bad_idxes", "fs", "window_overlap", "window_size_sec"),
}
_FOOOF = ("max_n_peaks", "min_peak_height", "peak_threshold", "peak_width_limits")
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
        for name in self.params:
            if name not in _PARAMS[method]:
                raise unknown("params", name, _PARAMS[method])

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
        # catch22 is defined on z-scored series: `normalize` changes nothing.
        options.pop("normalize", None)
        preprocessing = Preprocessing(invalid=options.pop("invalid", "raise"))
        chosen = FeatureSet(Catch22(**options), preprocessing=preprocessing)
        values: list[list[float]] = chosen.compute(series, n_workers=n_workers).values.tolist()
        return values

    def catch22(self, sample: Any) -> list[float]:
        """Return the 22 features of one series, in the order of catch22 1.0.

        Parameters
        ----------
        sample : array_like, shape (n_times,)
        """
        return self._catch22([sample])[0]

    def _need(self, name: str) -> Any:
        if name not in self.params:
            raise ArgumentError(
                f"params: {self.method} expects {name!r}, got {sorted(self.params)}"
            )
        return self.params[name]

    def _spectrum(self, series: Any) -> _Series:
        return self.power_spectrum_parameterization(
            series,
            self._need("fs"),
            self._need("fmin"),
            self._need("fmax"),
            self.params.get("fooof_setup", {}),
            self.params.get("r_squared_th", 0.9),
            freq_range=self.params.get("freq_range", (30.0, 200.0)),
            nperseg=self.params.get("nperseg", -1),
            compute_knee=self.params.get("compute_knee", False),
        )

    def power_spectrum_parameterization(
        self,
        sample: Any,
        fs: float,
        fmin: float,
        fmax: float,
        fooof_setup: Mapping[str, Any],
        r_squared_th: float = 0.9,
        freq_range: tuple[float, float] = (30.0, 200.0),
        nperseg: int = -1,
        compute_knee: bool = False,
    ) -> _Series:
        """Return the 12 values of `compute_features` for one series.

        Parameters
        ----------
        sample : array_like, shape (n_times,)
        fs : float
            Sampling rate in Hz.
        fmin, fmax : float
            Frequencies fitted, in Hz.
        fooof_setup : dict
            ``peak_threshold``, ``min_peak_height``, ``max_n_peaks``, ``peak_width_limits``.
        r_squared_th : float
            Fits of a smaller R² are NaN.
        freq_range : tuple of float
            Where the strongest peak is looked for, in Hz.
        nperseg : int
            Samples of Welch's windows; half a second if negative.
        compute_knee : bool
            Fit a knee too.

        Raises
        ------
        SeriesError
            If the series is not finite or constant.
        """
        from scipy.signal import welch

        from neuroloom.circuit_inference._features.specparam import fit_spectrum

        for name in fooof_setup:
            if name not in _FOOOF:
                raise unknown("fooof_setup", name, _FOOOF)
        setup: dict[str, Any] = dict(fooof_setup)
        x = _z(one_series(sample, fs, "sample")[0])
        out = np.full(12, np.nan)
        if x.size < 2 * fs:
            return out
        freqs, power = welch(x, fs, nperseg=int(0.5 * fs) if nperseg < 0 else nperseg)
        used = (freqs >= max(fmin, freqs[1])) & (freqs < min(fmax, freqs[-1]))
        modes: tuple[Literal["fixed", "knee"], ...] = ("fixed",)
        if compute_knee:
            modes = ("fixed", "knee")
        for k, mode in enumerate(modes):
            fit = fit_spectrum(
                freqs[used],
                power[used],
                freq_range=(float(freqs[used][0]), float(freqs[used][-1])),
                aperiodic_mode=mode,
                select_peak="max_pw",
                peak_range=(float(freq_range[0]), float(freq_range[1])),
                r_squared_threshold=float(r_squared_th),
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

    def _dfa(self, series: Any) -> _DFA:
        bad = self.params.get("bad_idxes", ())
        z = [_z(x) for x in _without_bad(as_series(series), bad)[0]]
        return self.DFA(
            z,
            self._need("fs"),
            self._need("fit_interval"),
            self._need("compute_interval"),
            self.params.get("overlap", True),
            bad,
        )

    def DFA(
        self,
        signal: Any,
        sampling_frequency: float,
        fit_interval: Any,
        compute_interval: Any,
        overlap: bool = True,
        bad_idxes: Any = (),
    ) -> _DFA:
        """Return exponents, window sizes, fluctuations and intercepts of amplitude envelopes.

        Parameters
        ----------
        signal : array_like, shape (n_channels, n_times)
        sampling_frequency : float
            In Hz.
        fit_interval, compute_interval : sequence of float
            Shortest and longest window in seconds of the fit, and of what is computed.
        overlap : bool
            Windows overlap by half.
        bad_idxes : sequence of int
            Channels that get NaN.

        Raises
        ------
        SeriesError
            If a channel is not finite or too short.
        """
        from neuroloom.circuit_inference._features.fluctuations import dfa

        rows, bad = _without_bad(as_series(signal), bad_idxes)
        results = [
            dfa(
                x,
                sampling_frequency,
                fit_interval=(float(fit_interval[0]), float(fit_interval[1])),
                compute_interval=(float(compute_interval[0]), float(compute_interval[1])),
                overlap=0.5 if overlap else 0.0,
            )
            for x in rows
        ]
        exponents = np.array([r.exponent for r in results])
        fluctuations = np.stack([r.fluctuations for r in results])
        intercepts = np.array([r.intercept for r in results])
        exponents[bad], fluctuations[bad], intercepts[bad] = np.nan, np.nan, np.nan
        return exponents, results[0].window_sizes, fluctuations, intercepts

    def _fei(self, series: Any) -> tuple[_Series, ...]:
        return self.fEI(
            series,
            self._need("fs"),
            self._need("window_size_sec"),
            self._need("window_overlap"),
            self._need("DFA_array"),
            self.params.get("bad_idxes", ()),
        )

    def fEI(
        self,
        signal: Any,
        sampling_frequency: float,
        window_size_sec: float,
        window_overlap: float,
        DFA_array: Any,
        bad_idxes: Any = (),
    ) -> tuple[_Series, ...]:
        """Return functional E/I of amplitude envelopes; see `neuroloom.circuit_inference.features`.

        Parameters
        ----------
        signal : array_like, shape (n_channels, n_times)
        sampling_frequency : float
            In Hz.
        window_size_sec : float
        window_overlap : float
            Fraction by which windows overlap.
        DFA_array : array_like, shape (n_channels,) or one value
            DFA exponents; fEI is NaN where they are .6 or less.
        bad_idxes : sequence of int
            Channels that get NaN.

        Returns
        -------
        tuple of ndarray
            fEI without and with outliers, number of outliers, amplitudes and fluctuations.

        Raises
        ------
        SeriesError
            If a channel is not finite or too short.
        """
        from neuroloom.circuit_inference._features.fluctuations import fei

        rows, bad = _without_bad(as_series(signal), bad_idxes)
        exponents = np.ravel(np.asarray(DFA_array, dtype=np.float64))
        if exponents.size not in (1, len(rows)):
            raise ShapeError(
                f"DFA_array: expected one exponent or one per channel ({len(rows)}), got "
                f"{exponents.size}"
            )
        exponents = np.broadcast_to(exponents, (len(rows),))
        results = [
            fei(
                x,
                sampling_frequency,
                window_s=window_size_sec,
                overlap=window_overlap,
                dfa_exponent=float(exponent),
            )
            for x, exponent in zip(rows, exponents, strict=True)
        ]
        out = (
            np.array([[r.fei] for r in results]),
            np.array([[r.fei_all] for r in results]),
            np.array([[float(r.n_outliers)] for r in results]),
            np.stack([r.amplitudes for r in results]),
            np.stack([r.fluctuations for r in results]),
        )
        for values in out:
            values[bad] = np.nan
        return out


_DFA = tuple[_Series, NDArray[np.int64], _Series, _Series]


def _without_bad(rows: list[_Series], bad_idxes: Any) -> tuple[list[_Series], NDArray[np.int64]]:
    """Return finite channels, a ramp in place of each bad one, and which are bad."""
    bad = row_numbers(list(bad_idxes), len(rows), "bad_idxes")
    ramps = {int(i): np.arange(1.0, rows[i].size + 1) for i in bad}
    return _finite([ramps.get(i, x) for i, x in enumerate(rows)]), bad


def _finite(rows: list[_Series]) -> list[_Series]:
    for i, x in enumerate(rows):
        if not np.isfinite(x).all():
            raise InvalidSeriesError(
                f"series {i}: expected finite samples, got {int((~np.isfinite(x)).sum())} that are "
                "not",
                index=i,
            )
    return rows


def _z(x: _Series) -> _Series:
    if x.size and np.ptp(x) == 0:
        raise ConstantSeriesError("Data: expected a signal that changes, got a constant one")
    return np.asarray((x - x.mean()) / x.std())
