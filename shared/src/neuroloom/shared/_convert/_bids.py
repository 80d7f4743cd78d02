"""Events files of BIDS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.shared._convert._arrays import read_table
from neuroloom.shared._convert._rules import set_column
from neuroloom.shared._convert._skipped import Skipped, plain
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._trial_tables._contract import recoded
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail, unknown
from neuroloom.shared.checks import path as as_path

_ENTITY = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+]+)")


def read_bids_events(
    path: str | Path,
    *,
    choice: str | None = None,
    choices: Mapping[Any, float] | None = None,
    trial_types: str | list[str] | None = None,
) -> Recording:
    """Return an ``…_events.tsv`` as trials, one per row.

    All columns stay; ``onset`` is known as a time and ``duration`` and ``response_time`` as
    lengths of time to `Trials.on_clock`. ``start`` is ``onset``, ``stop`` is ``onset + duration``,
    ``reaction_time`` is ``response_time``, ``subject`` and ``session`` come from the file's
    name; ``n/a`` is a missing value. Values such as ``007`` stay text, and whole numbers keep
    all digits. BIDS has no rule for choices, so that `choice` and `choices` say it.
    ``metadata["columns"]`` holds what the ``…_events.json`` beside it and in the folders above,
    up to the one with ``dataset_description.json``, say; values of a column with ``Levels`` are
    the levels as they are written, text also where that is ``1``.

    Parameters
    ----------
    path : str or Path
        The file; its lines may end as on Windows.
    choice : str, optional
        Column with the answers.
    choices : mapping, optional
        The choice (0, 1, …, None for no answer) for each value of that column, ``{"left": 0,
        "right": 1}``. Values of a column with ``Levels``, and such as ``007``, are text:
        ``{"1": 0, "2": 1}``. If not given, the values are kept as labels.
    trial_types : str or list of str, optional
        Values of ``trial_type`` whose rows are trials. The other rows are events in between
        (fixations, feedback) and stand in ``metadata["skipped"]``. If not given, every row is.

    Raises
    ------
    DataError
        If the file is missing or no table, lacks ``onset`` or ``duration``, a row has no onset,
        a duration is negative, or a value has no choice.
    """
    source = as_path("path", path)
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    skipped = Skipped()
    entities = dict(_ENTITY.findall(source.name))
    about = _sidecars(source, entities, skipped)
    levels = [name for name, x in about.items() if isinstance(x, Mapping) and "Levels" in x]
    table = read_table(source, labels=levels)
    missing = [name for name in ("onset", "duration") if name not in table]
    if missing:
        raise fail("path", f"the columns {missing} too", f"{source.name}: {list(table.columns)}")
    if trial_types is not None:
        table = _of_types(table, trial_types, skipped)
    _add_times(table, source.name)
    _add_choice(table, choice, choices)
    for name, key in {"subject": "sub", "session": "ses"}.items():
        if name in table and table[name].isna().any():
            table = table.rename(columns={name: f"{name}_in_file"})
        if key in entities and name not in table:
            table[name] = entities[key]
    lengths = [name for name in ("duration", "response_time") if name in table]
    metadata: dict[str, Any] = {"source": "BIDS", "file": source.name, "entities": entities}
    if about:
        metadata["columns"] = plain(about)
    metadata["skipped"] = dict(skipped)
    trials = Trials(table, metadata={"time_columns": ["onset"], "duration_columns": lengths})
    return Recording(trials=trials, metadata=metadata)


def _add_times(table: Any, file: str) -> None:
    """Add the contract's columns of times."""
    onset, duration = (_seconds(file, table, name) for name in ("onset", "duration"))
    if np.isnan(onset).any():
        raise fail("onset", "a time in every row", f"none in row {int(np.isnan(onset).argmax())}")
    if (duration < 0).any():
        raise fail("duration", "durations of at least 0", duration[duration < 0][0])
    set_column(table, "start", onset)
    set_column(table, "stop", onset + duration)
    if "response_time" in table:
        set_column(table, "reaction_time", _seconds(file, table, "response_time"))


def _add_choice(table: Any, choice: str | None, choices: Mapping[Any, Any] | None) -> None:
    if choice is None:
        if choices is not None:
            raise fail("choice", "the column that `choices` is about", None)
        return
    if choice not in table:
        raise unknown("choice", choice, table.columns)
    values = table[choice]
    coding = values if choices is None else recoded(choice, values, choices, "choices")
    set_column(table, "choice", coding, keep_as="action")


def _of_types(table: Any, trial_types: str | list[str], skipped: Skipped) -> Any:
    if "trial_type" not in table:
        raise fail("trial_types", "a column trial_type", list(table.columns))
    wanted = [trial_types] if isinstance(trial_types, str) else list(trial_types)
    there = table["trial_type"].astype("string").fillna("n/a")
    for name in wanted:
        if name not in set(there):
            raise unknown("trial_types", name, sorted(set(there)))
    for name in sorted(set(there) - set(wanted)):
        count = int((there == name).sum())
        skipped.note(f"trial_type {name}", f"{count} rows, not asked for in trial_types")
    return table[there.isin(wanted)].reset_index(drop=True)


def _seconds(file: str, table: Any, column: str) -> Any:
    try:
        return table[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise fail(column, "numbers of seconds or n/a", f"{file}: {error}") from error


def _sidecars(path: Path, entities: dict[str, str], skipped: Skipped) -> dict[str, Any]:
    """Return what the JSON files say of the columns, those nearer to the file last.

    Beside the file, and in the folders above it up to the data set's own (the one with
    ``dataset_description.json``), stand files for all that have their name's parts.
    """
    above = [path.parent, *path.parent.parents]
    tops = [i for i, x in enumerate(above) if (x / "dataset_description.json").is_file()]
    found: dict[str, Any] = {}
    for folder in reversed(above[: tops[0] + 1 if tops else 1]):
        names = sorted(folder.glob("*events.json"), key=lambda x: (len(x.name), x.name))
        for file in names:
            if not dict(_ENTITY.findall(file.name)).items() <= entities.items():
                continue
            with skipped.guard(file.name):
                said = json.loads(file.read_text("utf-8-sig"))
                if not isinstance(said, dict):
                    raise fail(file.name, "an object with a key per column", type(said).__name__)
                for name, more in said.items():
                    old = found.get(name)
                    both = isinstance(old, dict) and isinstance(more, dict)
                    found[name] = (old | more) if both else more
    return found
