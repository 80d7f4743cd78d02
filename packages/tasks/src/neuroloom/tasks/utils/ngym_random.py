"""Random durations."""

from neuroloom.tasks._neurogym.durations import (
    TruncExp,
    random_number_fn,
    random_number_name,
    trunc_exp,
)

__all__ = [
    "TruncExp",
    "random_number_fn",
    "random_number_name",
    "trunc_exp",
]
