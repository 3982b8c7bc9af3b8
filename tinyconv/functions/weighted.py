"""Weighted: the base of operations that have weights and perhaps a bias."""

from typing import Any

from ..tensor import Function

Needs = tuple[bool, bool, bool]


class Weighted(Function):
    """An operation of x, weights w and a bias b, which may be left out."""

    x: Any
    kept: Any = None  # what a rectified or pooled one needs beside x and w, in y's shape

    def gradients(self, dy: Any, needs: Needs) -> tuple[Any, Any, Any]:
        """Return (dx, dw, db), None where `needs` is False."""
        raise NotImplementedError(f"{type(self).__name__} defines no gradients")

    def backward(self, dy: Any) -> tuple[Any, ...]:
        x, w, b = (*self.needs, False)[:3]
        return self.gradients(dy, (x, w, b))[: len(self.needs)]
