"""Functions of one tensor, element by element: y = f(x), dx = dy·f′(x)."""

from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_tensor


class Negative(Function):
    """The same numbers with the other sign."""

    formula = Formula("y = −x", "dx = −dy")

    def forward(self, x: Any) -> Any:
        return -x

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (-dy,)


class Exp(Function):
    """The exponential function."""

    formula = Formula("y = eˣ", "dx = dy·y")

    def forward(self, x: Any) -> Any:
        self.y = np.exp(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy * self.y,)


class Log(Function):
    """The natural logarithm."""

    formula = Formula("y = ln x", "dx = dy/x")

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.log(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy / self.x,)


class Sqrt(Function):
    """The square root."""

    formula = Formula("y = √x", "dx = dy/(2y)")

    def forward(self, x: Any) -> Any:
        self.y = np.sqrt(x)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy / (2 * self.y),)


class Absolute(Function):
    """The absolute value."""

    formula = Formula("y = |x|", "dx = dy·sign x, 0 at x = 0")

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.abs(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy * np.sign(self.x),)


class Clip(Function):
    """The numbers held between two bounds."""

    formula = Formula("y = min(max(x, low), high)", "dx = dy where low ≤ x ≤ high, else 0")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def forward(self, x: Any) -> Any:
        self.inside = (x >= self.low) & (x <= self.high)
        return np.clip(x, self.low, self.high)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy * self.inside,)


class Cast(Function):
    """The same numbers in another dtype."""

    formula = Formula("y = x in another dtype", "dx = dy in the dtype of x")

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def forward(self, x: Any) -> Any:
        self.source = x.dtype
        return x.astype(self.dtype)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (dy.astype(self.source),)


class ToDevice(Function):
    """The same numbers in the memory of another device."""

    formula = Formula("y = x on another device", "dx = dy on the device of x")

    def __init__(self, device: str) -> None:
        self.device = device

    def forward(self, x: Any) -> Any:
        self.source = kernels.device(x)
        return kernels.move(x, self.device)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.move(dy, self.source),)


def negative(x: Any) -> Tensor:
    """Return −x. See `Negative`."""
    return Negative()(as_tensor(x))


def exp(x: Any) -> Tensor:
    """Return e to the power x. See `Exp`."""
    return Exp()(as_tensor(x))


def log(x: Any) -> Tensor:
    """Return the natural logarithm of x. See `Log`."""
    return Log()(as_tensor(x))


def sqrt(x: Any) -> Tensor:
    """Return the square root of x. See `Sqrt`."""
    return Sqrt()(as_tensor(x))


def absolute(x: Any) -> Tensor:
    """Return |x|. See `Absolute`."""
    return Absolute()(as_tensor(x))


def clip(x: Any, low: float, high: float) -> Tensor:
    """Return x held between `low` and `high`. See `Clip`."""
    return Clip(float(low), float(high))(as_tensor(x))


def cast(x: Any, dtype: str) -> Tensor:
    """Return x as "float32" or "float64". See `Cast`."""
    return Cast(dtype)(as_tensor(x))


def to_device(x: Any, device: str) -> Tensor:
    """Return x on `device`, "cpu" or "gpu": x itself if it is there already. See `ToDevice`.

    Raises DeviceError when there is no GPU to move to.
    """
    x = as_tensor(x)
    return x if x.device == device else ToDevice(device)(x)
