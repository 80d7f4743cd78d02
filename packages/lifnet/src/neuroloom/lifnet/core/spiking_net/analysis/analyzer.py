"""Attractor statistics."""

from neuroloom.lifnet._analysis._analyzer import Analyzer

__all__ = ["Analyzer"]
