"""Tasks that belong together."""

from neuroloom.tasks._design.catalogue import get_collection

__all__ = ["get_collection"]
