"""The data types: frozen, checked when made, times in seconds."""
