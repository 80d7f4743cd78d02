"""`Results`, under the path where users of the reference look for it."""

from neuroloom.mi._results.results import Results

__all__ = ["Results"]
