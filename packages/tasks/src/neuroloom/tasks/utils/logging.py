"""The package's logger, under the path where NeuroGym has its own."""

import logging

__all__ = ["logger"]

logger = logging.getLogger("neuroloom.tasks")
