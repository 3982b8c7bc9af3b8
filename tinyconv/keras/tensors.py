"""What tensors answer while an era lasts, besides what tinyconv's own do: as TensorFlow's, in a script's hands."""

import operator
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .. import functions as F
from ..layers import Layer
from ..layers.graph import SymbolicTensor
from ..models.functional import Functional
from ..models.sequential import Sequential
from ..symbol import Symbol
from ..tensor import Tensor
from .operations import elementwise
from .operations.values import Shape, Values
from .spelling import Patch
from .tape import seen

ARITHMETIC = ("add", "sub", "mul", "truediv", "pow", "matmul")
_OF_SYMBOLS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def patches() -> list[Patch]:
    """Return the attributes."""
    names = [f"__{side}{name}__" for name in ARITHMETIC for side in ("", "r")]
    found: list[Patch] = [
        (kind, name, _with_arrays(getattr(kind, name))) for kind in (Tensor, Symbol) for name in names
    ]
    found += [(Tensor, f"__{name}__", _as_values(getattr(Tensor, f"__{name}__"))) for name in COMPARISONS]
    found += [(Tensor, name, _of_values(function)) for name, function in _WITHOUT_GRADIENT.items()]
    found.append((Tensor, "__array_ufunc__", _by_numpy))
    found += [(kind, "__call__", _called(kind.__call__)) for kind in (Functional, Sequential)]
    found.append((Layer, "__call__", _converted(Layer.__call__)))
    found += [(SymbolicTensor, f"__{short}__", vars(elementwise)[name]) for short, name in _OF_SYMBOLS.items()]
    for kind in (Tensor, SymbolicTensor):
        found += [(kind, "get_shape", _get_shape), (kind, "set_shape", _set_shape)]
    return found


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return how a model is called: with tensors of its dtype, which open tapes watch."""

    @wraps(function)
    def call(self: Any, inputs: Any, *given: Any, **named: Any) -> Any:
        return function(self, seen(inputs, self.dtype), *given, **named)

    return call


def _converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return how a layer is called: with tensors of its dtype."""

    @wraps(function)
    def call(self: Any, inputs: Any, *given: Any, **named: Any) -> Any:
        if isinstance(inputs, Tensor) and inputs.dtype != self.dtype:
            inputs = F.cast(inputs, self.dtype)
        return function(self, inputs, *given, **named)

    return call


def _with_arrays(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an operator for which an array of NumPy's takes the tensor's dtype, as in TensorFlow."""

    @wraps(function)
    def compute(self: Any, other: Any) -> Any:
        if isinstance(other, np.ndarray | np.generic) and other.dtype != self.dtype:
            other = np.asarray(other, self.dtype)
        return function(self, other)

    return compute


def _as_values(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a comparison whose result answers `.numpy()`."""

    @wraps(function)
    def compare(self: Tensor, other: Any) -> Any:
        found = function(self, other)
        return np.asarray(found).view(Values) if isinstance(found, np.ndarray | np.bool_) else found

    return compare


# NumPy's names of operators: those of the methods that compute them, and of what does if the tensor stands behind.
_OPERATORS = {
    **{name: (short, f"r{short}") for name, short in {"add": "add", "subtract": "sub", "multiply": "mul"}.items()},
    **{name: (short, f"r{short}") for name, short in {"divide": "truediv", "power": "pow", "matmul": "matmul"}.items()},
    **{"floor_divide": ("floordiv", "rfloordiv"), "remainder": ("mod", "rmod")},
    **{"less": ("lt", "gt"), "less_equal": ("le", "ge"), "greater": ("gt", "lt"), "greater_equal": ("ge", "le")},
    **{"equal": ("eq", "eq"), "not_equal": ("ne", "ne")},
}


def _by_numpy(self: Tensor, function: Any, method: str, *given: Any, **named: Any) -> Any:
    """Compute a function of NumPy's of the values; an operator beside an array is the tensor's own."""
    if method == "__call__" and not named and function.__name__ in _OPERATORS:
        a, b = given
        own, behind = _OPERATORS[function.__name__]
        return getattr(a, f"__{own}__")(b) if isinstance(a, Tensor) else getattr(b, f"__{behind}__")(a)
    values = [each.numpy() if isinstance(each, Tensor) else each for each in given]
    return getattr(function, method)(*values, **named)


_WITHOUT_GRADIENT = {
    "__floordiv__": operator.floordiv,
    "__mod__": operator.mod,
    "__rmod__": lambda a, b: b % a,
    "__rfloordiv__": lambda a, b: b // a,
}


def _of_values(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(self: Tensor, other: Any) -> Any:
        return Tensor(function(self.data, np.asarray(other, self.dtype)))

    return compute


def _get_shape(x: Any) -> Shape:
    """Return the shape, with the methods of TensorFlow's."""
    return Shape(x.shape)


def _set_shape(x: Any, shape: Any) -> None:
    """Take the shape as it is known already."""
