"""``python -m neuroloom.lifnet``."""

import sys

from neuroloom.lifnet._cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
