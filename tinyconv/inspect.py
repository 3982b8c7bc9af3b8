"""The command line: `python -m tinyconv.inspect FILE` says what is in a file of Keras, and what is lacking.

Python started inside this folder finds this file in place of its own module `inspect`; then it stands aside.
"""

import os
import sys

if __name__ == "inspect":
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    _spec = PathFinder.find_spec("inspect", [os.path.dirname(os.__file__)])
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["inspect"] = module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["inspect"])
elif not __package__:
    sys.exit("run it as a module of its package: python -m tinyconv.inspect")
else:
    from .saving.command import main

    if __name__ == "__main__":
        sys.exit(main())
