"""Sums of whole arrays."""

import numpy as np


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a + b for arrays of one shape: what two users of a tensor send back to it."""
    return a + b


def scale(x: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return factor·x for an array `factor` of one element, such as the derivative 2·dy·x of Σ x²."""
    return x * factor


def sum_squares(x: np.ndarray) -> np.ndarray:
    """Return Σ x², added up in double, as an array of no axes."""
    return np.square(x, dtype=np.float64).sum().astype(x.dtype)
