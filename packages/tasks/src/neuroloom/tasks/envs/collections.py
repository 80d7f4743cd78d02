"""Tasks that belong together."""

from neuroloom.tasks._neurogym.info import get_collection

__all__ = ["get_collection"]
