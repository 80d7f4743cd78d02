"""From scores to estimates, intervals and reliability."""
