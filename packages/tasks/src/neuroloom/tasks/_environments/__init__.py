"""Tasks as environments and data sets."""
