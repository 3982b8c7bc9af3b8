"""Gives Tensor its operators and methods: `a + b`, `x @ w`, `x[0]`, `x.sum(axis=1)`; and symbols the same ones.

They are attached from above because functions stand on tensors, not the other way round.
"""

from collections.abc import Mapping
from typing import Any

from ..symbol import Symbol
from ..tensor import Tensor

OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
    "matmul": "matmul",
}
METHODS = {
    "__neg__": "negative",
    "__abs__": "absolute",
    "__getitem__": "getitem",
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "clip": "clip",
    "astype": "cast",
    "to": "to_device",
    "sum": "sum",
    "mean": "mean",
    "var": "var",
    "max": "max",
    "min": "min",
    "reshape": "reshape",
    "transpose": "transpose",
}


def _reflected(function: Any) -> Any:
    """Return the operator for a tensor on the right-hand side: `number − tensor`."""
    return lambda self, other: function(other, self)


def attach(functions: Mapping[str, Any]) -> None:
    """Attach every operator and method to Tensor and Symbol; `functions` has them by name."""
    for kind in (Tensor, Symbol):
        for name, function in OPERATORS.items():
            setattr(kind, f"__{name}__", functions[function])
            setattr(kind, f"__r{name}__", _reflected(functions[function]))
        for name, function in METHODS.items():
            setattr(kind, name, functions[function])
        kind.T = property(functions["transpose"])  # type: ignore[union-attr]
