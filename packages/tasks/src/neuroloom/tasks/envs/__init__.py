"""The tasks, one file each; importing `neuroloom.tasks` registers them all."""
