"""Reductions over axes: `axis` is None (all), an int, or several; `keepdims` leaves reduced axes with length 1."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import functions as F
from ...tensor import Formula, Function, Tensor
from .elementwise import _named, square
from .values import Values, as_type, axes, held, is_floating, tensor, whole

Reduction = Callable[..., Any]


def _reduction(name: str, differentiable: Reduction, plain: Reduction) -> Reduction:
    def compute(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
        if is_floating(x):
            return differentiable(tensor(x), axes(axis), keepdims)
        x = np.asarray(tensor(x))
        return held(np.asarray(plain(x, axis=axes(axis), keepdims=keepdims)).astype(x.dtype))

    return _named(compute, name, f"Return the {name} of x over `axis`.")


sum = _reduction("sum", F.sum, np.sum)
mean = _reduction("mean", F.mean, lambda x, **how: np.floor(np.mean(x, **how)))
max = _reduction("max", F.max, np.max)
min = _reduction("min", F.min, np.min)


class Product(Function):
    """The product over axes."""

    formula = Formula("y = Π x", "dx = dy·Π of the others")

    def __init__(self, axis: Any) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        """Compute the product, axes kept."""
        self.x = x
        self.y = np.prod(x, axis=self.axis, keepdims=True)
        return self.y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Compute dy·y/x, and where an element is 0, what is true there too."""
        zeros = self.x == 0
        count = zeros.sum(axis=self.axis, keepdims=True)
        others = np.prod(np.where(zeros, 1, self.x), axis=self.axis, keepdims=True).astype(dy.dtype)
        alone = np.where(zeros & (count == 1), others, 0)
        return ((dy * np.where(count == 0, self.y / np.where(zeros, 1, self.x), alone)).astype(dy.dtype),)


def prod(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return the product of x over `axis`."""
    if not is_floating(x):
        x = np.asarray(tensor(x))
        return held(np.asarray(np.prod(x, axis=axes(axis), keepdims=keepdims)).astype(x.dtype))
    y = Product(axes(axis))(tensor(x))
    if keepdims:
        return y
    kept = np.squeeze(y.data, axes(axis)).shape if axis is not None else ()
    return F.reshape(y, kept)


def any(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return whether any element over `axis` holds."""
    return np.asarray(np.any(np.asarray(x), axis=axes(axis), keepdims=keepdims)).view(Values)


def all(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return whether all elements over `axis` hold."""
    return np.asarray(np.all(np.asarray(x), axis=axes(axis), keepdims=keepdims)).view(Values)


def var(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return the biased variance of x over `axis`."""
    return F.var(tensor(x), axes(axis), keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return the standard deviation of x over `axis`."""
    return F.sqrt(var(x, axis, keepdims))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return ln Σ eˣ over `axis`; no exponential overflows."""
    x = tensor(x)
    top = np.max(x.data, axis=axes(axis), keepdims=True)
    found = F.log(F.sum(F.exp(x - Tensor(top)), axes(axis), True)) + Tensor(top)
    return found if keepdims else F.reshape(found, np.squeeze(found.data, axes(axis)).shape if axis is not None else ())


def norm(x: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Return the norm of x over `axis`: "euclidean" or 2, 1, or np.inf."""
    if ord == 1:
        return F.sum(F.absolute(tensor(x)), axes(axis), keepdims)
    if ord == np.inf:
        return F.max(F.absolute(tensor(x)), axes(axis), keepdims)
    if ord not in ("euclidean", "fro", None, 2):
        raise ValueError(f'norm takes ord="euclidean", 1, 2 or inf, got {ord!r}')
    return F.sqrt(F.sum(square(x), axes(axis), keepdims))


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> tuple[Any, Any]:
    """Return the mean and the biased variance of x over `axes`."""
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    """Return x/√max(Σ x², epsilon), the sum over `axis`."""
    x = tensor(x)
    return x / F.sqrt(F.maximum(F.sum(square(x), axes(axis), True), epsilon))


def argmax(input: Any, axis: Any = None, output_type: Any = "int64", name: str | None = None) -> Any:
    """Return the place of the largest element along `axis`, the first where several are."""
    return _place(np.argmax, input, axis, output_type)


def argmin(input: Any, axis: Any = None, output_type: Any = "int64", name: str | None = None) -> Any:
    """Return the place of the smallest element along `axis`, the first where several are."""
    return _place(np.argmin, input, axis, output_type)


def _place(find: Reduction, x: Any, axis: Any, dtype: Any) -> Any:
    return as_type(find(np.asarray(x), axis=whole(axis)), dtype)


def argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", *_: Any, **__: Any) -> Any:
    """Return the places of the elements in their order along `axis`."""
    array = np.asarray(values)
    return as_type(np.argsort(-array if direction == "DESCENDING" else array, axis=axis, kind="stable"), "int32")


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", *_: Any, **__: Any) -> Any:
    """Return the elements in their order along `axis`."""
    return take_along_axis(values, argsort(values, axis, direction), axis)


def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Any:
    """Return the elements of x at places that are given for each row along `axis`."""
    x, places = tensor(x), np.asarray(indices).astype(np.intp)
    if isinstance(x, Values):
        return held(np.take_along_axis(np.asarray(x), places, axis))
    index: list[Any] = list(np.ogrid[tuple(slice(length) for length in places.shape)])
    index[axis] = places
    return F.getitem(x, tuple(index))


def top_k(input: Any, k: int = 1, sorted: bool = True, name: str | None = None) -> tuple[Any, Any]:
    """Return the k largest elements along the last axis, the largest first, and their places."""
    places = argsort(input, -1, "DESCENDING")[..., : whole(k)]
    return take_along_axis(input, places), places


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Return for each row of `predictions` whether its target is among the k largest."""
    scores, targets = np.asarray(predictions), np.asarray(targets).astype(np.int64)
    own = scores[np.arange(len(scores)), targets][:, None]
    return np.asarray((scores > own).sum(axis=1) < whole(k)).view(Values)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Return how often each whole number is there."""
    return held(np.bincount(np.asarray(x).ravel(), weights, minlength).astype(np.int32))


def cumsum(x: Any, axis: int = 0, *_: Any, **__: Any) -> Any:
    """Return the sums of all elements so far along `axis`, as a product with a triangle of ones."""
    if not is_floating(x):
        return held(np.cumsum(np.asarray(x), axis=axis))
    x = tensor(x)
    order = [*(one for one in range(x.ndim) if one != axis % x.ndim), axis % x.ndim]
    ones = np.triu(np.ones((x.shape[axis],) * 2, x.dtype))
    return F.transpose(F.matmul(F.transpose(x, tuple(order)), ones), tuple(np.argsort(order).tolist()))


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, *_: Any, **__: Any) -> Any:
    """Return how often class i (row) was taken for class j (column)."""
    t, y = (np.asarray(each).astype(np.int64).ravel() for each in (labels, predictions))
    n = int(whole(num_classes) if num_classes is not None else np.max([t, y]) + 1)
    found = np.zeros((n, n), np.int32)
    np.add.at(found, (t, y), 1)
    return held(found)
