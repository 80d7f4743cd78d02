"""Stagers, sweeps, repeats and logs under the paths that scripts import."""

from neuroloom.lifnet._execution._logger import Logger
from neuroloom.lifnet._execution._repeater import Repeater

__all__ = ["Logger", "Repeater"]
