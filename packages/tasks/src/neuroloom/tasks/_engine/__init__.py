"""How trials are drawn and shown."""
