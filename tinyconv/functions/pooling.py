"""Pooling: one value for each window of each channel. Formulas: `kernels/reference/pooling.py`."""

from typing import Any

from .. import kernels
from ..kernels import Window
from ..tensor import Formula, Function, Tensor, as_tensor

Pair = tuple[int, int]


class MaxPool2D(Function):
    """The largest number of each window; it gets the window's gradient, the first one if several are largest."""

    by_kernels = True
    formula = Formula("y = max x over each window", "dx = Σ dy over the windows whose first largest cell it is")

    def __init__(self, window: Window) -> None:
        self.window = window

    def forward(self, x: Any) -> Any:
        self.image = x.shape[1:3]
        y, self.index = kernels.of(x).max_pool2d(x, self.window)
        return y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).max_pool2d_backward(dy, self.index, self.window, self.image),)


class AveragePool2D(Function):
    """The mean of each window; padding counts neither as a number nor as a cell."""

    by_kernels = True
    formula = Formula("y = Σ x / cells over each window", "dx = Σ dy/cells over the windows that hold it")

    def __init__(self, window: Window) -> None:
        self.window = window

    def forward(self, x: Any) -> Any:
        self.image = x.shape[1:3]
        return kernels.of(x).average_pool2d(x, self.window)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).average_pool2d_backward(dy, self.window, self.image),)


class GlobalAveragePool2D(Function):
    """The mean over height and width, (n,h,w,c) → (n,c)."""

    formula = Formula("y = Σ x / (h·w)", "dx = dy/(h·w)")

    def forward(self, x: Any) -> Any:
        self.image = x.shape[1:3]
        return kernels.of(x).global_average_pool2d(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).global_average_pool2d_backward(dy, self.image),)


def max_pool2d(x: Any, size: Pair = (2, 2), strides: Pair | None = None, padding: str = "valid") -> Tensor:
    """Return the largest value of each window of x (n,h,w,c); `strides` default to `size`. See `MaxPool2D`."""
    return MaxPool2D(Window(size, strides or size, padding))(as_tensor(x))


def average_pool2d(x: Any, size: Pair = (2, 2), strides: Pair | None = None, padding: str = "valid") -> Tensor:
    """Return the mean of each window of x (n,h,w,c); `strides` default to `size`. See `AveragePool2D`."""
    return AveragePool2D(Window(size, strides or size, padding))(as_tensor(x))


def global_average_pool2d(x: Any) -> Tensor:
    """Return the mean of each channel of each image, (n,h,w,c) → (n,c). See `GlobalAveragePool2D`."""
    return GlobalAveragePool2D()(as_tensor(x))
