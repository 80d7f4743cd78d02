"""`run`: checks the arguments and hands over to the mode."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._bounds import BOUNDS
from neuroloom.mi._errors import choice
from neuroloom.mi._estimate import run_estimate
from neuroloom.mi._options import params as checked_params
from neuroloom.mi._options import real
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._split import SPLITS
from neuroloom.mi._windows import variable
from neuroloom.shared import Seed, as_seed

MODES = {"estimate": run_estimate}
_COMMON_OPTIONS = (
    "n_workers",
    "gap",
    "align",
    "permutation_test",
    "n_permutations",
    "surrogate",
    "surrogate_block",
    "trials",
)


def run(
    x_data: Any,
    y_data: Any = None,
    mode: str = "estimate",
    processor_type: str | None = None,
    processor_params: Mapping[str, Any] | None = None,
    processor_type_x: str | None = None,
    processor_params_x: Mapping[str, Any] | None = None,
    processor_type_y: str | None = None,
    processor_params_y: Mapping[str, Any] | None = None,
    base_params: Any = None,
    sweep_grid: Mapping[str, Any] | None = None,
    output_units: str = "bits",
    estimator: str = "infonce",
    estimator_params: Mapping[str, Any] | None = None,
    custom_critic: torch.nn.Module | None = None,
    custom_embedding_cls: type | None = None,
    save_best_model_path: str | None = None,
    random_seed: int | Seed | None = None,
    verbose: bool = True,
    device: str | None = None,
    split_mode: str = "blocked",
    train_indices: NDArray[Any] | None = None,
    test_indices: NDArray[Any] | None = None,
    delta_threshold: float = 0.1,
    min_gamma_points: int = 5,
    confidence_level: float = 0.68,
    **analysis_kwargs: Any,
) -> Results:
    choice("mode", mode, MODES)
    unit_factor(output_units)
    analysis = Analysis(
        x=variable(
            "x", x_data, processor_type_x or processor_type, processor_params_x or processor_params
        ),
        y=None
        if y_data is None
        else variable(
            "y",
            y_data,
            processor_type_y or processor_type_x or processor_type,
            processor_params_y or processor_params_x or processor_params,
        ),
        params=checked_params(base_params),
        bound=choice("estimator", estimator, BOUNDS),
        bound_options=dict(estimator_params or {}),
        seed=as_seed(secrets.randbits(63) if random_seed is None else random_seed),
        split_mode=choice("split_mode", split_mode, SPLITS),
        train_indices=train_indices,
        test_indices=test_indices,
        n_workers=analysis_kwargs.get("n_workers", 1),
        progress=verbose,
        critic=custom_critic,
        embedding=custom_embedding_cls,
        confidence=real("confidence_level", confidence_level, above=0.0, below=1.0),
        options=analysis_kwargs,
    )
    results = MODES[mode](analysis, output_units)
    results.params = {"output_units": output_units}
    return results
