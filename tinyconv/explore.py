"""The command line `python -m tinyconv.explore`: a door to `explorer/`, as `tc.explore` is the function of that name.

Nothing imports this module: it would take the function's place.
"""

import sys

if not __package__:
    sys.exit("run it as a module of its package: python -m tinyconv.explore")

from .explorer.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
