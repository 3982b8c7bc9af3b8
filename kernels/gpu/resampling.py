"""Resampling on the GPU: the formula in `reference/resampling.py`."""

import cupy


def resize_bilinear(
    x: cupy.ndarray, rows: cupy.ndarray, down: cupy.ndarray, columns: cupy.ndarray, across: cupy.ndarray
) -> cupy.ndarray:
    """Return y (oh,ow,c) of one image x (h,w,c), each row and column between two of its own."""
    a, b = (_between(x[row][:, columns[0]], x[row][:, columns[1]], across[:, None]) for row in rows)
    return cupy.ascontiguousarray(_between(a, b, down[:, None, None]))


def _between(one: cupy.ndarray, other: cupy.ndarray, share: cupy.ndarray) -> cupy.ndarray:
    one, other = one.astype(share.dtype), other.astype(share.dtype)
    return (other - one) * share + one
