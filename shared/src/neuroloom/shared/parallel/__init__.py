"""Run long work by several workers, on one machine or many."""

from neuroloom.shared.parallel._map import map

__all__ = ["map"]
