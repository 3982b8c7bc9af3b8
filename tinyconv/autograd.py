"""The backward walk: reverse-mode differentiation over the graph that `Function` records.

A tensor knows the function that produced it (`creator`), a function knows its input tensors (`inputs`). For a scalar
loss L and a function y = f(x₁ … xₙ), the chain rule says

    ∂L/∂xᵢ = Σ over the functions that use xᵢ of  Jᵢᵀ ∂L/∂y

so the walk visits every tensor once, after all of its users, adds up what they send, and asks the creator for Jᵢᵀ dy.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 3.2 (reverse mode); Baydin et al. 2018, JMLR 18(153).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from . import kernels

if TYPE_CHECKING:
    from .tensor import Function, Tensor

Observer = Callable[["Function", tuple["Tensor", ...], Any, tuple[Any, ...]], None]

Tracer = Callable[["Function", tuple["Tensor", ...], Callable[[], "Tensor"]], "Tensor"]

_recording = ContextVar("recording", default=True)
_lean = ContextVar("lean", default=False)
_tracer: "ContextVar[Tracer | None]" = ContextVar("tracer", default=None)
_calls: "ContextVar[tuple[Call, ...]]" = ContextVar("calls", default=())


def recording() -> bool:
    """Return whether functions at present record what a later backward pass needs."""
    return _recording.get()


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute inside the `with` block without recording a graph: saves the memory that only a backward pass needs."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def is_lean() -> bool:
    """Return whether functions at present record their inputs without the numbers in them."""
    return _lean.get()


@contextmanager
def lean() -> Iterator[None]:
    """Record a graph that holds no results but those that functions saved for their backward pass.

    What nobody else holds is then gone as soon as the last function has used it: of ResNet50, 0.5 of 1.8 GiB for 16
    images. A training step needs no more; whoever looks at the numbers among the inputs of functions afterwards does.
    """
    token = _lean.set(True)
    try:
        yield
    finally:
        _lean.reset(token)


@contextmanager
def traced_by(tracer: Tracer) -> Iterator[None]:
    """Have every function that is applied inside the `with` block applied by `tracer(function, inputs, apply)`.

    `apply()` applies it and returns the result, which the tracer returns in turn.
    """
    token = _tracer.set(tracer)
    try:
        yield
    finally:
        _tracer.reset(token)


def tracer() -> Tracer | None:
    """Return what applies functions at present, None where they apply themselves."""
    return _tracer.get()


class Call:
    """One call of a layer or a model, open inside its `with` block; two calls of a shared layer are two of these.

    `training` is whether it is training, as the call around it is, and None where that is not said.
    """

    __slots__ = ("_token", "layer", "training")

    training: bool | None

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __enter__(self) -> Any:
        outer = _calls.get()
        self.training = self.choose(outer[-1].training if outer else None)
        self._token = _calls.set((*outer, self))
        return self

    def choose(self, outer: bool | None) -> bool | None:
        """Return whether the call is training, given what holds around it."""
        return outer

    def __exit__(self, *exception: object) -> None:
        _calls.reset(self._token)

    def __repr__(self) -> str:
        return f"Call({getattr(self.layer, 'name', self.layer)!r})"


def calling(layer: Any) -> Call:
    """Say that what functions record inside the `with` block belongs to a call of `layer`."""
    return Call(layer)


def calls() -> tuple[Call, ...]:
    """Return the calls of layers and models that are open at present, the outermost first."""
    return _calls.get()


def gradients(
    targets: Sequence["Tensor"], sources: Sequence["Tensor"], dys: Sequence[Any] | None = None
) -> list[np.ndarray | None]:
    """Return the gradient of the sum of all `targets` with respect to each source, None where none depends on it.

    Sources may be leaves or lie within the graph. With `dys`, an array of each target's shape, it is Σ dy·target that
    is differentiated. No `grad` changes and nothing is freed, so that the same graph can be asked again, and `backward`
    can be called. Only what lies between sources and targets is computed.
    """
    # Of a source that is another order of the axes of a tensor, `last`, users take that one: see `functions.layout`.
    asked_for, sources = sources, [getattr(source, "last", source) for source in sources]
    roots = [target for target in targets if target.requires_grad]
    order = users_last(roots)
    leads: set[int] = {
        _node(source) for source in sources
    }  # to a source: those tensors, and what is computed from them
    for tensor in order:
        if tensor.creator is not None and any(_node(each) in leads for each in tensor.creator.inputs):
            leads.add(_node(tensor))
    received: dict[int, Any] = {}

    def receive(tensor: "Tensor", dy: Any) -> None:
        before = received.get(_node(tensor))
        received[_node(tensor)] = dy if before is None else kernels.of(dy).add(before, dy)

    for target, dy in zip(targets, dys or [np.ones_like(target.data) for target in targets], strict=True):
        if target.requires_grad and _node(target) in leads:
            receive(target, dy)
    wanted = {_node(source) for source in sources}
    found: dict[int, Any] = {}
    for tensor in reversed(order):
        dy = received.pop(_node(tensor), None)
        if dy is None:
            continue
        if _node(tensor) in wanted:
            found[_node(tensor)] = dy.copy()
        function = tensor.creator
        if function is None:
            continue
        needs = function.needs
        asked = tuple(needed and _node(each) in leads for needed, each in zip(needs, function.inputs, strict=True))
        if not any(asked):
            continue
        function.needs = asked
        try:
            passed = _passed(function, dy)
            for source, needed, dx in zip(function.inputs, function.needs, passed, strict=True):
                if needed:
                    receive(source, dx if dx.flags.c_contiguous else dx.copy(order="C"))
        finally:
            function.needs = needs
    arrays = [found.get(_node(source)) for source in sources]
    return [
        dx if dx is None or source is given else given.as_first(dx)  # type: ignore[attr-defined]
        for dx, source, given in zip(arrays, sources, asked_for, strict=True)
    ]


def _node(tensor: "Tensor") -> int:
    """Return what a walk knows a tensor by: its creator, which has no other result, or itself where there is none."""
    return id(tensor) if tensor.creator is None else id(tensor.creator)


def _passed(function: "Function", dy: Any) -> tuple[Any, ...]:
    """Return the gradients of a function's inputs, as many as it has."""
    passed = function.backward(dy)
    if not isinstance(passed, tuple) or len(passed) != len(function.inputs):
        found = f"a tuple of {len(passed)}" if isinstance(passed, tuple) else type(passed).__name__
        raise TypeError(
            f"{type(function).__name__}.backward must return a tuple of a gradient for each input, here "
            f"{len(function.inputs)}, got {found}"
        )
    return passed


