"""Dropout."""

from typing import Any

from .. import kernels
from ..randomness import checked_seed, first_element
from ..tensor import Formula, Function, Tensor, as_tensor


class Dropout(Function):
    """Elements set to 0 at random, by a Philox draw, in the inverted form that leaves inference alone.

    Source: Srivastava et al. 2014, JMLR 15(56).
    """

    formula = Formula(
        "y = x/(1 − rate) where u ≥ rate, else 0; u uniform on [0, 1)",
        "dx = dy/(1 − rate) where u ≥ rate, else 0",
    )

    def __init__(self, rate: float, seed: int, stream: int, step: int) -> None:
        self.rate, self.draw = rate, (seed, stream, step)

    def forward(self, x: Any) -> Any:
        y, self.keep = kernels.of(x).dropout(x, self.rate, *self.draw, first_element(x.shape))
        return y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return (kernels.of(dy).dropout_backward(dy, self.keep, self.rate),)


def dropout(x: Any, rate: float, seed: int, stream: int = 0, step: int = 0) -> Tensor:
    """Zero each element of x with probability `rate`, scale the others by 1/(1 − rate). See `Dropout`.

    The same seed, stream and step drop the same elements, on every backend; x (n,…) may be a part of a larger batch,
    see `randomness.first_sample`. Raises ValueError unless 0 ≤ rate < 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout needs 0 ≤ rate < 1, got {rate}")
    return Dropout(float(rate), checked_seed(seed), stream, step)(as_tensor(x))
