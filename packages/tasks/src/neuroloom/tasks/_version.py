"""The version of neuroloom-tasks."""

__version__ = "0.1.0"
