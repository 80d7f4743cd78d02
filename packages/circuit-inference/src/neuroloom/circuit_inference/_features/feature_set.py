"""Feature sets: what is computed of a series, named, versioned and kept with the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import (
    Preprocessing,
    as_series,
    chunks_by_length,
    own_rate,
    read_only,
    row_numbers,
    thread_backend,
    workers,
)
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    FeatureMismatchError,
    ShapeError,
    unknown,
)
from neuroloom.shared import map

FAMILIES: dict[str, type[Family]] = {}


@dataclass(frozen=True)
class Family:
    """Base of the feature families: one frozen dataclass of options per family.

    A family says its `names`, the samples it needs (`minimum`), whether it needs a sampling rate,
    and whether its values change with the gain of the recording (`amplitude`).
    """

    kind: ClassVar[str] = ""
    needs_rate: ClassVar[bool] = False
    amplitude: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if cls.kind:
            FAMILIES[cls.kind] = cls

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        raise NotImplementedError

    def minimum(self, rate: float | None) -> int:
        """Return the fewest samples of a series that the family can work with."""
        raise NotImplementedError

    def of_spectra(
        self, freqs: NDArray[np.float64], power: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the features of power spectra, shape (n_spectra, n_features).

        Parameters
        ----------
        freqs : ndarray, shape (n_freqs,)
            Frequencies in Hz.
        power : ndarray, shape (n_spectra, n_freqs)
            Power densities.

        Raises
        ------
        ArgumentError
            If the family needs the series themselves.
        """
        raise ArgumentError(f"families: {self.kind} needs series, expected families of spectra")

    @property
    def highest_hz(self) -> float:
        """Highest frequency that the family looks at, in Hz; 0 where it looks at none."""
        return 0.0

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the features of series of one length, shape (n_series, n_features)."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return the family as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Catch22(Family):
    """The 22 canonical features (Lubba et al. 2019) of the z-scored series.

    Parameters
    ----------
    version : {"1.0", "classic"}
        Definitions, names and order of catch22 1.0 or before; they do not mix.
    """

    version: str = "1.0"
    kind: ClassVar[str] = "catch22"

    def __post_init__(self) -> None:
        from neuroloom.circuit_inference._catch22._names import feature_names

        feature_names(self.version)

    @property
    def names(self) -> tuple[str, ...]:
        """Names that start with the version, ``catch22-1.0:trev``."""
        from neuroloom.circuit_inference._catch22._names import feature_names

        return tuple(
            f"catch22-{self.version}:{name}" for name in feature_names(self.version, short=True)
        )

    def minimum(self, rate: float | None) -> int:
        """Return 10.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return 10

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the 22 features, shape (n_series, 22).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.
        """
        from neuroloom.circuit_inference._catch22 import catch22

        return catch22(series, version=self.version, n_workers=n_workers)[0]


