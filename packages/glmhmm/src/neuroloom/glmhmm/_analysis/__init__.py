"""Scores, errors, comparisons and summaries of fitted models."""
