"""The letters that an operation's inputs have in its formula."""

from typing import Any

from ..functions.arithmetic import AddRelu, Matmul, _Binary
from ..functions.normalization import ScaleShift, _Normalization
from ..functions.rectifier import Prelu
from ..functions.scaled import Conv2DScaled, DepthwiseConv2DScaled, FoldNormalization
from ..functions.weighted import Weighted
from ..tensor import Function

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LETTERS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (Weighted, ("x", "w", "b")),
    ((_Binary, AddRelu, Matmul), ("a", "b")),
    (Prelu, ("x", "α")),
    ((Conv2DScaled, DepthwiseConv2DScaled), ("x", "w", "s, t")),
    (ScaleShift, ("x", "scale", "shift")),
)


def letters(function: Function, inputs: int) -> list[str]:
    """Return the names that an operation's inputs have in its formula."""
    if isinstance(function, FoldNormalization):
        return ["μ", "σ²", *(name for name, given in zip("γβb", function.given, strict=True) if given)]
    if isinstance(function, _Normalization):
        return ["x", *(["γ"] if function.scaled else []), *(["β"] if function.centered else [])]
    for kinds, names in LETTERS:
        if isinstance(function, kinds):
            return list(names[:inputs])
    return ["x"] if inputs == 1 else [f"x{str(place).translate(SUBSCRIPTS)}" for place in range(1, inputs + 1)]
