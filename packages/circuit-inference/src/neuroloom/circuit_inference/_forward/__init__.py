"""From a network's activity to field potentials."""
