"""`python -m smoothie` is the command `smoothie`."""

import sys

from smoothie.start import main

if __name__ == "__main__":
    sys.exit(main())
