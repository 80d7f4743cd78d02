"""neuroloom.lifnet."""

from neuroloom.lifnet._version import __version__

__all__ = ["__version__"]
