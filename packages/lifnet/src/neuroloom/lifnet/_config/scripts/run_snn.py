"""Repeat a configuration and analyse its attractors: ``neuroloom-lifnet run``, as a script."""

import sys

from neuroloom.lifnet.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
