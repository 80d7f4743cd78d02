"""The version of neuroloom-glmhmm."""

__version__ = "0.1.0"
