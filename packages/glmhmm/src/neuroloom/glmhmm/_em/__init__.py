"""Expectation–maximisation as compiled programs."""
