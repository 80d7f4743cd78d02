"""The modes of `run`, one module each."""
