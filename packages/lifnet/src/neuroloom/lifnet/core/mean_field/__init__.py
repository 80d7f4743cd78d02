"""The mean field."""
