"""The CPU kernels: the operations of `reference`, compiled by Numba and multi-threaded.

Results do not depend on the number of threads. `compile.py` holds the policy on compilation, arithmetic and threads.
"""

from ..operations import NAMES, load

__all__ = NAMES

globals().update(load(__name__))
