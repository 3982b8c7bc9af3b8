"""Products of matrices and of more axes than two."""

from typing import Any

import numpy as np

from ... import functions as F
from ...tensor import Formula, Function
from .elementwise import _both
from .values import held, is_floating, tensor, whole


class Einsum(Function):
    """A sum of products over letters; each letter of an operand stands in the result or in the other operand."""

    formula = Formula("y = Σ a·b over the letters that y has not", "da = Σ dy·b over the letters that a has not")

    def __init__(self, equation: str) -> None:
        left, _, self.result = equation.replace(" ", "").partition("->")
        self.letters = left.split(",")
        for place, own in enumerate(self.letters):
            others = {*self.result, *"".join(self.letters[:place] + self.letters[place + 1 :])}
            if (not self.result.isalpha() and self.result) or len(set(own)) < len(own) or not set(own) <= others:
                raise ValueError(f"einsum takes letters once an operand, each in the result or in another: {equation}")

    def forward(self, *arrays: Any) -> Any:
        """Compute the sum."""
        self.arrays = arrays
        return np.einsum(f"{','.join(self.letters)}->{self.result}", *arrays, optimize=True)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Compute the same sum with dy in the place of each operand."""
        found = []
        for place, own in enumerate(self.letters):
            rest = self.letters[:place] + self.letters[place + 1 :]
            others = self.arrays[:place] + self.arrays[place + 1 :]
            equation = f"{','.join([self.result, *rest])}->{own}"
            found.append(np.einsum(equation, dy, *others, optimize=True) if self.needs[place] else None)
        return tuple(found)


def einsum(equation: str, *inputs: Any, **_: Any) -> Any:
    """Return a sum of products in Einstein's notation, such as "bijc,bijd->bcd"."""
    if "->" not in equation:
        raise ValueError(f'einsum needs the letters of the result, as in "ij,jk->ik", got {equation!r}')
    if not is_floating(*inputs):
        return held(np.einsum(equation, *map(np.asarray, inputs)))
    return Einsum(equation)(*(tensor(each) for each in inputs))


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None, **_: Any
) -> Any:
    """Return the product of matrices, the last two axes of a and b."""
    if not is_floating(a, b):
        a, b = np.asarray(a), np.asarray(b)
        return held(np.matmul(a.swapaxes(-1, -2) if transpose_a else a, b.swapaxes(-1, -2) if transpose_b else b))
    a, b = _both(a, b)
    return F.matmul(_turned(a) if transpose_a else a, _turned(b) if transpose_b else b)


def _turned(x: Any) -> Any:
    """Return x with its last two axes exchanged."""
    return F.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def matrix_transpose(a: Any, name: str | None = None) -> Any:
    """Return x with its last two axes exchanged."""
    x = tensor(a)
    return _turned(x) if is_floating(x) else held(np.asarray(x).swapaxes(-1, -2))


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """Return the sum of products over axes of a and of b: so many of the last and the first, or those given."""
    a, b = _both(a, b)
    axes = whole(axes)
    if isinstance(axes, int):
        axes = (list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    own, other = ([one] if isinstance(one, int) else list(one) for one in axes)
    own, other = [one % a.ndim for one in own], [one % b.ndim for one in other]
    first = [one for one in range(a.ndim) if one not in own]
    last = [one for one in range(b.ndim) if one not in other]
    shape = (*(a.shape[one] for one in first), *(b.shape[one] for one in last))
    length = int(np.prod([a.shape[one] for one in own]))
    left = F.reshape(F.transpose(a, (*first, *own)), (-1, length))
    right = F.reshape(F.transpose(b, (*other, *last)), (length, -1))
    return F.reshape(F.matmul(left, right), shape)


def dot(x: Any, y: Any) -> Any:
    """Return the product of the last axis of x and the last but one of y, as Keras's `dot`."""
    x, y = _both(x, y)
    if x.ndim <= 2 and y.ndim <= 2:
        return F.matmul(x, y)
    return tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)]))


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Return for each sample the product of x and y over an axis of each."""
    x, y = _both(x, y)
    if axes is None:
        axes = (1, 1) if x.ndim == y.ndim == 2 else (x.ndim - 1, max(y.ndim - 2, 1))
    own, other = (axes, axes) if isinstance(axes, int) else axes
    own, other = own % x.ndim, other % y.ndim
    first, last = "abcdefg"[: x.ndim - 1], "hijklmn"[: y.ndim - 1]
    left = f"z{first[: own - 1]}y{first[own:]}"
    right = f"z{last[: other - 1]}y{last[other:]}"
    result = "z" + (left + right).replace("z", "").replace("y", "")
    found = Einsum(f"{left},{right}->{result}")(x, y)
    return F.reshape(found, (-1, 1)) if found.ndim == 1 else found
