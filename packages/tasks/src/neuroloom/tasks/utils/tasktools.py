"""Small tools for writing tasks."""

from neuroloom.tasks._neurogym.tools import (
    circular_dist,
    compute_perf,
    correct_2AFC,
    divide,
    get_idx,
    get_periods_idx,
    minmax_number,
    to_map,
)

__all__ = [
    "circular_dist",
    "compute_perf",
    "correct_2AFC",
    "divide",
    "get_idx",
    "get_periods_idx",
    "minmax_number",
    "to_map",
]
