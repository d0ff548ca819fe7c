"""``python -m cryoden`` is the command line, as ``torchrun -m cryoden`` needs it."""

import sys

from cryoden.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
