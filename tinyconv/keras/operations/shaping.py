"""Operations that move elements, or take some of them."""

import builtins
from typing import Any

import numpy as np

from ... import functions as F
from ...layers.graph import SymbolicTensor
from ..quick_look import Short
from .values import Values, held, is_floating, tensor, whole


def reshape(tensor_: Any, shape: Any, name: str | None = None) -> Any:
    """Return the elements in another shape; one length may be −1."""
    x = tensor(tensor_)
    if isinstance(x, SymbolicTensor) and isinstance(shape, list | tuple):
        shape = _settled(x, shape)
    shape = whole(shape)
    shape = (shape,) if isinstance(shape, int) else tuple(-1 if length is None else length for length in shape)
    return held(x.reshape(shape)) if isinstance(x, Values) else F.reshape(x, shape)


def _settled(x: SymbolicTensor, shape: Any) -> Any:
    """Return a shape in which the symbol of a length, the batch's, is the one that is left open."""
    if sum(isinstance(length, SymbolicTensor) for length in shape) != 1:
        return shape
    known = [int(np.asarray(length)) for length in shape if not isinstance(length, SymbolicTensor)]
    rest = -1
    if -1 in known and None not in x.shape[1:]:
        inner: Any = x.shape[1:]
        rest = int(np.prod(inner)) // int(np.prod([length for length in known if length != -1]))
    return [-1 if isinstance(each, SymbolicTensor) else rest if int(np.asarray(each)) == -1 else each for each in shape]


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    return held(np.asarray(x).reshape(shape)) if isinstance(x, Values) else F.reshape(x, shape)


def expand_dims(input: Any, axis: Any = -1, name: str | None = None) -> Any:
    """Return x with new axes of length 1."""
    x = tensor(input)
    return _reshaped(x, np.expand_dims(np.empty(x.shape, bool), whole(axis)).shape)


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return x without axes of length 1."""
    x, axis = tensor(input), whole(axis)
    if axis is None and isinstance(x, SymbolicTensor):  # a batch that is open is not of one by chance
        known = tuple(place for place, length in enumerate(x.shape) if length == 1)
        return globals()["squeeze"](x, known) if known else x
    return _reshaped(x, np.empty(x.shape, bool).squeeze(tuple(axis) if isinstance(axis, list) else axis).shape)


def flatten(x: Any) -> Any:
    """Return all elements in one row."""
    return _reshaped(tensor(x), (-1,))


def transpose(a: Any, perm: Any = None, *_: Any, **__: Any) -> Any:
    """Return x with its axes in another order, reversed if none is given."""
    x, perm = tensor(a), whole(perm)
    if isinstance(x, Values):
        return held(np.transpose(np.asarray(x), perm))
    return F.transpose(x, None if perm is None else tuple(perm))


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Return x with axes at other places."""
    x = tensor(x)
    numbered = np.empty(tuple(builtins.range(x.ndim)), bool)  # the length of each axis is its number
    return transpose(x, np.moveaxis(numbered, whole(source), whole(destination)).shape)


def concat(values: Any, axis: Any = -1, name: str | None = None) -> Any:
    """Return tensors one after another along an axis."""
    if not is_floating(*values):
        return held(np.concatenate([np.asarray(tensor(each)) for each in values], whole(axis)))
    return F.concatenate(_of_one_dtype(values), int(whole(axis)))


def stack(values: Any, axis: Any = 0, name: str | None = None) -> Any:
    """Return tensors of one shape side by side along a new axis."""
    if not is_floating(*values):
        return held(np.stack([np.asarray(tensor(each)) for each in values], whole(axis)))
    return F.stack(_of_one_dtype(values), int(whole(axis)))


def _of_one_dtype(values: Any) -> list[Any]:
    """Return values as tensors; what is no tensor takes the dtype of the first that is one."""
    from ...tensor import Tensor

    first = next((each for each in values if isinstance(each, Tensor)), None)
    return [tensor(each, None if first is None or isinstance(each, Tensor) else first.dtype) for each in values]


def unstack(value: Any, num: Any = None, axis: int = 0, name: str | None = None) -> list[Any]:
    """Return the parts along an axis, without that axis."""
    x = tensor(value)
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, place)] for place in builtins.range(x.shape[axis])]


