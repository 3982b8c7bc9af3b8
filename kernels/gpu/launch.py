"""How CUDA kernels are compiled and launched: the whole policy in one file.

A `.cu` file is CUDA C++17 without a header. It calls its numbers `Real` and is compiled twice, at need: for float and
for double. CuPy compiles it by NVRTC when one of its kernels is first launched, and keeps the machine code on disk.

A kernel's last argument is `count`, how many pieces of work there are. Each thread takes one, then the next that is as
many further as there are threads (a grid-stride loop), so that any grid does all the work, and which thread does what
never shows in the result. Indices are `long long`: an array may have more than 2³¹ elements.
"""

from functools import cache
from pathlib import Path
from typing import Any

import cupy
import numpy as np

from ..window import Pair, Window

# Threads of a block, and the most blocks of a grid. What is beyond them, the threads' loops take care of.
BLOCK = 256
MAX_BLOCKS = 65536

REAL = {"float32": "float", "float64": "double"}


def launch(file: str, name: str, dtype: np.dtype, count: int, args: tuple[Any, ...]) -> None:
    """Launch the kernel `name` of `file`, compiled for numbers of `dtype`, on `count` pieces of work.

    `args` are the kernel's arguments before `count`. A Python int is passed as `long long`, a float as `Real`; an array
    that is only read need not be contiguous. Raises TypeError when floats are not of `dtype`: the kernel would read
    beyond the array's end.
    """
    if count > 0:
        grid = min(-(-count // BLOCK), MAX_BLOCKS)
        arguments = (*(_argument(name, arg, dtype) for arg in args), np.int64(count))
        _kernel(file, name, dtype)((grid,), (BLOCK,), arguments)


@cache
def _kernel(file: str, name: str, dtype: np.dtype) -> Any:
    """Return a kernel ready to launch."""
    return _module(file, dtype).get_function(name)


@cache
def _module(file: str, dtype: np.dtype) -> Any:
    """Return what `file` compiles to, which CuPy will do when a kernel of it is asked for."""
    if dtype.name not in REAL:
        raise TypeError(f"GPU kernels work on float32 and float64, got {dtype}")
    code = Path(__file__).with_name(file).read_text(encoding="utf-8")
    return cupy.RawModule(code=code, options=("--std=c++17", f"-DReal={REAL[dtype.name]}"))


def _argument(name: str, arg: Any, dtype: np.dtype) -> Any:
    """Return `arg` as a kernel takes it."""
    if isinstance(arg, cupy.ndarray):
        if arg.dtype.kind == "f" and arg.dtype != dtype:
            raise TypeError(f"{name} got arrays of {dtype} and {arg.dtype} together: convert one with astype")
        return cupy.ascontiguousarray(arg)
    if isinstance(arg, int):
        return np.int64(arg)
    if isinstance(arg, float):
        return dtype.type(arg)
    return arg


def geometry(window: Window, image: Pair, channels: int) -> tuple[int, ...]:
    """Return the sizes as convolutions take them: h, w, c, oh, ow, kh, kw, strides, dilation, padding top and left."""
    (top, _), (left, _) = window.pads(*image)
    sizes = (*image, channels, *window.output(*image), *window.size)
    return (*sizes, *window.strides, *window.dilation, top, left)
