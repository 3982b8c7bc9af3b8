"""Keras's scripts, unchanged: every era's module paths and spellings, on top of the engine, which learns none of them.

`python -m tinyconv.keras SCRIPT.py` runs a script or a notebook; `with tinyconv.keras.era(2):` does the same inside a
program.
"""

from .eras import Era, guess
from .importing import era
from .quick_look import Caps

__all__ = ["Caps", "Era", "era", "guess"]