def split(value: Any, num_or_size_splits: Any, axis: Any = 0, *_: Any, **__: Any) -> list[Any]:
    """Return the parts along an axis: so many equal ones, or one of each size, of which one may be −1."""
    x, axis, sizes = tensor(value), int(whole(axis)), whole(num_or_size_splits)
    length = x.shape[axis]
    if isinstance(sizes, int):
        if length % sizes:
            raise ValueError(f"split needs equal parts: axis {axis} of {length} does not divide into {sizes}")
        sizes = [length // sizes] * sizes
    sizes = [length - builtins.sum(size for size in sizes if size >= 0) if size < 0 else size for size in sizes]
    before, ends = (slice(None),) * (axis % x.ndim), np.cumsum(sizes).tolist()
    return [x[(*before, slice(end - size, end))] for end, size in zip(ends, sizes, strict=True)]


def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """Return x repeated along each axis."""
    x, multiples = tensor(input), whole(multiples)
    if isinstance(x, Values):
        return held(np.tile(np.asarray(x), multiples))
    for axis, times in enumerate(multiples):
        if times != 1:
            x = F.concatenate([x] * times, axis)
    return x


def repeat(input: Any, repeats: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return x with each element along an axis repeated."""
    x = tensor(input)
    if axis is None:
        x, axis = _reshaped(x, (-1,)), 0
    places = np.repeat(np.arange(x.shape[axis]), np.asarray(repeats))
    return x[(*(slice(None),) * (axis % x.ndim), places)]


def reverse(tensor_: Any, axis: Any, name: str | None = None) -> Any:
    """Return x with the order along axes reversed."""
    x, given = tensor(tensor_), whole(axis)
    turned = {one % x.ndim for one in ((given,) if isinstance(given, int) else given)}
    return x[tuple(slice(None, None, -1 if one in turned else None) for one in builtins.range(x.ndim))]


def flip(x: Any, axis: Any = None) -> Any:
    """Return x with the order along axes reversed, along all if none is given."""
    return reverse(x, tuple(builtins.range(np.ndim(x))) if axis is None else axis)


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Return x with its elements moved on along an axis, those at the end to the beginning."""
    x = tensor(x)
    places = np.roll(np.arange(x.shape[axis]), whole(shift))
    return x[(*(slice(None),) * (axis % x.ndim), places)]


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Any:
    """Return x repeated to fill a shape."""
    x = tensor(input)
    if isinstance(x, Values):
        return held(np.broadcast_to(np.asarray(x), whole(shape)).copy())
    return F.add(x, np.zeros(whole(shape), x.dtype))


def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = 0, batch_dims: int = 0) -> Any:
    """Return the parts of x at places along an axis."""
    x, places = tensor(params), np.asarray(indices).astype(np.intp)
    if batch_dims:
        rows: Any = np.ogrid[tuple(slice(length) for length in places.shape[:batch_dims])]
        rows = [row.reshape(row.shape + (1,) * (places.ndim - batch_dims)) for row in rows]
        return x[(*rows, places)]
    index = (*(slice(None),) * (whole(axis) % x.ndim), places if places.ndim else int(places))
    return x[index]


def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """Return the parts of x at places along an axis; of all elements in one row if none is given."""
    x = tensor(x)
    return gather(_reshaped(x, (-1,)) if axis is None else x, indices, axis=axis or 0)


def gather_nd(params: Any, indices: Any, *_: Any, **__: Any) -> Any:
    """Return the parts of x at places, each a row of `indices`."""
    return tensor(params)[tuple(np.moveaxis(np.asarray(indices).astype(np.intp), -1, 0))]


def boolean_mask(tensor_: Any, mask: Any, *_: Any, **__: Any) -> Any:
    """Return the parts of x where a mask holds."""
    return tensor(tensor_)[np.asarray(mask).astype(bool)]


def slice_(input_: Any, begin: Any, size: Any, name: str | None = None) -> Any:
    """Return the part of x that begins somewhere and has a size; a size of −1 is all the rest."""
    given = zip(whole(begin), whole(size), strict=True)
    return tensor(input_)[tuple(slice(at, None if length < 0 else at + length) for at, length in given)]


def pad(tensor_: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """Return x with a margin: of one value, or mirrored at the edge ("REFLECT", "SYMMETRIC")."""
    x = tensor(tensor_)
    pads = [(int(before), int(after)) for before, after in np.asarray(paddings)]
    if mode.lower() == "constant":
        if isinstance(x, Values):
            return held(np.pad(np.asarray(x), pads, constant_values=np.asarray(constant_values)))
        return F.pad(x, pads, float(constant_values or 0))
    for axis, around in enumerate(pads):
        if around != (0, 0):
            places = np.pad(np.arange(x.shape[axis]), around, mode.lower())  # type: ignore[call-overload]
            x = x[(*(slice(None),) * axis, places)]
    return x


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = 1,
    off_value: Any = 0,
    axis: int = -1,
    dtype: Any = "float32",
    name: str | None = None,
) -> Any:
    """Return for each class number a row that is 1 at its place, and 0 elsewhere; all 0 for a number out of range."""
    classes = np.asarray(indices).astype(np.int64)
    row = np.arange(whole(depth))
    found = np.where(classes[..., None] == row, on_value, off_value).astype(str(dtype or "float32"))
    if isinstance(indices, Short) and axis == -1:
        return indices.of_same_rows(found)
    return held(np.moveaxis(found, -1, axis) if axis != -1 else found)


def unique(x: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
    """Return the different values in the order in which they come, and the place of each element's value among them."""
    array = np.asarray(tensor(x))
    found, first, inverse = np.unique(array, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return held(found[order]), held(np.argsort(order)[inverse].astype(np.int32))


def tensor_scatter_nd_update(tensor_: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """Return x with other values at places, each a row of `indices`; without a gradient."""
    found = np.array(tensor_)
    found[tuple(np.moveaxis(np.asarray(indices), -1, 0))] = np.asarray(updates)
    return held(found)


def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
    """Return images (n, h, w, b²·c) as (n, b·h, b·w, c): each cell's channels are the pixels of a block."""
    x, b = tensor(input), int(block_size)
    n, h, w, c = x.shape
    x = _reshaped(x, (n, h, w, b, b, c // (b * b)))
    return _reshaped(transpose(x, (0, 1, 3, 2, 4, 5)), (n, h * b, w * b, c // (b * b)))


def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
    """Return images (n, b·h, b·w, c) as (n, h, w, b²·c): the pixels of a block are each cell's channels."""
    x, b = tensor(input), int(block_size)
    n, h, w, c = x.shape
    x = _reshaped(x, (n, h // b, b, w // b, b, c))
    return _reshaped(transpose(x, (0, 1, 3, 2, 4, 5)), (n, h // b, w // b, b * b * c))


def extract_patches(
    images: Any, sizes: Any, strides: Any, rates: Any = 1, padding: str = "VALID", name: str | None = None
) -> Any:
    """Return the pixels of each window (n, h′, w′, kh·kw·c): of `sizes`, every `strides`, its pixels `rates` apart."""
    x = tensor(images)
    (kh, kw), (sh, sw), (rh, rw) = (_middle(each) for each in (sizes, strides, rates))
    spans = (kh - 1) * rh + 1, (kw - 1) * rw + 1
    if padding.upper() == "SAME":
        lacks = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(x.shape[1:3], (sh, sw), spans, strict=True)]
        x = pad(x, [[0, 0], *([each // 2, each - each // 2] for each in lacks), [0, 0]])
    rows, columns = ((n - k) // s + 1 for n, s, k in zip(x.shape[1:3], (sh, sw), spans, strict=True))
    if kh == kw == sh == sw and rh == rw == 1:  # windows side by side
        return space_to_depth(x[:, : rows * kh, : columns * kw], kh)
    ends = (rows - 1) * sh + 1, (columns - 1) * sw + 1
    places = [(i * rh, j * rw) for i in builtins.range(kh) for j in builtins.range(kw)]
    return concat([x[:, i : i + ends[0] : sh, j : j + ends[1] : sw] for i, j in places], -1)


def _middle(lengths: Any) -> tuple[int, int]:
    """Return height and width: of one number, of two, or of four of which the middle two count."""
    lengths = whole(lengths)
    if isinstance(lengths, int):
        return lengths, lengths
    return tuple(lengths)[1:3] if len(lengths) == 4 else tuple(lengths)
