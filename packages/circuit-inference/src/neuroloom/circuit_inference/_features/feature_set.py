"""Feature sets: what is computed of a series, named, versioned and kept with the model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.catch22 import Catch22
from neuroloom.circuit_inference._features.family import FAMILIES, Family
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.series import (
    Preprocessing,
    as_series,
    chunks_by_length,
    own_rate,
    thread_backend,
    workers,
)
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError, unknown
from neuroloom.shared import map


@dataclass(frozen=True)
class FeatureSet:
    """A list of feature families and what is done to the series before.

    Parameters
    ----------
    *families : Family
        ``Catch22()``, ``Moments()``, ``Aperiodic()``, …; names must not repeat.
    preprocessing : Preprocessing, optional
        Detrending, z-scoring, resampling and the policy for NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.circuit_inference import Catch22, FeatureSet, Moments
    >>> series = np.random.default_rng(0).standard_normal((3, 200))
    >>> features = FeatureSet(Catch22(), Moments())
    >>> table = features.compute(series)
    >>> table.values.shape
    (3, 24)
    >>> table.names[0], table.names[-1]
    ('catch22-1.0:mode_5', 'moment:std')
    """

    families: tuple[Family, ...]
    preprocessing: Preprocessing

    def __init__(self, *families: Family, preprocessing: Preprocessing | None = None) -> None:
        if not families:
            families = (Catch22(),)
        for family in families:
            if not isinstance(family, Family):
                raise ArgumentError(
                    f"families: expected feature families, got {type(family).__name__}"
                )
        object.__setattr__(self, "families", tuple(families))
        object.__setattr__(self, "preprocessing", preprocessing or Preprocessing())
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise ArgumentError(f"families: expected distinct feature names, got {twice} twice")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features, in order."""
        return tuple(name for family in self.families for name in family.names)

    @property
    def amplitude(self) -> bool:
        """Whether a feature changes with the gain of the recording."""
        return not self.preprocessing.zscore and self.amplitude_of_families

    @property
    def digest(self) -> str:
        """Identity of the set: equal for equal families, options, versions and preprocessing."""
        # What is done with series that cannot be used does not change the values of the others.
        said = self.describe()
        said["preprocessing"] = {k: v for k, v in said["preprocessing"].items() if k != "invalid"}
        text = json.dumps(said, sort_keys=True)
        return hashlib.blake2s(text.encode(), digest_size=12).hexdigest()

    def compute(
        self, series: Any, *, rate: float | None = None, n_workers: int | None = None
    ) -> FeatureTable:
        """Return the features of each series.

        Parameters
        ----------
        series : array_like, list of array_like, Signal or list of Signal
            ``(n_series, n_times)``, or series of different lengths; the channels of a `Signal` are
            its series.
        rate : float, optional
            Sampling rate in Hz; Signals bring their own.
        n_workers : int, optional
            Threads, −1 for all cores that this process may use; 1, or what a surrounding
            ``joblib.parallel_config`` says, if not given. The values do not depend on it.

        Returns
        -------
        FeatureTable

        Raises
        ------
        SeriesError
            If a series is not finite, constant or too short and the policy is "raise".
        ArgumentError
            If a family needs the sampling rate and there is none, it is not positive, it is not
            that of the `Signal`, or a family asks for frequencies above half of it.
        """
        rate = own_rate(series, rate)
        needy = [family.kind for family in self.families if family.needs_rate]
        if rate is None and (needy or self.preprocessing.rate_hz is not None):
            raise ArgumentError(
                f"rate: expected the sampling rate in Hz for {needy or 'resampling'}, got None"
            )
        used = self.preprocessing.rate_hz or rate
        self._check_rate(used)
        minimum = max(family.minimum(used) for family in self.families)
        ready, reasons = self.preprocessing.apply(as_series(series), rate, minimum)
        workers(n_workers)
        chunks = chunks_by_length(ready, reasons)
        parts = map(
            partial(_of_chunk, families=self.families, rate=used),
            [np.stack([ready[i] for i in rows]) for rows in chunks],
            n_workers=n_workers,
            backend=thread_backend(),
            progress=False,
        )
        values = np.full((len(ready), len(self.names)), np.nan)
        for rows, part in zip(chunks, parts, strict=True):
            values[rows] = part
        for i in np.flatnonzero(~np.isfinite(values).all(axis=1)):
            if not reasons[i]:
                bad = [name for name, x in zip(self.names, values[i], strict=True) if x != x]
                reasons[i] = f"series {i}: no value for {', '.join(bad)}"
        n_times = np.array([x.size for x in ready], dtype=np.int64)
        return FeatureTable(values, self.names, tuple(reasons), self.digest, used, n_times)

    def from_spectra(self, freqs: ArrayLike, power: ArrayLike) -> FeatureTable:
        """Return the features of power spectra: what public data sets often hold instead of series.

        Parameters
        ----------
        freqs : array_like, shape (n_freqs,)
            Frequencies in Hz, rising by equal steps.
        power : array_like, shape (n_spectra, n_freqs) or (n_freqs,)
            Power densities. A spectrum that is not finite and positive between 0 Hz and the
            highest frequency that a family looks at is a row of NaN with the reason.

        Returns
        -------
        FeatureTable
            Without a digest: how the spectra were made is not known, and a model cannot check it.

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        ArgumentError
            If a family needs series, the frequencies do not reach far enough, no spectrum is
            positive, or the set z-scores, detrends or resamples, which spectra cannot be.
        """
        f, p = _spectra(freqs, power)
        done = self.preprocessing
        if (done.zscore and self.amplitude_of_families) or done.detrend or done.rate_hz is not None:
            raise ArgumentError(
                f"preprocessing: expected none that series need, got {asdict(done)}"
            )
        self._check_rate(2 * float(f[-1]))
        # Nobody looks at 0 Hz, where spectra are often nothing or missing.
        seen = p[:, (f > 0) & (f <= max(family.highest_hz for family in self.families))]
        good = np.asarray((np.isfinite(seen) & (seen > 0)).all(axis=1))
        if not good.any():
            raise ArgumentError(
                "power: expected positive power densities above 0 Hz, got none in any spectrum; "
                "logarithms and dB are no powers"
            )
        values = np.full((len(p), len(self.names)), np.nan)
        values[good] = np.column_stack([x.of_spectra(f, p[good]) for x in self.families])
        reasons = tuple("" if ok else "the spectrum is not finite and positive" for ok in good)
        return FeatureTable(values, self.names, reasons)

    @property
    def amplitude_of_families(self) -> bool:
        """Whether a family's values change with the gain, whatever is done to the series before."""
        return any(family.amplitude for family in self.families)

    def _check_rate(self, rate: float | None) -> None:
        for family in self.families:
            if rate is not None and family.highest_hz > rate / 2 * (1 + 1e-9):
                raise ArgumentError(
                    f"rate: expected at least {2 * family.highest_hz:g} Hz for {family.kind} up to "
                    f"{family.highest_hz:g} Hz, got {rate:g} Hz"
                )

    def describe(self) -> dict[str, Any]:
        """Return the set as JSON can hold it; `from_description` reads it."""
        return {
            "families": [family.describe() for family in self.families],
            "preprocessing": asdict(self.preprocessing),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> FeatureSet:
        """Return the set that `describe` described.

        Parameters
        ----------
        description : mapping
            As `describe` returns it.

        Raises
        ------
        UnknownNameError
            If it has a family that this version does not know.
        """
        families = []
        for entry in description["families"]:
            options = {
                key: tuple(tuple(v) if isinstance(v, list) else v for v in value)
                if isinstance(value, list)
                else value
                for key, value in entry.items()
            }
            kind = options.pop("kind")
            if kind not in FAMILIES:
                raise unknown("families", kind, FAMILIES)
            families.append(FAMILIES[kind](**options))
        return cls(*families, preprocessing=Preprocessing(**description["preprocessing"]))


def _spectra(freqs: ArrayLike, power: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies (n_freqs,) and powers (n_spectra, n_freqs), checked."""
    for name, given in (("freqs", freqs), ("power", power)):
        if np.iscomplexobj(given):
            raise ArgumentError(
                f"{name}: expected real numbers, got complex ones: the power is abs(x) ** 2"
            )
    f = np.asarray(freqs, dtype=np.float64)
    p = np.atleast_2d(np.asarray(power, dtype=np.float64))
    if f.ndim != 1 or p.ndim != 2 or p.shape[1] != f.size or f.size < 2:
        raise ShapeError(f"power: expected shape (n_spectra, {f.size}), got {p.shape}")
    steps = np.diff(f)
    if f[0] < 0 or not (steps > 0).all() or np.ptp(steps) > 1e-3 * steps.mean():
        raise ArgumentError("freqs: expected equal rising steps from 0 Hz or above")
    return f, p


def _of_chunk(
    rows: NDArray[np.float64], families: tuple[Family, ...], rate: float | None
) -> NDArray[np.float64]:
    return np.column_stack([family.compute(rows, rate, 1) for family in families])
