"""What a training step computes twice rather than keep: the result of the first convolution.

It is the largest array of a step, and the cheapest to compute. In a lean graph (see `autograd.lean`) the convolution
behind it computes it again in its backward pass, some images at a time, so that neither it nor its gradient is ever
there as a whole. Source: Chen et al. 2016, "Training deep nets with sublinear memory cost", arXiv:1604.06174.
"""

from copy import copy
from math import ceil, prod
from typing import Any

from ..tensor import Formula, Function
from .weighted import Weighted

LARGE = 32 * 2**20  # bytes of a first result from which on it is computed again
PART = 12 * 2**20  # bytes of it, about, at a time
MAX_TERMS = 75  # products that a number of it is the sum of


class TwoConvolutions(Function):
    """Two convolutions, one behind the other, in a lean graph: what the first one computed is not kept."""

    formula = Formula(
        "y = Conv2D(Conv2D(x, w, b), v, c), which both have computed",
        "dw = Σ of the first one's over parts of the batch, for each of which it computes again, and so the others",
    )

    def __init__(self, first: Weighted, second: Weighted, x: Any) -> None:
        """Take the place of both, whose result between them was `x`."""
        self.parts = min(len(x), ceil(x.nbytes / PART))
        self.first, self.second = copy(first), copy(second)
        self.first.kept = self.second.x = None
        self.second.inputs, self.second.needs = (), (True, *second.needs[1:])  # inputs lead to the first result
        self.weights = [each.data.copy() for each in first.inputs[1:]]  # as they were, should they change until then
        self.inputs = (*first.inputs, *second.inputs[1:])
        self.needs = (*first.needs, *second.needs[1:])
        self.calls = second.calls

    @staticmethod
    def pays(first: Weighted, x: Any) -> bool:
        """Return whether the result `x` of `first` is large, and cheap to have again from images that stay."""
        if x.nbytes < LARGE or first.freed:
            return False
        weights = first.inputs[1:]
        stays = not first.needs[0] and all(each.creator is None for each in weights)
        return stays and prod(weights[0].shape[:3]) <= MAX_TERMS

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Return the gradients of all inputs, the first one's before the second's, as sums over parts of the batch."""
        first, second = copy(self.first), copy(self.second)  # so that it can be asked again
        sums: list[Any] = []
        for number in range(self.parts):
            part = slice(number * len(dy) // self.parts, (number + 1) * len(dy) // self.parts)
            second.x = first.forward(self.first.x[part], *self.weights)
            second.kept = None if self.second.kept is None else self.second.kept[part]
            dx, *gradients = second.backward(dy[part])
            found = [*first.backward(dx), *gradients]
            sums = [a if a is None else a + b for a, b in zip(sums, found, strict=True)] if sums else found
        return tuple(sums)
