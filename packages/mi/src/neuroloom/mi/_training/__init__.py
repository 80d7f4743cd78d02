"""Training critics on folds, scoring them, and keeping them."""
