"""The version of neuroloom-shared."""

__version__ = "0.1.0"
