"""The benchmark of 40 distributions with known mutual information."""