class Pieces(Iterator[tuple[slice, Any]]):
    """The gradient of a large weight, of which a piece at a time is computed when it is asked for, each once.

    A piece is the place of its numbers in the flat weight, and their gradient, flat. An optimizer that changes each
    number by itself needs no more: no memory for the whole, and the piece is still in the cache. Lv et al. 2023,
    arXiv:2306.09782, do so with the gradients of all weights, one after the other.
    """

    def __init__(self, pieces: Iterator[tuple[slice, Any]], shape: tuple[int, ...], dtype: Any) -> None:
        self.pieces, self.shape, self.dtype = pieces, shape, dtype

    def __next__(self) -> tuple[slice, Any]:
        return next(self.pieces)

    def whole(self) -> np.ndarray:
        """Return the gradient in one array."""
        gathered = np.empty(self.shape, self.dtype)
        flat = gathered.reshape(-1)
        for part, numbers in self:
            flat[part] = numbers
        return gathered


class Multiple:
    """A gradient that is `factor`, an array of one element, times an array, as a penalty's: not computed yet.

    What it is to be added to is not known before the walk has reached the other users of the weight.
    """

    def __init__(self, array: Any, factor: Any) -> None:
        self.array, self.factor = array, factor

    def whole(self) -> Any:
        """Return the gradient in an array."""
        return kernels.of(self.array).scale(self.array, self.factor)

    def added_to(self, gradient: Any) -> Any:
        """Return the sum with another gradient, an array or pieces: in one pass over either."""
        k = kernels.of(self.array)
        if not isinstance(gradient, Pieces):
            return k.add_scaled(gradient, self.array, self.factor)
        flat = self.array.reshape(-1)
        pieces = ((part, k.add_scaled(numbers, flat[part], self.factor)) for part, numbers in gradient)
        return Pieces(pieces, gradient.shape, gradient.dtype)


