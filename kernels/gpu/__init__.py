"""The GPU kernels: the operations of `reference` on CuPy arrays, in CUDA.

Results are the same bits at every run: sums are taken in a fixed order, and no two threads add to one number.
`launch.py` holds the policy on compilation and launches. Nothing is compiled before it is first used.
"""

from ..operations import NAMES, load

__all__ = NAMES

globals().update(load(__name__))
