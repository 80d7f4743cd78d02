"""Critics, the bounds that train them, and what they start from."""
