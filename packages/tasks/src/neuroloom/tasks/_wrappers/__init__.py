"""Wrappers that change trials, what is shown of them, or keep a record."""
