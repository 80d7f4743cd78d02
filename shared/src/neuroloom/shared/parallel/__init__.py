"""Run long work by several workers, on one machine or many."""

from neuroloom.shared.parallel._map import map
from neuroloom.shared.parallel._threads import n_cores, one_thread

__all__ = ["map", "n_cores", "one_thread"]
