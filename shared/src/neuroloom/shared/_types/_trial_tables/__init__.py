"""Tables of trials: what columns mean, hold and tell apart, and how tables are joined."""
