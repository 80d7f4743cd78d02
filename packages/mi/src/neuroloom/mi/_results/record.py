"""What a result holds, without what can be done with it: for pictures, files and `Results`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from neuroloom.mi._errors import OptionError, choice

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import TypeVar

    # By mode: a number or none, a table or none.
    Value = TypeVar("Value", bound="float | None", default=Any)
    Table = TypeVar("Table", bound="pd.DataFrame | None", default=Any)
else:
    from typing import TypeVar

    Value, Table = TypeVar("Value"), TypeVar("Table")

UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}
TIDY = (
    "mi",
    "mi_err",
    "ci_lo",
    "ci_hi",
    "test_mi",
    "train_mi",
    "n",
    "ceiling",
    "reliable",
    "units",
)


def unit_factor(units: str) -> float:
    """Return what turns nats into `units`."""
    return UNITS[choice("output_units", units, UNITS)]


@dataclass
class Record(Generic[Value, Table]):
    """The fields of a result; see `neuroloom.mi.Results`."""

    mode: str
    params: dict[str, Any] = field(default_factory=dict)
    mi_estimate: Value = None  # type: ignore[assignment]
    dataframe: Table = None  # type: ignore[assignment]
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def units(self) -> str:
        """Unit of all information values."""
        return str(self.params.get("output_units", "bits"))

    @property
    def is_reliable(self) -> bool:
        """Whether no diagnostic speaks against the estimate."""
        return bool(self.details.get("is_reliable", True))

    @property
    def p_value(self) -> float | None:
        """Probability of an estimate as large without dependence, if surrogates were run."""
        value = self.details.get("p_value")
        return None if value is None else float(value)

    @property
    def reasons(self) -> list[str]:
        """What speaks against the estimate and what to do, in words; empty if it is reliable."""
        return [str(reason) for reason in self.details.get("reasons", [])]


def require_table(results: Record) -> pd.DataFrame:
    """Return the table of `results`, or raise that there is none."""
    if results.dataframe is None or results.dataframe.empty:
        raise OptionError(f"plot: expected results with a table in mode {results.mode!r}, got none")
    return results.dataframe
