"""Configurations: schema, reading and writing, and the shipped ones."""
