"""Resampling: an image of another size, each of whose pixels lies between four of the old.

Source: the bilinear kernel of `tf.image.resize`.
"""

import numpy as np


def resize_bilinear(
    x: np.ndarray, rows: np.ndarray, down: np.ndarray, columns: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """Return y (oh,ow,c) of one image x (h,w,c) of any numbers, in the dtype of `down` and `across`.

    Row p lies between the rows i, j = `rows`[:,p] of x, at the share g = `down`[p] of the way from i to j, and column q
    between the columns l, r = `columns`[:,q], at the share k = `across`[q]:

        a = x[i,l] + k·(x[i,r] − x[i,l]),   b = x[j,l] + k·(x[j,r] − x[j,l]),   y[p,q] = a + g·(b − a)
    """
    a, b = (_between(x[row].take(columns[0], 1), x[row].take(columns[1], 1), across[:, None]) for row in rows)
    return _between(a, b, down[:, None, None])


def _between(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    one, other = one.astype(share.dtype), other.astype(share.dtype)
    return (other - one) * share + one
