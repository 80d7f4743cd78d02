"""The mean field of a clustered network."""

from neuroloom.lifnet._theory._mean_field import LIFMeanField

__all__ = ["LIFMeanField"]
