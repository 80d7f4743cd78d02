"""Data sets whose mutual information, lag or structure is known."""
