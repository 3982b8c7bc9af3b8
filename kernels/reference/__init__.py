"""The reference kernels: each operation as a textbook defines it, in plain NumPy: to read, and the others' oracle.

Arrays are float32 or float64, results have the dtype of the input; images are (n,h,w,c), kernels (kh,kw,c/groups,k).
A forward returns its result and whatever else its backward needs; nothing is changed in place but by `…_inplace`.
"""

from ..operations import NAMES, load

__all__ = NAMES

globals().update(load(__name__))
