"""neuroloom.tasks."""

from neuroloom.tasks._version import __version__

__all__ = ["__version__"]
