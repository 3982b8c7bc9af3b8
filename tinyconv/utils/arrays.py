"""Small helpers for arrays: vectors of length 1, and the parts of a batch."""

from typing import Any

import numpy as np

from .. import functions as F
from ..tensor import Tensor

LEAST = 1e-12  # a norm of a tensor counts as no less


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Return x divided by its norms of `order` along `axis`: an array as an array, where norms of 0 count as 1."""
    if isinstance(x, Tensor):
        size = F.absolute(x) if order != 2 else x
        norms = F.sum(size**order, axis, keepdims=True) ** (1 / order)
        return x / F.maximum(norms, LEAST)
    x = np.asarray(x)
    norms = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norms == 0, 1, norms)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return the parts of a batch as what a dataset yields: x alone if it is no tuple, else (x, y) or all three."""
    if y is None:
        return x if not isinstance(x, tuple | list) else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight of what a dataset yields, with None for what it does not have."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"data must be x, (x,), (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight
