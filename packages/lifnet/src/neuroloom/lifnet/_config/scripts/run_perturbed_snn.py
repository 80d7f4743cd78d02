"""Repeat a configuration with its perturbations: ``neuroloom-lifnet perturb``, as a script."""

import sys

from neuroloom.lifnet.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["perturb", *sys.argv[1:]]))
