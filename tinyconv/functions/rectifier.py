"""Rectifiers beyond max(x, 0). The formulas stand with the kernels, in `kernels/reference/rectifier.py`."""

from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor


class Rectifier(Function):
    """A rectifier with a ceiling, a threshold and a slope below it; at the ceiling see `last_open`."""

    formula = Formula(
        "y = min(x, ceiling) where x > threshold, else slope·(x − threshold)",
        "dx = dy where threshold < x ≤ ceiling, slope·dy where x < threshold, else 0",
    )

    def __init__(self, slope: float, ceiling: float, threshold: float) -> None:
        self.settings = slope, ceiling, threshold

    def forward(self, x: Any) -> Any:
        self.x = x
        return kernels.of(x).rectifier(x, *self.settings)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        slope, ceiling, threshold = self.settings
        if not threshold:
            ceiling = last_open(ceiling, dy.dtype)
        return (kernels.of(dy).rectifier_backward(dy, self.x, slope, ceiling, threshold),)


class Prelu(Function):
    """The rectifier with learnt slopes α, of which several elements may share one."""

    formula = Formula(
        "y = x where x > 0, else α·x",
        "dx = dy where x > 0, α·dy where x < 0, 0 at 0; dα = Σ dy·x over the x ≤ 0 that share it",
    )

    def forward(self, x: Any, alpha: Any) -> Any:
        self.x, self.alpha = x, alpha
        return kernels.of(x).prelu(x, alpha)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return kernels.of(dy).prelu_backward(dy, self.x, self.alpha)


def last_open(ceiling: float, dtype: np.dtype) -> float:
    """Return the largest x at which a rectifier with this ceiling lets the gradient through: the ceiling itself.

    Not so for 6: that is ReLU6, an operation of its own in TensorFlow, and shut at 6. See `docs/kinks.md`.
    """
    return float(np.nextafter(dtype.type(6), dtype.type(0))) if ceiling == 6 else ceiling


def prelu(x: Any, alpha: Any) -> Tensor:
    """Return x where it is positive, alpha·x elsewhere.

    x is (n,…), alpha has the shape of one of its samples, with 1 for axes that share their slopes. See `Prelu`.
    """
    x = as_tensor(x)
    alpha = as_tensor(alpha, like=x)
    if len(alpha.shape) != len(x.shape) - 1 or any(
        own not in (1, length) for own, length in zip(alpha.shape, x.shape[1:], strict=True)
    ):
        raise ValueError(f"prelu of x {x.shape} needs alpha of shape {x.shape[1:]}, or 1 in places, got {alpha.shape}")
    return Prelu()(x, alpha)
