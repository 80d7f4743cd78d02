"""How observations are distributed given a state: one family, one file."""