@dataclass(frozen=True)
class Moments(Family):
    """Raw moments: mean and standard deviation keep the amplitude, the others do not.

    On simulations and on recordings of known gain the amplitude is the most informative feature
    there is; on EEG and LFP of unknown gain it must be left out, or the prediction follows the
    amplifier.

    Parameters
    ----------
    which : sequence of {"mean", "std", "skewness", "kurtosis"}
        Which moments.
    """

    which: tuple[str, ...] = ("mean", "std")
    kind: ClassVar[str] = "moments"

    def __post_init__(self) -> None:
        object.__setattr__(self, "which", tuple(self.which))
        for name in self.which:
            if name not in ("mean", "std", "skewness", "kurtosis"):
                raise unknown("which", name, ["mean", "std", "skewness", "kurtosis"])

    @property
    def amplitude(self) -> bool:  # type: ignore[override]
        """Whether the mean or the standard deviation is among them."""
        return bool({"mean", "std"} & set(self.which))

    @property
    def names(self) -> tuple[str, ...]:
        """Names such as ``moment:mean``."""
        return tuple(f"moment:{name}" for name in self.which)

    def minimum(self, rate: float | None) -> int:
        """Return 2.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return 2

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the moments, shape (n_series, n_moments).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.
        """
        centre = series.mean(axis=1)
        spread = series.std(axis=1)
        z = (series - centre[:, None]) / spread[:, None]
        values = {
            "mean": centre,
            "std": spread,
            "skewness": (z**3).mean(axis=1),
            "kurtosis": (z**4).mean(axis=1) - 3,
        }
        return np.column_stack([values[name] for name in self.which])


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of many series.

    Attributes
    ----------
    values : ndarray of float64, shape (n_series, n_features), read-only
        NaN rows where a series was unusable.
    names : tuple of str
        What each column is.
    reasons : tuple of str
        Why a series was unusable, empty where it was not.
    digest : str
        Identity of the feature set: families, options, versions and preprocessing; empty for
        features that were made elsewhere.
    rate_hz : float or None
        Sampling rate that the features were computed at, after resampling; None if unknown.
    n_times : ndarray of int, shape (n_series,), or None
        Samples of each series at that rate; None if unknown.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    reasons: tuple[str, ...]
    digest: str = ""
    rate_hz: float | None = None
    n_times: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(np.asarray(self.values, dtype=np.float64)))
        if self.n_times is not None:
            object.__setattr__(self, "n_times", read_only(np.asarray(self.n_times, np.int64)))

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows are finite, shape (n_series,)."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def __len__(self) -> int:
        return len(self.values)

    def to_frame(self) -> pd.DataFrame:
        """Return the features as a table with their names."""
        return pd.DataFrame(self.values.copy(), columns=list(self.names))

    def rows(self, which: ArrayLike) -> FeatureTable:
        """Return some rows, by numbers, a slice or a mask.

        Parameters
        ----------
        which : array_like of int or bool, or slice
            Numbers of the rows, or one True or False for each.

        Raises
        ------
        ShapeError
            If a row does not exist, or a mask has another length.
        """
        places = row_numbers(which, len(self))
        return replace(
            self,
            values=self.values[places],
            reasons=tuple(self.reasons[i] for i in places),
            n_times=None if self.n_times is None else self.n_times[places],
        )

    def select(self, names: Iterable[str]) -> FeatureTable:
        """Return the named columns.

        Parameters
        ----------
        names : sequence of str
            Names of the columns.

        Raises
        ------
        FeatureMismatchError
            If a name is not among the columns.
        """
        wanted = tuple(names)
        missing = [name for name in wanted if name not in self.names]
        if missing:
            raise FeatureMismatchError(
                f"names: expected some of {list(self.names)}, got {missing} too", missing=missing
            )
        columns = [self.names.index(name) for name in wanted]
        return replace(self, values=self.values[:, columns], names=wanted)


