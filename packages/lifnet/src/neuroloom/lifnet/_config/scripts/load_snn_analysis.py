"""Show a saved analysis: ``neuroloom-lifnet analyze``, as a script."""

import sys

from neuroloom.lifnet.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["analyze", *sys.argv[1:]]))
