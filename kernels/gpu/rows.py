"""Matrices on the GPU: products, by cuBLAS, and what is done to their rows before and after."""

import cupy

from .launch import launch

# This many rows are added up by one thread, in double; their sums, rounded, make rows for the next pass.
RUN = 128


def multiply(a: cupy.ndarray, b: cupy.ndarray, out: cupy.ndarray) -> None:
    """Write the product of the matrices `a` (m,k) and `b` (k,n) to `out` (m,n), which must be C-contiguous.

    A transposed view is multiplied as it lies. Raises ValueError when a side has 2³¹ or more: cuBLAS counts with ints.
    """
    if max(*a.shape, *b.shape) >= 2**31:
        raise ValueError(f"a matrix product on a GPU has sides below 2³¹, got {a.shape} times {b.shape}")
    cupy.matmul(a, b, out=out)


def finish(product: cupy.ndarray, b: cupy.ndarray | None, relu: bool, y: cupy.ndarray) -> None:
    """Write `product` (groups,rows,k/groups), plus `b` (k,) if given, rectified if `relu`, to `y` (…,k), in one pass.

    `product` may be in the memory of `y` if there is one group.
    """
    groups, rows, run = product.shape
    if groups > 1 or b is not None or relu:
        # In place of a bias that there is not, the kernel takes another array, and is told to leave it alone.
        args = product, y if b is None else b, y, int(b is not None), int(relu), groups, rows, run
        launch("rows.cu", "finish", y.dtype, y.size, args)


def sum_rows(x: cupy.ndarray) -> cupy.ndarray:
    """Return the sum (k,) of the rows of `x` (rows,k), always in the same order.

    Runs of RUN rows are added in double and their sums rounded, so that the error of any number of rows is about that
    of rounding the result.
    """
    k = x.shape[1]
    if len(x) == 0:
        return cupy.zeros((k,), x.dtype)
    while True:
        total = cupy.empty((-(-len(x) // RUN), k), x.dtype)
        launch("rows.cu", "sum_rows", x.dtype, total.size, (x, total, len(x), k, RUN))
        if len(total) == 1:
            return total.reshape(k)
        x = total


def runs_of(x: cupy.ndarray) -> cupy.ndarray:
    """Return an empty array for a number for each channel of each run of the rows of `x` (…,c)."""
    c = x.shape[-1]
    return cupy.empty((-(-(x.size // c) // RUN), c), x.dtype)
