"""From what a user passes to plain arrays."""
