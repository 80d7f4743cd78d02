"""What speaks against an estimate, in words: one notion of reliability for every mode.

Each check returns a reason, what was found and what to do, or nothing. An estimate without a
reason is reliable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from neuroloom.mi._statistics.correlation import FEW_TIMES

CEILING_SHARE = 0.85
NEAR_DIMENSIONS = 4  # features of x and y together in which neighbours are near
# Nats, and shares of the estimate: smaller shortfalls are what intervals are for.
_GAP, _GAP_SHARE = 0.1, 0.15
_OPEN, _OPEN_SHARE = 0.14, 0.3
_MISSED, _MISSED_SHARE = 0.1, 0.15
FORM, _OVER_SHARE = 0.05, 0.1  # of estimates that assume a form
_LEFT, _LEFT_SHARE = 0.025, 0.1  # of conditional information
UNSEEN = 0.2
_FINE, _FINE_SHARE = 0.14, 0.08
_BITS = 1 / math.log(2)


def _bits(nats: float) -> str:
    return f"{nats * _BITS:.2f} bits"


def not_finite(mi: float) -> str | None:
    """Return a reason where there is no number."""
    if math.isinf(mi):
        return (
            "x and y share a direction to the last digit: between real numbers that is infinite "
            "information; look for a copied channel, or add the noise that there is"
        )
    return None if math.isfinite(mi) else "no critic could be scored"


def at_ceiling(value: float, ceiling: float) -> str | None:
    """Return a reason where an estimate is close to the largest that the samples allow."""
    if not value > CEILING_SHARE * ceiling:
        return None
    return (
        f"{_bits(value)} is close to {_bits(ceiling)}, the most that so many samples can show: the "
        "truth may be larger; use more samples, fewer folds or estimator='smile'"
    )


def overfit(test: float, train: float) -> str | None:
    """Return a reason where training samples seem to hold much more than held-out ones."""
    if not train - test > max(_GAP, _GAP_SHARE * abs(test)):
        return None
    return (
        f"training samples show {_bits(train)}, held-out ones {_bits(test)}: the samples are too "
        "few for this dependence; record more, or use fewer features"
    )


def open_above(mi: float, *, rise: float, gap: float, beyond: float) -> float:
    """Return how much more there may be than was found, in nats.

    Parameters
    ----------
    mi : float
        The estimate.
    rise : float
        What twice the samples, and twice the steps, added.
    gap : float
        What training samples show beyond held-out ones.
    beyond : float
        What nearest neighbours see beyond the estimate.

    Notes
    -----
    NaN says that something could not be measured, and adds nothing. The three sum to about twice
    what is missing on the tuning part of the calibration table; see `interval`.
    """
    return float(sum(max(part, 0.0) for part in (rise, gap, beyond) if math.isfinite(part)))


def much_is_open(mi: float, *, rise: float, gap: float, beyond: float) -> str | None:
    """Return a reason where the estimate may lack a large part; parameters of `open_above`."""
    whole = open_above(mi, rise=rise, gap=gap, beyond=beyond)
    if not whole > max(_OPEN, _OPEN_SHARE * abs(mi)):
        return None
    told = [
        (rise, f"twice the samples added {_bits(rise)}"),
        (gap, f"training samples show {_bits(gap)} more than held-out ones"),
        (beyond, f"nearest neighbours see {_bits(beyond)} more"),
    ]
    found = [text for value, text in told if math.isfinite(value) and value > 0.1 * whole]
    return (
        f"{', '.join(found)}: the estimate of {_bits(mi)} may lack a large part; record more, "
        "train for longer, or use fewer features"
    )


def missed(
    mi: float,
    error: float,
    seen: float,
    who: str,
    *,
    seen_error: float = math.nan,
    least: float = _MISSED,
) -> str | None:
    """Return a reason where another estimator sees clearly more, by at least `least` nats.

    Two estimates are apart where that is clear beside the errors of both; `seen_error` is the
    other's, NaN where it is not known.
    """
    noise = math.hypot(error, seen_error if math.isfinite(seen_error) else 0.0)
    if not seen - mi > max(least, _MISSED_SHARE * abs(mi), 2 * noise):
        return None
    return (
        f"{who} see {_bits(seen)}, the estimate is {_bits(mi)}: it misses a part of the "
        "dependence; train for longer or with another critic, or use estimator='ksg'"
    )


def too_fine(mi: float, seen: float, rise: float) -> str | None:
    """Return a reason where nearest neighbours see much more in all samples than in half of them.

    They adapt to any smooth density: what they still gain is structure finer than the samples,
    which a critic smooths over as well, unless it sees more already than they would in twice as
    many.
    """
    if not rise > max(_FINE, _FINE_SHARE * abs(mi)) or mi > seen + rise:
        return None
    return (
        f"nearest neighbours see {_bits(rise)} more in all samples than in half of them: the "
        "dependence is finer than so many samples resolve, and the truth may be larger; record more"
    )


def exceeds(mi: float, error: float, seen: float, who: str) -> str | None:
    """Return a reason where an estimate that assumes a form is above one that does not."""
    if not mi - seen > max(FORM, _OVER_SHARE * abs(mi), 3 * error):
        return None
    return (
        f"{who} see {_bits(seen)}, the estimate is {_bits(mi)}: its assumptions do not hold; use "
        "estimator='ksg' or a trained bound"
    )


def left_of_nothing(mi: float, error: float, left: float, left_error: float) -> str | None:
    """Return a reason where samples that hold no information still give much of an estimate."""
    if not left > max(_LEFT, _LEFT_SHARE * abs(mi), error, 2 * left_error):
        return None
    return (
        f"the estimate is {_bits(mi)}, and {_bits(left)} with x exchanged among samples of similar "
        "z, which leaves nothing: it cannot tell the dependence on z from more; record more, or "
        "use a trained bound"
    )


def too_short(n: int, time: float) -> str | None:
    """Return a reason where a recording lasts few correlation times."""
    if not n < FEW_TIMES * time:
        return None
    return (
        f"the recording lasts {n / time:.0f} of its own correlation times ({time:.0f} samples "
        f"each), fewer than {FEW_TIMES}: chance agreement cannot be told from information; record "
        "longer"
    )


def rare_patterns(share: float) -> str | None:
    """Return a reason where many patterns were seen once only."""
    if not share > UNSEEN:
        return None
    return (
        f"{100 * share:.0f} % of the samples are the only one of their pattern: counts cannot say "
        "how likely those are; join values, record more, or use a trained bound"
    )


def many_dimensions(n_features: int) -> str | None:
    """Return a reason where neighbours are looked for in many dimensions."""
    if n_features <= NEAR_DIMENSIONS:
        return None
    return (
        f"nearest neighbours are far away in {n_features} dimensions, more than {NEAR_DIMENSIONS}: "
        "they see a part of the dependence only; use a trained bound, or fewer features"
    )


def atoms(what: str) -> str | None:
    """Return the reason against a copula where values repeat."""
    return (
        f"values of {what} repeat: ranks of equal values are arbitrary, and a Gaussian copula does "
        "not describe them; use estimator='ksg', 'plugin' or a trained bound"
    )


def collected(*found: str | None) -> tuple[str, ...]:
    """Return the reasons among the outcomes of checks."""
    return tuple(reason for reason in found if reason is not None)


def few_parts(n_gammas: int, enough: int) -> str | None:
    """Return a reason where a line cannot be told from a curve."""
    if n_gammas >= enough:
        return None
    return (
        f"{n_gammas} values of γ, at least {enough} are needed to tell a line from a curve; "
        "name more in gamma_range"
    )


def bent(mi: float, ends: Sequence[float], wide: tuple[float, float]) -> str | None:
    """Return a reason where estimates on parts lie on a curve that ends beyond the interval.

    Where they do not lie on a line, the interval holds what a parabola changes. That is no reason
    to doubt it; a curve that the points ask for and that ends elsewhere is.

    Parameters
    ----------
    mi : float
        The estimate.
    ends : sequence of float
        Where the curves end whose bends are clear beside the scatter of the points.
    wide : tuple of float
        The interval of 95 %, whatever the one that is reported.
    """
    beyond = [end for end in ends if not wide[0] <= end <= wide[1]]
    if not beyond:
        return None
    low, high = (f"{value * _BITS:.2f}" for value in wide)
    return (
        f"the subsampling curve is bent: estimates on parts lie on one that ends at "
        f"{_bits(beyond[-1])}, beyond {low} to {high} bits, which the errors of {_bits(mi)} allow; "
        "record more"
    )


def steep(mi: float, slope: float) -> str | None:
    """Return a reason where the extrapolation adds or takes away much."""
    if not abs(slope) > max(0.15 * abs(mi), 0.015):
        return None
    if slope > 0:
        return (
            f"the subsampling curve falls, by {_bits(slope)} from γ = 2 to γ = 1: critics find "
            "less in all samples than in parts of them; train for longer"
        )
    return (
        f"the subsampling curve still rises, by {_bits(abs(slope))} from γ = 2 to γ = 1 and by as "
        "much again to infinite data, if it is a line; record more"
    )
