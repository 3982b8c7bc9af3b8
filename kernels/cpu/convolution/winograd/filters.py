"""Winograd's transforms of whole kernels: u = G w Gᵀ, and back from its gradient to dw = Gᵀ du G."""

from typing import Any

import numpy as np
from numba import prange

from ...compile import vector_jit
from ...memory import empty
from ...packing import add_vector, copy_square
from ...vectors import LANES
from .transforms import filter_gradient_transform, filter_transform


def transformed_filter(w: np.ndarray, side: int) -> np.ndarray:
    """Return u = G w Gᵀ, flat (points,c,k), of the kernel `w` (3,3,c,k); c·k + LANES numbers from point to point.

    A distance of a power of two would map all points to the same few lines of a cache.
    """
    c, k = w.shape[2:]
    u = empty(((side + 2) ** 2 * (c * k + LANES),), w.dtype)
    _transform(w.reshape(-1), u, c, k, (0,) * side)
    return u


def filter_gradient(partial: np.ndarray, parts: int, c: int, k: int, side: int) -> np.ndarray:
    """Return dw (3,3,c,k) = Gᵀ du G, du being the sum of so many parts in `partial`, flat (parts,points,c,k)."""
    dw = np.empty((3, 3, c, k), partial.dtype)
    _transform_back(partial, parts, dw.reshape(-1), c, k, (0,) * side)
    return dw


def channels_swapped(w: np.ndarray) -> np.ndarray:
    """Return the kernel (3,3,k,c) of `w` (3,3,c,k)."""
    c, k = w.shape[2:]
    swapped = empty((3, 3, k, c), w.dtype)
    _swap(w.reshape(-1), swapped.reshape(-1), c, k)
    return swapped


@vector_jit
def _swap(w: Any, swapped: Any, c: int, k: int) -> None:
    """Fill swapped (3,3,k,c) with w (3,3,c,k), the channels' axes exchanged; both flat."""
    for square in prange(c // LANES):
        for tap in range(9):
            for k0 in range(0, k, LANES):
                start, at = (tap * c + square * LANES) * k + k0, (tap * k + k0) * c + square * LANES
                copy_square(w, start, k, swapped, at, c)


@vector_jit
def _transform(w: Any, u: Any, c: int, k: int, side: Any) -> None:
    """Fill u (points,c,k) with the transform of w (3,3,c,k); both flat, u with LANES numbers between points."""
    for row in prange(c):
        for at in range(row * k, (row + 1) * k, LANES):
            filter_transform(w, at, c * k, u, at, c * k + LANES, side)


@vector_jit
def _transform_back(partial: Any, parts: int, dw: Any, c: int, k: int, side: Any) -> None:
    """Add up the parts (parts,points,c,k), in order, in the first, and transform it back to dw (3,3,c,k); all flat."""
    points = (len(side) + 2) ** 2
    for row in prange(c):
        for at in range(row * k, (row + 1) * k, LANES):
            for part in range(1, parts):
                for p in range(points):
                    add_vector(partial, (part * points + p) * c * k + at, partial, p * c * k + at)
            filter_gradient_transform(partial, at, c * k, dw, at, c * k, side)
