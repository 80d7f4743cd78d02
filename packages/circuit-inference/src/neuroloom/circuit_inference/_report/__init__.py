"""Pictures, statistics and reports."""
