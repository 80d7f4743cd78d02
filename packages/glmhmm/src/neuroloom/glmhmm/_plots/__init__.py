"""Pictures of fits: axes in, axes out."""
