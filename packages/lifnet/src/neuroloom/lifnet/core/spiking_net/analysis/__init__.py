"""Analysis of spiking runs."""
