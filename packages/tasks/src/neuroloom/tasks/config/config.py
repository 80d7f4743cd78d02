"""Settings, under the path that NeuroGym's users import them from."""

from neuroloom.tasks.config import Config, config

__all__ = ["Config", "config"]
