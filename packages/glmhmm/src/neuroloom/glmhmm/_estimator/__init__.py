"""The estimator and the problem that all its verbs share."""
