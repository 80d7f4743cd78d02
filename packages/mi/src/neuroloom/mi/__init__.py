"""neuroloom.mi."""

from neuroloom.mi._version import __version__

__all__ = ["__version__"]
