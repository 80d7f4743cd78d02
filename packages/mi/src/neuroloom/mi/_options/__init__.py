"""Options, checked once at the border."""
