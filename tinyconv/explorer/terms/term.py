"""Terms: the products that add up to one number of a gradient."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..recording import Operation, Recording

Cell = tuple[int, ...]


@dataclass(eq=False)
class Terms:
    """The sum dx[cell] = Σ dy[outputs]·slopes.

    `outputs` (m, axes of y) are the cells of y, `dy` (m,) its gradient there, `slopes` (m,) are ∂y/∂x[cell]; all in
    float64, from the numbers that were recorded. `factor(i)` is the name of the i-th slope, "" where it has none.
    """

    operation: Operation
    place: int
    cell: Cell
    outputs: np.ndarray
    dy: np.ndarray
    slopes: np.ndarray
    factor: Callable[[int], str]
    note: str = ""  # what the reader should know: who won, why there is nothing

    @property
    def products(self) -> np.ndarray:
        """The terms (m,) of the sum."""
        return self.dy * self.slopes

    @property
    def sum(self) -> float:
        """Their sum: the gradient that the operation hands to the cell."""
        return float(self.products.sum())

    def largest(self, n: int) -> np.ndarray:
        """Return the places of the n largest terms that are not 0, by size, the largest first."""
        products = np.abs(self.products)
        order = np.argsort(-products, kind="stable")[:n]
        return order[products[order] > 0]


def made(
    recording: Recording,
    operation: Operation,
    place: int,
    cell: Cell,
    outputs: np.ndarray,
    slopes: np.ndarray | list[float],
    factor: Callable[[int], str] = lambda i: "",
    note: str = "",
) -> Terms:
    """Return the terms for those cells of y, with what was recorded as the gradient there (0 where there is none)."""
    result = recording.values[operation.output]
    slopes = np.asarray(slopes, np.float64).reshape(-1)
    outputs = np.asarray(outputs, np.int64).reshape(len(slopes), result.array.ndim)
    if result.gradient is None:
        dy = np.zeros(len(outputs))
    else:
        dy = result.gradient[tuple(outputs.T)].astype(np.float64).reshape(-1)
    return Terms(operation, place, cell, outputs, dy, slopes, factor, note)


def cells(*axes: np.ndarray | list[int] | int) -> np.ndarray:
    """Return all combinations (m, axes) of numbers along each axis; one number counts as a list of one."""
    if not axes:
        return np.zeros((1, 0), np.int64)  # the one cell of a number
    grid = np.meshgrid(*(np.atleast_1d(np.asarray(axis, np.int64)) for axis in axes), indexing="ij")
    return np.stack([each.reshape(-1) for each in grid], axis=-1)


def named(name: str, cell: Any) -> str:
    """Return "w[0,2,1,5]"."""
    return f"{name}[{','.join(str(int(i)) for i in np.atleast_1d(np.asarray(cell)))}]" if np.size(cell) else name