def backward(
    root: "Tensor", dy: np.ndarray, observe: Observer | None = None, in_pieces: Sequence["Tensor"] = ()
) -> None:
    """Add to the `grad` of every leaf below `root` the gradient of Σ dy·root with respect to that leaf.

    The walk keeps its own stack, so the depth of the graph is bounded by memory and not by Python's recursion limit.
    Each function frees its saved arrays as soon as its gradients are known; just before, `observe` is called with
    (function, inputs, dy, gradients): the tensors that the function was applied to, the gradient of its result, and
    those of the inputs, None where none is needed. An observer reads them and changes none. Without one, the `grad` of
    leaves among `in_pieces` may be `Pieces`, for `Optimizer.apply`. Raises RuntimeError, before anything is changed,
    when a part of the graph was freed by an earlier backward pass.
    """
    gradients = {_node(root): dy if root.creator is not None else _own(dy, (dy,))}
    order, may_wait = users_last([root]), {id(leaf) for leaf in in_pieces}
    while order:
        tensor = order.pop()  # so that its array is gone with it, once its creator no longer needs it
        dy = gradients.pop(_node(tensor))
        function = tensor.creator
        if function is None:
            dy = dy.whole() if isinstance(dy, Multiple) else dy
            tensor.grad = dy if tensor.grad is None else _sum(tensor.grad, dy)
            continue
        deferred = function.deferred(dy, may_wait) if observe is None else {}
        needs = function.needs
        if deferred:
            function.needs = tuple([needed and place not in deferred for place, needed in enumerate(needs)])
        try:
            passed = _passed(function, dy)
        except BaseException:
            function.needs = needs
            raise
        if observe is not None:
            wanted = (dx if needed else None for needed, dx in zip(function.needs, passed, strict=True))
            observe(function, function.inputs, dy, tuple(wanted))
        for place, (source, needed, dx) in enumerate(zip(function.inputs, function.needs, passed, strict=True)):
            if needed:
                key = _node(source)
                dx = dx if dx.flags.c_contiguous else dx.copy(order="C")
                if key in gradients:
                    gradients[key] = _sum(gradients[key], dx)
                else:
                    gradients[key] = dx if source.creator is not None else _own(dx, (dy, *passed[:place]))
        for place, gradient in deferred.items():
            key = _node(function.inputs[place])
            gradients[key] = _sum(gradients[key], gradient) if key in gradients else gradient
        function.free()


def _sum(first: Any, second: Any) -> Any:
    """Return the sum of two gradients of a tensor."""
    if isinstance(first, Multiple):
        first, second = second, first
    if isinstance(second, Multiple) and not isinstance(first, Multiple):
        return second.added_to(first)
    first, second = (each.whole() if isinstance(each, Pieces | Multiple) else each for each in (first, second))
    return kernels.of(first).add(first, second)


def _own(dx: Any, others: tuple[Any, ...]) -> Any:
    """Return the gradient `dx` as a leaf may keep it: itself, or a copy if it is read-only or shares memory.

    What a function passes on may be what it was given, a view of it, or one array for several inputs (`others`).
    """
    shared = not getattr(dx.flags, "writeable", True)  # CuPy's arrays are all writable
    for other in others:
        shared = shared or (type(other) is type(dx) and np.may_share_memory(dx, other))
    if not shared:
        return dx
    own = np.empty_like(dx, order="C")
    own[...] = dx
    return own


def users_last(roots: Sequence["Tensor"]) -> list["Tensor"]:
    """List the tensors below `roots` that need a gradient, each before all of its users (topological order)."""
    order: list[Tensor] = []
    seen = set()
    stack = [(root, False) for root in roots]
    while stack:
        tensor, inputs_done = stack.pop()
        if inputs_done:
            order.append(tensor)
            continue
        if _node(tensor) in seen:
            continue
        seen.add(_node(tensor))
        function = tensor.creator
        if function is None:
            order.append(tensor)
            continue
        if function.freed:
            raise RuntimeError(
                f"backward needs the arrays that {type(function).__name__} saved, but an earlier backward pass "
                "freed them; run the forward pass again before a second backward"
            )
        stack.append((tensor, True))
        stack.extend([(each, False) for each, needed in zip(function.inputs, function.needs, strict=True) if needed])
    return order
