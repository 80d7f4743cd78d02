"""From recordings to samples, folds and surrogates."""
