"""Random numbers by number."""
