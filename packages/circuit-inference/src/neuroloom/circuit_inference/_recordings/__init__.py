"""From recordings to tables of epochs."""
