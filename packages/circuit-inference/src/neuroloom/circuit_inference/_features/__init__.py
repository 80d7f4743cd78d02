"""Features of series: families, sets, tables."""
