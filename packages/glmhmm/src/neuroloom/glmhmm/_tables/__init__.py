"""From tables of trials to regressors, choices and sessions."""
