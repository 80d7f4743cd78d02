"""ncpi's five classes by their own names: a compatibility layer over the package."""
