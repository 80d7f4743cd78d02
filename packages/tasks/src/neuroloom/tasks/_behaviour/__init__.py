"""Agents at work: runs, observers, curves."""
