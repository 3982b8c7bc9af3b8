"""CUDA kernels on the CPU: a stand-in for the part of CuPy that tinyconv uses, for machines without a GPU.

    import numpy as np
    import standin                                  # PYTHONPATH=tests/gpu

    with standin.installed() as cupy:               # `import cupy` finds the stand-in, inside
        from tinyconv.kernels import gpu
        y = gpu.relu(cupy.asarray(np.ones(5, np.float32)))
        print(cupy.asnumpy(y))

`cupy.ndarray` keeps its numbers in NumPy's memory, but is no NumPy array and does not mix with one, as CuPy's does not.
`cupy.RawModule` compiles the unchanged text of a .cu file with g++ behind `cuda_on_cpu.h`, `cupy.ElementwiseKernel` a
kernel that it writes around the expression. A launch compares the arguments' types with the C parameters'; arguments
must be C-contiguous arrays of `cupy`, NumPy scalars, or None for a null pointer.

Memory for arrays is allocated by malloc, no byte too many, and starts as NaN; the environment variable
TINYCONV_STANDIN_SANITIZE, "address,undefined" or "thread", compiles with these sanitizers of g++ (`sanitizer.py` has
the rest of what they need). Compiled kernels are kept in the folder for temporary files.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .module import cupy, cupyx

__all__ = ["available", "cupy", "installed"]


def available() -> bool:
    """Whether this machine can compile kernels for the CPU: it runs Linux and has g++."""
    return sys.platform == "linux" and shutil.which("g++") is not None


def _forget_gpu_kernels() -> None:
    for name in [name for name in sys.modules if name.startswith("tinyconv.kernels.gpu")]:
        del sys.modules[name]
    package = sys.modules.get("tinyconv.kernels")
    if package is not None and "gpu" in vars(package):
        del package.gpu


@contextmanager
def installed() -> Iterator[ModuleType]:
    """Have `import cupy` and `import cupyx` find the stand-in inside the `with` block.

    `tinyconv.kernels.gpu` is imported afresh inside it, and forgotten after it.
    """
    ours = {"cupy": cupy, "cupyx": cupyx}
    before = {name: sys.modules.get(name) for name in ours}
    _forget_gpu_kernels()
    sys.modules.update(ours)
    try:
        yield cupy
    finally:
        _forget_gpu_kernels()
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
