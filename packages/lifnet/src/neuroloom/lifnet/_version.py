"""The version of neuroloom-lifnet."""

__version__ = "0.1.0"