@dataclass(frozen=True)
class FeatureOrigin:
    """What features are: names, options, and the rate and length of the series behind them.

    Attributes
    ----------
    names : tuple of str
        Of the columns, in order; empty for a bare array.
    digest : str
        Of the feature set, empty if unknown.
    rate_hz : float or None
        Sampling rate of the series, None if unknown.
    n_times : tuple of int or None
        Fewest and most samples of the usable series, None if unknown.
    """

    names: tuple[str, ...] = ()
    digest: str = ""
    rate_hz: float | None = None
    n_times: tuple[int, int] | None = None

    @classmethod
    def of(cls, features: Any) -> FeatureOrigin:
        """Return the origin of a `FeatureTable`, the names of a DataFrame, or nothing."""
        if isinstance(features, pd.DataFrame):
            return cls(tuple(map(str, features.columns)))
        if not isinstance(features, FeatureTable):
            return cls()
        used = None if features.n_times is None else features.n_times[features.valid]
        span = (int(used.min()), int(used.max())) if used is not None and used.size else None
        return cls(features.names, features.digest, features.rate_hz, span)

    def check(self, other: FeatureOrigin) -> None:
        """Check that other features are the same quantities as these, as far as both are known.

        Raises
        ------
        FeatureMismatchError
            If names, order, options or the sampling rate differ.
        """
        if self.names and other.names:
            match(self.names, other.names)
        if self.digest and other.digest and self.digest != other.digest:
            raise FeatureMismatchError(
                "features: expected the options that the model was trained with (windows, ranges, "
                "preprocessing), got features of the same names that were computed otherwise: "
                "compute them with the model's own feature_set"
            )
        if self.rate_hz is None or not other.digest:
            return
        if other.rate_hz is None:
            raise FeatureMismatchError(
                f"rate: expected features of series at {self.rate_hz:g} Hz, got series of unknown "
                "rate: say it"
            )
        if abs(other.rate_hz / self.rate_hz - 1) > 1e-6:
            raise FeatureMismatchError(
                f"rate: expected features of series at {self.rate_hz:g} Hz as in training, got "
                f"{other.rate_hz:g} Hz: bring the series to that rate, with "
                "predict_series(…, resample=True) say"
            )

    def length_remark(self, other: FeatureOrigin) -> str:
        """Return what is to be said about series of another length; empty for nothing."""
        if self.n_times is None or other.n_times is None or not self.rate_hz:
            return ""
        shortest, longest = (n / self.rate_hz for n in other.n_times)
        least, most = (n / self.rate_hz for n in self.n_times)
        said = f"the model learned from series that were {least:g} s long"
        if shortest < 0.99 * least:
            return (
                f"series of {shortest:g} s: {said}; features of short series scatter more, and "
                "the posterior is too narrow for them (train on library.cut(…))"
            )
        if longest > 1.01 * most:
            return (
                f"series of {longest:g} s: {said}; features of long series scatter less, and the "
                "posterior is wider than it need be (cut them into epochs)"
            )
        return ""

    def describe(self) -> dict[str, Any]:
        """Return the origin as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> FeatureOrigin:
        """Return the origin that `describe` described."""
        span = description["n_times"]
        return cls(
            tuple(map(str, description["names"])),
            str(description["digest"]),
            description["rate_hz"],
            None if span is None else (int(span[0]), int(span[1])),
        )


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
            Power densities, positive where the families look.

        Returns
        -------
        FeatureTable
            Without a digest: how the spectra were made is not known, and a model cannot check it.

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        ArgumentError
            If a family needs series, the frequencies do not reach far enough, or the set z-scores,
            detrends or resamples, which spectra cannot be.
        """
        f = np.asarray(freqs, dtype=np.float64)
        p = np.atleast_2d(np.asarray(power, dtype=np.float64))
        if f.ndim != 1 or p.ndim != 2 or p.shape[1] != f.size or f.size < 2:
            raise ShapeError(f"power: expected shape (n_spectra, {f.size}), got {p.shape}")
        steps = np.diff(f)
        if not (steps > 0).all() or np.ptp(steps) > 1e-3 * steps.mean():
            raise ArgumentError("freqs: expected equal rising steps")
        done = self.preprocessing
        if (done.zscore and self.amplitude_of_families) or done.detrend or done.rate_hz is not None:
            raise ArgumentError(
                f"preprocessing: expected none that series need, got {asdict(done)}"
            )
        self._check_rate(2 * float(f[-1]))
        good = np.asarray(np.isfinite(p).all(axis=1))
        values = np.full((len(p), len(self.names)), np.nan)
        if good.any():
            values[good] = np.column_stack([x.of_spectra(f, p[good]) for x in self.families])
        reasons = tuple("" if ok else "the spectrum is not finite" for ok in good)
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


def _of_chunk(
    rows: NDArray[np.float64], families: tuple[Family, ...], rate: float | None
) -> NDArray[np.float64]:
    return np.column_stack([family.compute(rows, rate, 1) for family in families])


def match(expected: Sequence[str], got: Sequence[str]) -> None:
    """Check that features have the names that a model knows, in its order.

    Raises
    ------
    FeatureMismatchError
        With what is missing, what is too much, and whether only the order differs.
    """
    if tuple(expected) == tuple(got):
        return
    missing = [name for name in expected if name not in got]
    extra = [name for name in got if name not in expected]
    if missing or extra or len(expected) != len(got):
        raise FeatureMismatchError(
            f"features: expected those the model was trained on, missing {missing or 'none'}, "
            f"too many {extra or 'none'} ({len(expected)} expected, {len(got)} came)",
            missing=missing,
            extra=extra,
        )
    raise FeatureMismatchError(
        "features: expected the order that the model was trained on, got the same names in "
        f"another; select({list(expected)[:3]} …) puts them right",
        order=True,
    )


def as_matrix(features: Any, argument: str = "features") -> NDArray[np.float64]:
    """Return features as (n_rows, n_features); a vector is one feature per row.

    Raises
    ------
    ShapeError
        If they are not numbers in one or two dimensions.
    """
    if isinstance(features, FeatureTable):
        return features.values
    try:
        values = np.asarray(features, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ShapeError(
            f"{argument}: expected numbers, rows of one length, got {error}"
        ) from error
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        raise ShapeError(f"{argument}: expected shape (n_rows, n_columns), got {values.shape}")
    return values
