"""Where features come from, and whether those of a model and of a recording compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference.errors import FeatureMismatchError


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
            names = tuple(map(str, features.columns))
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise FeatureMismatchError(
                    f"features: expected a name of its own for each column, got {twice} twice"
                )
            return cls(names)
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
