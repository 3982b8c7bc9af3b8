"""Tensor and Function: the two kinds of node in the graph that backpropagation walks."""

import operator
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import autograd, kernels
from .config import floatx

FLOATS = (np.dtype("float32"), np.dtype("float64"))


class Tensor:
    """An array of float32 or float64 that remembers which function produced it.

    `data` is the array (NumPy, or CuPy on a GPU), always C-contiguous. Leaves made with `requires_grad=True` collect
    gradients in `grad`, an array of the same shape, when `backward` is called on something computed from them.
    Anything that is not floating point is converted to `tinyconv.floatx()`.
    """

    # The results of softmax and sigmoid point at their input here, so that a loss can be computed from the logits.
    logits: "Tensor | None" = None
    _link: "Tensor | None" = None
    is_number = False  # whether it stands for a number of Python's, which depends on no weight

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self.data = as_array(data)
        self.grad: Any = None
        self.requires_grad = requires_grad
        self.creator: Function | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:
        """Element type: float32 or float64."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    @property
    def device(self) -> str:
        """Where the array lives: "cpu" or "gpu"."""
        return kernels.device(self.data)

    def numpy(self) -> np.ndarray:
        """Return the values as a NumPy array (the tensor's own array when it lives on the CPU)."""
        return kernels.move(self.data, "cpu")

    def item(self) -> float:
        """Return the value of a tensor of one element as a Python float."""
        if self.size != 1:
            raise ValueError(f"one number was asked of a tensor of shape {self.shape}: index it or reduce it first")
        return self.data.item()

    def detach(self) -> "Tensor":
        """Return a leaf that shares this tensor's array and stands outside the graph."""
        return Tensor(self.data)

    def link(self) -> "Tensor":
        """Return what stands for this tensor in a lean graph: a link to its creator, itself where there is none."""
        if self.creator is None or not self.requires_grad:
            return self
        if self._link is None:
            self._link = Link(self, self.creator)
        return self._link

    def backward(
        self, dy: Any = None, observe: autograd.Observer | None = None, in_pieces: Sequence["Tensor"] = ()
    ) -> None:
        """Add the gradient of Σ dy·self to the `grad` of every leaf that this tensor was computed from.

        `dy` has this tensor's shape; it may be left out for a tensor of one element, where it is 1. Saved arrays are
        freed on the way, so a second call raises RuntimeError. `observe` watches the walk, and large gradients of the
        leaves `in_pieces` may be left to the optimizer: see `autograd.backward`.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward needs a tensor computed outside no_grad from a leaf with requires_grad=True: this one was not"
            )
        if dy is None:
            if self.size != 1:
                raise ValueError(f"backward of a tensor of shape {self.shape} needs dy, an array of that shape")
            dy = np.ones_like(self.data)
        dy = as_array(dy.data if isinstance(dy, Tensor) else dy, self.dtype)
        if dy.shape != self.shape:
            raise ValueError(f"dy must have the tensor's shape {self.shape}, got {dy.shape}")
        autograd.backward(self, dy, observe, in_pieces)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor of no axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[row] for row in range(len(self)))

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        rows = np.array2string(self.numpy(), separator=", ", threshold=12, edgeitems=2, precision=6)
        origin = f", from={type(self.creator).__name__}" if self.creator else ""
        grad = ", requires_grad=True" if self.requires_grad and not self.creator else ""
        values = " ".join(rows.split())
        if len(values) > 150:
            values = f"{values[:100]} … {values[-40:]}"
        return f"Tensor({values}, shape={self.shape}, dtype={self.dtype}, device={self.device}{origin}{grad})"

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy and a pickle hold: the values, and not the graph behind them, so that it is a leaf."""
        leaf = {"creator": None, "requires_grad": self.requires_grad and self.creator is None}
        return {name: value for name, value in vars(self).items() if name not in ("logits", "_link")} | leaf

    # Comparisons go element by element and give an array of booleans, on the tensor's device. What holds no numbers,
    # such as None, is compared by identity.
    def _compare(self, compare: Callable[[Any, Any], Any], other: Any) -> Any:
        array = values(other)
        if array.dtype.kind not in "fiub":
            return NotImplemented
        # As in arithmetic, one number has no precision of its own.
        return compare(self.data, array.item() if array.ndim == 0 and not isinstance(other, Tensor) else array)

    def __eq__(self, other: object) -> Any:
        return self._compare(operator.eq, other)

    def __ne__(self, other: object) -> Any:
        return self._compare(operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        return self._compare(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compare(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compare(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(operator.ge, other)

    __hash__ = object.__hash__  # by identity: tensors are keys and members of sets as ever

    # To NumPy a tensor is its values: np.asarray(t), np.argmax(t, axis=1), np.concatenate([t, u]) are arrays, outside
    # the graph. What the operators do would be lost so: NumPy must leave `array + tensor` to Tensor.__radd__, and
    # refuses its other elementwise functions (np.exp(t): write t.exp(), or np.exp(t.numpy())).
    __array_ufunc__ = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False and self.device == "gpu":
            raise ValueError("a tensor on the GPU becomes a NumPy array by a copy only: copy=False cannot be")
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return function(*_without_tensors(arguments), **_without_tensors(options))

    if TYPE_CHECKING:  # attached by functions/operators.py, which stands above this module
        __add__: Callable[[Any, Any], "Tensor"]
        __sub__: Callable[[Any, Any], "Tensor"]
        __mul__: Callable[[Any, Any], "Tensor"]
        __truediv__: Callable[[Any, Any], "Tensor"]
        __pow__: Callable[[Any, Any], "Tensor"]
        __matmul__: Callable[[Any, Any], "Tensor"]
        __rsub__: Callable[[Any, Any], "Tensor"]
        __rtruediv__: Callable[[Any, Any], "Tensor"]
        __neg__: Callable[[Any], "Tensor"]
        __getitem__: Callable[[Any, Any], "Tensor"]
        sum: Callable[..., "Tensor"]
        mean: Callable[..., "Tensor"]
        reshape: Callable[..., "Tensor"]
        to: Callable[..., "Tensor"]


class Link(Tensor):
    """A result in a lean graph, without its numbers: see `autograd.lean`."""

    requires_grad = True
    grad = None
    shape: Any = None
    dtype: Any = None
    device: Any = None

    def __init__(self, tensor: Tensor, creator: "Function") -> None:
        self.creator = creator
        self.shape, self.dtype, self.device = tensor.shape, tensor.dtype, tensor.device

    @property
    def data(self) -> Any:
        """Raise RuntimeError: the numbers are not kept."""
        raise RuntimeError(
            f"a training step does not keep what {type(self.creator).__name__} computed: a function saves on itself, "
            "in forward, what its backward needs"
        )

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def __repr__(self) -> str:
        return f"Tensor(not kept, shape={self.shape}, dtype={self.dtype}, from={type(self.creator).__name__})"


@dataclass(frozen=True)
class Formula:
    """What an operation computes, in the letters of its docstring: y from its inputs, and their gradients from dy."""

    forward: str
    backward: str


class Function:
    """One application of an operation: settings in `__init__`, arrays in `forward`, gradients in `backward`.

    A subclass writes

        forward(*arrays) → array                keeps on `self` whatever its backward needs
        backward(dy) → tuple of arrays          one for each input: its gradient, or None where `self.needs` is False

    and is applied to tensors by calling it. An instance serves one application.
    """

    formula: ClassVar[Formula | None] = None  # every operation of the engine has one; a user's need not
    by_kernels: ClassVar[bool] = False  # whether forward does all that depends on numbers by kernels of `kernels.of(…)`
    freed: ClassVar[bool] = False
    calls: tuple[autograd.Call, ...] = ()  # the calls of layers and models that applied it, the outermost first
    inputs: tuple[Tensor, ...]
    needs: tuple[bool, ...]

    def forward(self, *arrays: Any) -> Any:
        """Compute the result of the operation on plain arrays."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Return ∂(Σ dy·result)/∂input for each input."""
        raise NotImplementedError(f"{type(self).__name__} defines no backward")

    def deferred(self, dy: Any, may_wait: Container[int]) -> dict[int, autograd.Pieces | autograd.Multiple]:
        """Return, by their place among the inputs, gradients of leaves that are better not computed yet.

        `backward` need not return them. `Pieces` are for leaves whose `id` is in `may_wait`.
        """
        return {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Apply the operation to tensors of one dtype; record it when a gradient may be asked for."""
        arrays = [tensor.data for tensor in inputs]
        dtype, kind = arrays[0].dtype, type(arrays[0])
        for array in arrays[1:]:
            if array.dtype != dtype:
                raise TypeError(
                    f"{type(self).__name__} got tensors of {dtype} and {array.dtype}; convert one with .astype(...)"
                )
            if type(array) is not kind and kernels.device(array) != kernels.device(arrays[0]):
                raise TypeError(
                    f"{type(self).__name__} got arrays on different devices "
                    f"({', '.join(map(kernels.device, arrays))}): "
                    'move one with .to("cpu") or .to("gpu")'
                )
        record = autograd.recording()
        self.needs = tuple([record and tensor.requires_grad for tensor in inputs])
        tracer = autograd.tracer()
        if tracer is None:
            result = Tensor(self.forward(*arrays))
        else:
            result = tracer(self, inputs, lambda: Tensor(self.forward(*arrays)))
        if any(self.needs):
            self.inputs = inputs
            self.calls = autograd.calls()
            result.requires_grad = True
            result.creator = self
            if autograd.is_lean():
                self.inputs = tuple([tensor.link() for tensor in inputs])
                result.creator = self.trim()
        return result

    def trim(self) -> "Function":
        """Return what takes this function's place in a lean graph: one that keeps less, where there is one."""
        return self

    def algorithm(self, *arrays: Any) -> str:
        """Return the algorithm that serves arrays of these shapes, "" where there is but one."""
        return ""

    def free(self) -> None:
        """Drop everything saved for the backward pass, inputs included."""
        self.__dict__.clear()
        self.__dict__["freed"] = True


def as_array(data: Any, dtype: Any = None) -> Any:
    """Return `data` as a C-contiguous array of `dtype`.

    Left open, float32 and float64 stay as they are and others become floatx; so do plain Python numbers and lists,
    which have no dtype of their own.
    """
    array = values(data)
    if array.dtype.kind not in "fiub":
        what = array.dtype if hasattr(data, "dtype") else f"a {type(data).__name__} of {array.dtype}"
        raise TypeError(f"a tensor holds float32 or float64, and {what} cannot be converted to it")
    if dtype is None:
        dtype = array.dtype if array.dtype in FLOATS and hasattr(data, "dtype") else floatx()
    if array.dtype != dtype:
        array = array.astype(dtype)
    return array if array.flags.c_contiguous else array.copy(order="C")


def values(data: Any) -> Any:
    """Return `data` as an array: a tensor's own, one of CuPy's as it is, anything else as NumPy's.

    The tensors of other frameworks are arrays by NumPy's protocol; where one has to leave a GPU or a graph first, that
    framework's error says how.
    """
    if type(data) is np.ndarray:
        return data
    if isinstance(data, Tensor):
        return data.data
    return data if kernels.device(data) == "gpu" else np.asarray(data)


def as_tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """Return `value` itself if it is a tensor, else a constant tensor of it.

    What has no precision and no device of its own takes those of `like`: one number, be it Python's, NumPy's or an
    array of no axes, a list, an array of integers.
    """
    if isinstance(value, Tensor):
        return value
    if like is None:
        return Tensor(value)
    array = values(value)
    if array.ndim > 0 and array.dtype in FLOATS and hasattr(value, "dtype"):
        return Tensor(array)
    made = Tensor(kernels.move(as_array(array, like.dtype), like.device))
    made.is_number = isinstance(value, int | float) and not isinstance(value, np.generic)
    return made


def _without_tensors(value: Any) -> Any:
    """Return `value`, also a list, tuple or dictionary, with NumPy arrays for the tensors in it."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, list | tuple):
        return type(value)([_without_tensors(part) for part in value])
    if isinstance(value, dict):
        return {name: _without_tensors(part) for name, part in value.items()}
    return value
