"""Models and analysis under the paths that scripts import."""
