"""What scripts compute with: operations on tensors and on symbols, under one set of names.

`tensorflow`, `keras.backend` and `keras.ops` are three vocabularies for them. Each calls functions of
`tinyconv.functions`, so that a gradient goes through it, where its arguments are floats; on symbols it gives symbols.
"""

from types import FunctionType

from ...symbol import on_symbols
from . import classic, drawing, elementwise, likeness, making, neural, products, reduction, shaping
from .values import DType, Shape, TensorSpec, Values, held, tensor

__all__ = ["DType", "Shape", "TensorSpec", "Values", "held", "tensor"]

_RIGHT_ON_SYMBOLS = ("is_tensor", "restart")

for _module in (making, elementwise, reduction, shaping, products, drawing, neural, classic, likeness):
    for _name, _function in list(vars(_module).items()):
        if (
            isinstance(_function, FunctionType)
            and not _name.startswith("_")
            and _function.__module__ == _module.__name__
        ) and _name not in _RIGHT_ON_SYMBOLS:
            _function = on_symbols(_function)
            setattr(_module, _name, _function)
