"""An analysis as a folder: states and occurrences, transition matrix, parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._analysis._attractors import (
    ClusteringParams,
    Occurrences,
    transition_counts,
)
from neuroloom.lifnet._analysis._sessions import save_array
from neuroloom.lifnet._errors import LifnetError
from neuroloom.shared import checks
from neuroloom.shared.io import atomic

ATTRACTORS = "attractors.json"
TRANSITIONS = "transition_matrix.npy"
CONFIG = "analysis_config.json"
FILES = {"attractors": ATTRACTORS, "transition_matrix": TRANSITIONS}
_PLACES = ("spikes_path", "clusters_path", "files")
_LENGTHS = "session_lengths_steps"
_OF_LENGTHS = ("total_sim_duration_ms",)  # what more sessions change besides


@dataclass(frozen=True)
class Saved:
    """What a folder holds.

    Parameters
    ----------
    found : Occurrences
        The states and when they were.
    config : dict
        Parameters and sizes, as they were written.
    dt : float
        Length of a step in seconds.
    params : ClusteringParams
        How states were told.
    """

    found: Occurrences
    config: dict[str, Any]
    dt: float
    params: ClusteringParams


def write(
    folder: Path, found: Occurrences, config: dict[str, Any], matrix: NDArray[np.float64]
) -> Path:
    """Write an analysis to a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / ATTRACTORS) as file:
        file.write(json.dumps(_table(found)).encode())
    save_array(folder / TRANSITIONS, matrix)
    with atomic(folder / CONFIG) as file:
        file.write(json.dumps(config, indent=2).encode())
    return folder


def read(folder: Path) -> Saved:
    """Return the analysis in a folder.

    Raises
    ------
    LifnetError
        If there is none, or one whose attractors are a pickled object.
    """
    if not (folder / ATTRACTORS).is_file():
        if (folder / "attractors.npy").is_file():
            raise LifnetError(
                f"{folder / 'attractors.npy'}: a pickled object, which could run code when "
                "opened and is not read; make the analysis anew from the spikes"
            )
        raise LifnetError(f"{folder}: expected {ATTRACTORS}, got no such file")
    try:
        table = json.loads((folder / ATTRACTORS).read_text())
        config = json.loads((folder / CONFIG).read_text())
        states = tuple(tuple(int(c) for c in state) for state in table["states"])
        columns = [
            np.array(table[name], dtype=np.int64)
            for name in ("identity", "session", "start", "stop")
        ]
        config["n_clusters"], config["total_sim_duration_ms"]
        found = Occurrences(states, *columns)
        transition_counts(found)  # an identity that is none of the states ends here
        return Saved(
            found,
            config,
            float(config["dt"]),
            clustering(config["clustering_params"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise LifnetError(f"{folder}: expected a saved analysis, got {error!r}") from error


def refuse_another(
    folder: Path, config: Mapping[str, Any], found: Occurrences | None = None
) -> None:
    """Raise if a folder holds an analysis that another one would replace.

    One of the same parameters and states may be replaced, and so may one of the first of the
    sessions: the other one goes on from it.

    Parameters
    ----------
    folder : Path
        Where the other one is to go.
    config : mapping
        Parameters and sizes of the other one, or those of them that are known before it is made.
    found : Occurrences, optional
        States of the other one.

    Raises
    ------
    LifnetError
        If there is one that would be lost.
    """
    if not (folder / ATTRACTORS).is_file():
        if (folder / "attractors.npy").is_file():
            raise LifnetError(
                f"directory: expected a folder without another analysis, got {folder} with one "
                "of the seed system; take another folder, or overwrite it (overwrite=True, "
                "--overwrite)"
            )
        return
    known = read(folder)
    lengths, before = (list(one.get(_LENGTHS, ())) for one in (config, known.config))
    goes_on = lengths[: len(before)] == before
    sizes = {*_PLACES, _LENGTHS, *(_OF_LENGTHS if goes_on else ())}
    ours, theirs = (
        {k: v for k, v in one.items() if k not in sizes} for one in (config, known.config)
    )
    compared = set(ours) if found is None else {*ours, *theirs}
    differ = sorted(k for k in compared if ours.get(k) != theirs.get(k))
    differ += [] if goes_on else [_LENGTHS]
    if not differ and found is not None and not _begins_with(found, known.found):
        differ = ["states"]
    if differ:
        raise LifnetError(
            f"directory: expected a folder without another analysis, got {folder} with one of "
            f"{len(known.found.states)} states that differs in {', '.join(differ)}; take "
            "another folder, or overwrite it (overwrite=True, --overwrite)"
        )


def _begins_with(found: Occurrences, known: Occurrences) -> bool:
    """Return whether the first sessions' states and occurrences are those that are known."""
    whole, part = _table(found), _table(known)
    return all(whole[name][: len(values)] == values for name, values in part.items())


def clustering(params: ClusteringParams | Mapping[str, Any] | None) -> ClusteringParams:
    """Return what tells states, with defaults where nothing is said."""
    if isinstance(params, ClusteringParams):
        return params
    if params is None:
        return ClusteringParams()
    if not isinstance(params, Mapping):
        raise checks.fail(
            "clustering_params", "ClusteringParams or a mapping", params, error=LifnetError
        )
    checks.keys(
        "clustering_params", params, ClusteringParams.__dataclass_fields__, error=LifnetError
    )
    return ClusteringParams(**params)


def _table(found: Occurrences) -> dict[str, Any]:
    """Return states and occurrences as they are written."""
    return {
        "states": [list(state) for state in found.states],
        "identity": found.identity.tolist(),
        "session": found.session.tolist(),
        "start": found.start.tolist(),
        "stop": found.stop.tolist(),
    }
