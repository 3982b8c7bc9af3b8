"""Copies of vectors, runs and parts of matrices, as they lie or transposed. All arrays are flat."""

import numpy as np

from .compile import common_helper
from .vectors import LANES, in_registers, transposed


@in_registers
def copy_vector(source, start, target, at):
    """target[at …] = source[start …], LANES numbers."""
    target[at] = source[start]


@in_registers
def clear_vector(target, at):
    """target[at …] = 0, LANES numbers."""
    target[at] = 0


@in_registers
def add_vector(source, start, target, at):
    """target[at …] += source[start …], LANES numbers."""
    target[at] = target[at] + source[start]


@in_registers
def copy_square(source, start, outer, target, at, row):
    """Copy LANES×LANES numbers, rows `outer` apart, transposed to rows `row` apart."""
    for i, column in enumerate(transposed([source[start + outer * j] for j in range(LANES)])):
        target[at + row * i] = column


@common_helper
def copy_run(source: np.ndarray, start: int, run: int, target: np.ndarray, at: int) -> None:
    """Copy `run` numbers."""
    whole = run // LANES * LANES
    for t in range(0, whole, LANES):
        copy_vector(source, start + t, target, at + t)
    for t in range(whole, run):
        target[at + t] = source[start + t]


@common_helper
def add_run(source: np.ndarray, start: int, run: int, target: np.ndarray, at: int) -> None:
    """Add `run` numbers to the target's."""
    whole = run // LANES * LANES
    for t in range(0, whole, LANES):
        add_vector(source, start + t, target, at + t)
    for t in range(whole, run):
        target[at + t] += source[start + t]


@common_helper
def clear_run(target: np.ndarray, at: int, run: int) -> None:
    """Write `run` zeros."""
    for t in range(at, at + run):
        target[t] = 0


@common_helper
def pack(
    source: np.ndarray, start: int, outer: int, count: int, run: int, target: np.ndarray, at: int, row: int
) -> None:
    """Copy `count` runs of contiguous numbers, `outer` apart, to rows of the target, `row` apart."""
    for i in range(count):
        copy_run(source, start + i * outer, run, target, at + i * row)


@common_helper
def pack_transposed(
    source: np.ndarray, start: int, outer: int, count: int, run: int, target: np.ndarray, at: int, row: int
) -> None:
    """Copy `count` runs of contiguous numbers, `outer` apart, to columns of the target, whose rows are `row` apart."""
    across, down = count // LANES * LANES, run // LANES * LANES
    for t in range(0, down, LANES):
        for i in range(0, across, LANES):
            copy_square(source, start + i * outer + t, outer, target, at + t * row + i, row)
    for t in range(run):
        for i in range(across if t < down else 0, count):
            target[at + t * row + i] = source[start + i * outer + t]
