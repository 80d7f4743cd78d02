"""Attractor states of spiking runs: found in rasters, counted, and followed in time."""
