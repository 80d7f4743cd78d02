"""Priors, simulation libraries and the models that need no network."""
