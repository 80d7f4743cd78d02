"""The version of neuroloom-circuit-inference."""

__version__ = "0.1.0"
