"""neuroloom.circuit_inference."""

from neuroloom.circuit_inference._version import __version__

__all__ = ["__version__"]
