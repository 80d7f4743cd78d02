"""The seed's `Analysis`: mixed models, effect sizes and head plots of a table."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._recordings.topomap import topomap
from neuroloom.circuit_inference._report.mixed_models import (
    MixedEffects,
    formula_columns,
    likelihood_ratio,
    mixed_effects,
    parse_specs,
)
from neuroloom.circuit_inference._report.statistics import cohen_d
from neuroloom.circuit_inference.errors import ArgumentError, ConstantSeriesError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = ("ID", "Group", "Epoch", "Sensor")


class Analysis:
    """Statistics of predictions or features, by ncpi's names.

    Parameters
    ----------
    data : DataFrame, or sequence of float
        A table with the columns that a method asks for; for the head plot one value per
        electrode.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({
    ...     "Group": ["HC"] * 3 + ["AD"] * 3, "Sensor": ["Pz"] * 6, "Y": [0, 1, 2, 2, 3, 4],
    ... })
    >>> Analysis(table).cohend()["ADvsHC"]["d"].tolist()
    [2.0]
    """

    def __init__(self, data: Any) -> None:
        self.data = data

    def _table(self, columns: Sequence[str], data_col: str, data_index: int) -> pd.DataFrame:
        if not isinstance(self.data, pd.DataFrame):
            raise ArgumentError(f"data: expected a DataFrame, got {type(self.data).__name__}")
        missing = [c for c in (*columns, data_col) if c not in self.data.columns]
        if missing:
            raise ArgumentError(
                f"data: expected the columns {missing} too, got {list(self.data.columns)}"
            )
        frame = self.data[[*columns, data_col]].copy()
        if data_index >= 0:
            frame[data_col] = [value[data_index] for value in frame[data_col]]
        frame[data_col] = frame[data_col].astype(float)
        return frame

    def lmer(
        self,
        control_group: str = "HC",
        data_col: str = "Y",
        other_col: Sequence[str] = _COLUMNS,
        data_index: int = -1,
        models: Mapping[str, str] | None = None,
        bic_models: Sequence[str] | None = None,
        anova_tests: Mapping[str, Sequence[str]] | None = None,
        specs: str | None = None,
    ) -> dict[str, pd.DataFrame]:
        """Return one table of contrasts per group against the control group.

        Parameters
        ----------
        control_group : str
            Level of ``Group`` that the others are compared with.
        data_col : str
            Column of the values; called ``Y`` in the formulas.
        other_col : sequence of str
            Further columns that the formulas use.
        data_index : int
            Which element, if the values are lists; −1 for numbers.
        models : dict of str to str, optional
            Formulas by name; ``Y ~ Group + (1 | ID)`` and ``Y ~ Group`` if not given.
        bic_models : sequence of str, optional
            Models of which the one of the smallest BIC is used; otherwise the first.
        anova_tests : dict, optional
            Pairs of nested models to compare by likelihood ratio; in `likelihood_ratios` after.
        specs : str, optional
            What is compared, as emmeans writes it: ``"~Group"`` with the control group,
            ``"~Group | Sensor"`` for each sensor by itself, ``"~Sensor | Group"`` all pairs of
            sensors in each group.

        Returns
        -------
        dict of str to DataFrame
            ``"ADvsHC"``: contrast, (Sensor,) estimate, SE, z.ratio, p.value, and p.holm over the
            table's rows.
        """
        frame = self._table(other_col, data_col, data_index).rename(columns={data_col: "Y"})
        formulas = dict(models or {"mod00": "Y ~ Group + (1 | ID)", "mod01": "Y ~ Group"})
        wanted = list(bic_models) if bic_models else [next(iter(formulas))]
        tests = dict(anova_tests or {})
        needed = dict.fromkeys([*wanted, *itertools.chain(*tests.values())])
        for name in needed:
            if name not in formulas:
                raise ArgumentError(f"models: expected the model {name!r}, got {list(formulas)}")
        factors, by = parse_specs(specs or "~Group")
        groups = [group for group in frame["Group"].unique() if group != control_group]
        results: dict[str, pd.DataFrame] = {}
        self.likelihood_ratios: dict[str, dict[str, tuple[float, int, float]]] = {}
        for group in groups:
            pair = frame[frame["Group"].isin([control_group, group])]
            fits = {name: mixed_effects(pair, formulas[name]) for name in needed}
            best = min((fits[name] for name in wanted), key=lambda model: model.bic)
            label = f"{group}vs{control_group}"
            self.likelihood_ratios[label] = _ratios(fits, tests)
            control = control_group if factors == ("Group",) else None
            results[label] = best.contrasts(pair, factors, control, by)
        return results

    def cohend(
        self,
        control_group: str = "HC",
        data_col: str = "Y",
        data_index: int = -1,
        *,
        drop_zeros: bool = False,
        min_n: int = 3,
    ) -> dict[str, pd.DataFrame]:
        """Return Cohen's d per sensor, for each group against the control group.

        Parameters
        ----------
        control_group, data_col, data_index
            As in `lmer`.
        drop_zeros : bool
            Leave zeros out, as ncpi always does; a true zero is a value.
        min_n : int
            Groups with fewer values get NaN.

        Returns
        -------
        dict of str to DataFrame
            ``"ADvsHC"``: d, Sensor, Hedges' g and the ends of the 95 % interval.
        """
        frame = self._table(["Group", "Sensor"], data_col, data_index)
        if drop_zeros:
            frame = frame[frame[data_col] != 0]
        results = {}
        for group in [g for g in frame["Group"].unique() if g != control_group]:
            rows = []
            pair = frame[frame["Group"].isin([control_group, group])]
            for sensor, part in pair.groupby("Sensor", sort=False):
                a = part.loc[part["Group"] == group, data_col].dropna()
                b = part.loc[part["Group"] == control_group, data_col].dropna()
                row = {"d": np.nan, "Sensor": sensor, "g": np.nan, "low": np.nan, "high": np.nan}
                if min(len(a), len(b)) >= max(min_n, 2):
                    try:
                        effect = cohen_d(a, b)
                    except ConstantSeriesError:
                        effect = None
                    if effect is not None:
                        row |= {
                            "d": effect.d,
                            "g": effect.g,
                            "low": effect.low,
                            "high": effect.high,
                        }
                rows.append(row)
            results[f"{group}vs{control_group}"] = pd.DataFrame(rows)
        return results

    def EEG_topographic_plot(self, **kwargs: Any) -> Axes:
        """Return axes with the data as a map of the head; see `topomap`.

        Parameters
        ----------
        **kwargs
            ``electrodes`` (names), ``ax``, ``vmin``, ``vmax``, ``label``. Without names 19 or 20
            values are taken in ncpi's order: Fp1 Fp2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T3 T4 T5 T6 Fz
            Cz Pz (Oz).
        """
        from neuroloom.circuit_inference._recordings.topomap import TEN_TWENTY

        values = np.asarray(self.data, dtype=float).ravel()
        names = kwargs.pop("electrodes", None)
        if names is None:
            if values.size not in (19, 20):
                raise ArgumentError(
                    f"data: expected 19 or 20 values (or electrodes=…), got {values.size}"
                )
            names = TEN_TWENTY[: values.size]
        allowed = {"ax", "vmin", "vmax", "label"}
        unexpected = sorted(set(kwargs) - allowed - {"radius", "pos", "electrode_size", "fig"})
        if unexpected:
            raise ArgumentError(f"kwargs: expected some of {sorted(allowed)}, got {unexpected}")
        chosen = {k: v for k, v in kwargs.items() if k in allowed}
        if chosen.get("label") is True or chosen.get("label") is False:
            chosen.pop("label")
        return topomap(values, names, **chosen)


def _ratios(
    fits: Mapping[str, MixedEffects], tests: Mapping[str, Sequence[str]]
) -> dict[str, tuple[float, int, float]]:
    """Return the likelihood-ratio test of each pair of models, the smaller one first."""
    return {
        test: likelihood_ratio(*sorted((fits[a], fits[b]), key=lambda model: model.n_parameters))
        for test, (a, b) in tests.items()
    }


def extract_variables(formula: str) -> list[str]:
    """Return the columns that a formula speaks of, in order: ncpi's helper.

    Examples
    --------
    >>> extract_variables("Y ~ Group * Sensor + (1 | ID)")
    ['Y', 'Group', 'Sensor', 'ID']
    """
    return formula_columns(formula)
