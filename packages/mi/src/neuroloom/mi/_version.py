"""The version of neuroloom-mi."""

__version__ = "0.1.0"
