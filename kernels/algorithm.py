"""The algorithm that convolutions on the CPU go by: chosen by shape, or the one that a user asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ALGORITHMS = ("auto", "im2col", "implicit", "direct", "winograd", "winograd-3x3", "winograd-2x2")

_wanted = ContextVar("conv_algorithm", default="auto")


@contextmanager
def conv_algorithm(name: str) -> Iterator[None]:
    """Convolve on the CPU by the algorithm called `name` inside the `with` block, to study its speed and its rounding.

    "im2col" serves any convolution; under a 1×1 window the images are their own patches, and none are written.
    "implicit" is the same product with patches packed part by part into the cache, for channels enough. "direct" serves
    those into whole vector registers of filters, "winograd" (in tiles of 4×4 outputs), "winograd-3x3" and
    "winograd-2x2" those of 3×3 at stride 1 between whole vector registers of channels, all in float32. What the named
    one cannot do falls to im2col. "auto" chooses by shape. Raises ValueError for another name.
    """
    if name not in ALGORITHMS:
        raise ValueError(f"conv_algorithm must be one of {', '.join(map(repr, ALGORITHMS))}; got {name!r}")
    token = _wanted.set(name)
    try:
        yield
    finally:
        _wanted.reset(token)


def wanted_algorithm() -> str:
    """Return the name that is asked for at present."""
    return _wanted.get()
