"""The factors of a matrix product, copied together as its register tiles read them (`matmul.py` explains the words).

The right factor b goes into panels of PANEL columns, one row of a panel after the other, which the first-level cache
holds. Rows of the left factor a are read where they lie, all but a few that fill no group of register tiles; columns of
a, which are rows of its transpose, go into panels of LEFT_PANEL, so that the numbers a register tile multiplies at once
are neighbours. What comes next of either is asked for some time before (`fetch_ahead`).
"""

from math import ceil
from typing import Any

import numpy as np

from .compile import common_helper
from .matmul import PANEL, WHOLE_ROWS
from .packing import clear_run, copy_run
from .vectors import LANES, fetch, in_registers, repeat

# Rows of a panel of a transposed left factor, which register tiles of every height fill.
LEFT_PANEL = ceil(32 / WHOLE_ROWS) * WHOLE_ROWS

# Rows of a so many bytes apart, or a multiple of it, share a set of the cache. Processors with the longer vectors have
# 12 to 16 places in one, others 8.
SAME_SET = 4096
CROWDED = LANES == 8

LINE = 64  # bytes of a line of the cache

# Panels of a transposed left factor that are filled at once, while a row of its numbers is read.
TOGETHER = 4


@common_helper
def crowds(a: np.ndarray, lda: int) -> bool:
    """Return whether rows of a so far apart are better copied than read where they lie: see `SAME_SET`."""
    return CROWDED and lda * a.itemsize % SAME_SET == 0


@common_helper
def even(count: int, most: int) -> int:
    """Return the size of the fewest pieces of `count` that have at most so many each: all of about a size."""
    pieces = max(1, (count + most - 1) // most)
    return (count + pieces - 1) // pieces


@common_helper
def panel_width(columns: int) -> int:
    """Return how many of the columns that are left are the next panel: none is a single vector, if there are more."""
    return PANEL - 2 * LANES if columns == PANEL + LANES else min(PANEL, columns)


@common_helper
def left_panel_size(terms: int) -> int:
    """Return how far apart panels of a left factor are: a vector more, lest rows of all share a set of the cache."""
    return terms * LEFT_PANEL + LANES


@in_registers
def _copy_whole_panel(b, start, outer, terms, target, at):
    def copy_row(d):
        for v in range(0, PANEL, LANES):
            target[at + d * PANEL + v] = b[start + d * outer + v]
        return []

    repeat(terms, copy_row, [])


@in_registers
def _copy_vectors(b, start, outer, terms, target, at, row):
    def copy_vector(d):
        target[at + d * row] = b[start + d * outer]
        return []

    repeat(terms, copy_vector, [])


@in_registers
def _copy_left_panels(a, start, outer, terms, target, at, distance):
    def copy_row(d):
        for panel in range(TOGETHER):
            for v in range(0, LEFT_PANEL, LANES):
                target[at + distance * panel + d * LEFT_PANEL + v] = a[start + d * outer + panel * LEFT_PANEL + v]
        return []

    repeat(terms, copy_row, [])


@common_helper
def pack_panel(
    b: np.ndarray, start: int, outer: int, terms: int, filled: int, target: np.ndarray, at: int, wide: int
) -> None:
    """Copy `filled` columns of so many rows of b, `outer` apart, to a panel `wide` columns wide.

    Its last vector is filled up by what follows in b, or by zeros at its end: no result of that is kept.
    """
    if filled == PANEL and wide == PANEL:
        _copy_whole_panel(b, start, outer, terms, target, at)
        return
    whole = filled // LANES * LANES
    for j in range(0, whole, LANES):
        _copy_vectors(b, start + j, outer, terms, target, at + j, wide)
    if whole < filled:
        followed = min(terms, max(0, b.size - LANES - start - whole + outer) // outer)
        _copy_vectors(b, start + whole, outer, followed, target, at + whole, wide)
        for d in range(followed, terms):
            copy_run(b, start + d * outer + whole, filled - whole, target, at + d * wide + whole)
            clear_run(target, at + d * wide + filled, LANES - filled + whole)


@common_helper
def pack_left_panels(a: np.ndarray, start: int, outer: int, terms: int, rows: int, target: np.ndarray, at: int) -> None:
    """Copy `rows` columns of a, which are rows of its transpose, of so many of its rows, `outer` apart, to panels."""
    distance = left_panel_size(terms)
    i = 0
    while i + TOGETHER * LEFT_PANEL <= rows:
        _copy_left_panels(a, start + i, outer, terms, target, at + i // LEFT_PANEL * distance, distance)
        i += TOGETHER * LEFT_PANEL
    while i < rows:
        filled = min(LEFT_PANEL, rows - i)
        pack_panel(a, start + i, outer, terms, filled, target, at + i // LEFT_PANEL * distance, LEFT_PANEL)
        i += LEFT_PANEL


@in_registers
def _fetch(source, at):
    fetch(source, at)


@common_helper
def fetch_ahead(
    matrix: np.ndarray, strides: Any, i: int, rows: int, j: int, columns: int, first: int, end: int, of: int
) -> None:
    """Ask for shares `first` to `end` − 1, `of` so many, of part of a flat matrix, one of whose strides is 1."""
    outer = strides[0] * strides[1]
    runs, run = (rows, columns) if strides[1] == 1 else (columns, rows)
    for n in range(runs * first // of, runs * end // of):
        for t in range(0, run, LINE // matrix.itemsize):
            _fetch(matrix, i * strides[0] + j * strides[1] + n * outer + t)
