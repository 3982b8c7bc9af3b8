"""Gives Tensor its operators and methods: `a + b`, `x @ w`, `x[0]`, `x.sum(axis=1)`.

They are attached from above because functions stand on tensors, not the other way round.
"""

from typing import Any

from ..tensor import Tensor
from . import arithmetic, elementwise, reduction, shape


def _reflected(function: Any) -> Any:
    """Return the operator for a tensor on the right-hand side: `number − tensor`."""
    return lambda self, other: function(other, self)


def attach() -> None:
    """Attach every operator and method to Tensor."""
    for name, function in {
        "add": arithmetic.add,
        "sub": arithmetic.subtract,
        "mul": arithmetic.multiply,
        "truediv": arithmetic.divide,
        "pow": arithmetic.power,
        "matmul": arithmetic.matmul,
    }.items():
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", _reflected(function))
    for name, method in {
        "__neg__": elementwise.negative,
        "__abs__": elementwise.absolute,
        "__getitem__": shape.getitem,
        "exp": elementwise.exp,
        "log": elementwise.log,
        "sqrt": elementwise.sqrt,
        "clip": elementwise.clip,
        "astype": elementwise.cast,
        "to": elementwise.to_device,
        "sum": reduction.sum,
        "mean": reduction.mean,
        "var": reduction.var,
        "max": reduction.max,
        "min": reduction.min,
        "reshape": shape.reshape,
        "transpose": shape.transpose,
    }.items():
        setattr(Tensor, name, method)
    Tensor.T = property(shape.transpose)  # type: ignore[attr-defined]
