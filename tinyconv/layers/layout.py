"""Layers whose images may have their channels first, (n,c,h,w): inside, all is computed with channels last.

Such a layer has a `data_format`. Its `build`, `compute_output_shape` and `call` are written for channels last, and
these decorators turn what they are given and what they return. See `functions/layout.py` for what that costs.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from .. import functions as F
from ..tensor import Tensor

FIRST = "channels_first"


def shape_last(shape: Any) -> Any:
    """Return the shape of images (n,c,h,w), or of one (c,h,w), with channels last; any other as it is."""
    return (*shape[:-3], *shape[-2:], shape[-3]) if len(shape) in (3, 4) else shape


def shape_first(shape: Any) -> Any:
    """Return the shape of images (n,h,w,c), or of one (h,w,c), with channels first; any other as it is."""
    return (*shape[:-3], shape[-1], *shape[-3:-1]) if len(shape) in (3, 4) else shape


def of_shape_last(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Let a method be given a shape with channels last; a shape that it returns is turned back."""

    @wraps(method)
    def turned(self: Any, input_shape: Any) -> Any:
        if self.data_format != FIRST:
            return method(self, input_shape)
        found = method(self, shape_last(input_shape))
        return found if found is None else shape_first(found)

    return turned


def of_images_last(method: Callable[[Any, Tensor, bool], Tensor]) -> Callable[[Any, Tensor, bool], Tensor]:
    """Let a layer's `call` be given images (n,h,w,c); those that it returns are turned back."""

    @wraps(method)
    def turned(self: Any, x: Tensor, training: bool) -> Tensor:
        if self.data_format != FIRST:
            return method(self, x, training)
        y = method(self, F.channels_last(x), training)
        return F.channels_first(y) if y.ndim == 4 else y

    return turned
