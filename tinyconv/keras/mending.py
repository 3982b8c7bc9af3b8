"""What has rotten beside Keras, mended on request and named: Python 2, SciPy's images, packages that are not there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .notebooks import Cell


@contextmanager
def mended(cells: Sequence[Cell], wanted: bool, say: Callable[[str], None]) -> Iterator[list[Cell]]:
    """Give a program that runs today, if that is wanted; each thing that was mended is said."""
    yield list(cells)
