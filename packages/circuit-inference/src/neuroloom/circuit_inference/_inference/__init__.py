"""From features to posteriors, and how far they can be trusted."""
