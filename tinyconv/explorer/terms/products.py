"""Terms of products of matrices."""

import numpy as np

from ..recording import Operation, Recording
from .term import Cell, Terms, cells, made, named


def dense(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[…,m] = Σ dy[…,k]·w[m,k], dw[m,k] = Σ x[…,m]·dy[…,k], db[k] = Σ dy[…,k]."""
    x, w = (recording.values[number].array for number in operation.inputs[:2])
    rows = [np.arange(n) for n in x.shape[:-1]]
    if place == 0:
        units = np.arange(w.shape[1])
        outputs = cells(*cell[:-1], units)
        return made(recording, operation, 0, cell, outputs, w[cell[-1]], lambda at: named("w", (cell[-1], at)))
    if place == 2:
        outputs = cells(*rows, cell[0])
        return made(recording, operation, 2, cell, outputs, np.ones(len(outputs)))
    m, k = cell
    inputs = cells(*rows, m)
    slopes = x[tuple(inputs.T)]
    return made(recording, operation, 1, cell, cells(*rows, k), slopes, lambda at: named("x", inputs[at]))
