"""New arrays that elementwise kernels fill."""

from collections.abc import Callable

import numpy as np

from .memory import empty


def mapped(kernel: Callable[..., None], *arrays: np.ndarray, scalars: tuple[float, ...] = ()) -> np.ndarray:
    """Return an array like the first that `kernel(*arrays, result, *scalars)` fills; it gets all arrays flat."""
    result = empty(arrays[0].shape, arrays[0].dtype)
    kernel(*[array.reshape(-1) for array in arrays], result.reshape(-1), *scalars)
    return result
