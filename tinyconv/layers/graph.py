"""The graph that layers make when they are called on symbols: what a functional model is read from.

A symbol stands for a tensor that is not there yet: `Input` makes the first, and a layer called on symbols returns the
symbol of its output. Each such call is a node; the same layer called twice has two nodes and one set of weights. So is
the call of a function: it makes a layer of itself, see `operation.py`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..structure import flat, flat_shapes, mapped, packed, with_lists
from ..symbol import Symbol

Shape = tuple[int | None, ...]


class SymbolicTensor(Symbol):
    """A tensor to come: its shape, with None for the batch, its dtype, and the node whose output number `index` it is.

    Operators and functions give symbols again. `for` and `if` need numbers, which it has not.
    """

    # NumPy must not take it for an object to make an array of.
    __array_ufunc__ = None

    def __init__(self, shape: Shape, dtype: str, node: "Node", index: int) -> None:
        self.shape, self.dtype, self.node, self.index = shape, dtype, node, index

    @property
    def ndim(self) -> int:
        """Number of axes, batch axis included."""
        return len(self.shape)

    @property
    def origin(self) -> str:
        """Where it comes from, as `summary` writes it: layer[node][output]."""
        return f"{self.node.operation.name}[{self.node.number}][{self.index}]"

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.origin}, shape={self.shape}, dtype={self.dtype}>"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self} has no values: make a model of it, tc.Model(inputs, outputs), and call that on data")

    def __bool__(self) -> bool:
        raise TypeError(f"{self} has no values to decide by")

    def __iter__(self) -> Any:
        raise TypeError(f"{self} has no values to go through: take parts of it, as x[:, 0]")

    def applied(self, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return the symbol of a call of a function, or a list of them."""
        from .operation import Operation  # it is a layer, and layers know the graph

        return Operation(function, given, named).result


class Called(Protocol):
    """What a node calls: a layer, or a model used as one."""

    name: str
    call_nodes: list["Node"]

    @property
    def dtype(self) -> str:
        """The dtype that it computes in."""

    def every_layer(self) -> list[Any]:
        """Return the operation, and all layers within it."""

    def prepare(self, input_shape: Any) -> Any:
        """Check the shape of the input, or a list of them, build what is not built, return that of the output."""

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the output."""


def checked_training(operation: Any, training: Any) -> bool:
    """Return `training` as a bool; refuse a second tensor in its place."""
    if not isinstance(training, int | np.bool_):
        raise TypeError(
            f'"{operation.name}" takes one tensor or a list of them, and training=True or False, got '
            f"{type(training).__name__} as well: call it as layer([a, b])"
        )
    return bool(training)


class Node:
    """One call of an operation on symbols, from `inputs` to `outputs`, both lists.

    `given` and `result` are the same as the call had them, each a symbol, or a list or dict; `training` is what it was
    called with, None for what the model that it becomes a part of is called with.
    """

    def __init__(self, operation: Called, given: Any, shapes: Any, training: bool | None = None) -> None:
        self.operation, self.given, self.training = operation, given, training
        self.inputs = flat(given)
        self.outputs = [
            SymbolicTensor(shape, operation.dtype, self, index) for index, shape in enumerate(flat_shapes(shapes))
        ]
        self.result = packed(shapes, self.outputs)
        self.number = len(operation.call_nodes)
        operation.call_nodes.append(self)


def is_symbolic(x: Any) -> bool:
    """Return whether `x` is a symbol, or a list or dict with one in it."""
    return isinstance(x, SymbolicTensor) or (
        isinstance(x, list | tuple | dict) and any(isinstance(each, SymbolicTensor) for each in flat(x))
    )


def connect(operation: Called, x: Any, training: bool | None = None) -> Any:
    """Call `operation` on symbols: build what is not built, and return the symbol of the output, or a list of them."""
    if training is not None:
        training = checked_training(operation, training)
    if not isinstance(x, SymbolicTensor):
        x = with_lists(x)
        stranger = next((each for each in flat(x) if not isinstance(each, SymbolicTensor)), None)
        if stranger is not None:
            raise TypeError(
                f'"{operation.name}" got symbols and {type(stranger).__name__} in one call: give it an Input'
            )
    for symbol in flat(x):
        if symbol.dtype != operation.dtype:
            raise ValueError(
                f'"{operation.name}" computes in {operation.dtype}, got {symbol}: give both the same dtype'
            )
    node = Node(operation, x, operation.prepare(shapes_of(x)), training)
    lengths = {symbol.shape[0] for symbol in node.inputs if symbol.shape}
    if lengths != {None} and len(lengths) == 1:  # a layer makes of so many samples as many
        for symbol in node.outputs:
            if symbol.shape[:1] == (None,):
                symbol.shape = (*lengths, *symbol.shape[1:])
    return node.result


def shapes_of(x: Any) -> Any:
    """Return the shape of a tensor or a symbol with an open batch axis; a list or dict of them for such."""
    return mapped(lambda each: (None, *each.shape[1:]), x) if isinstance(x, list | dict) else (None, *x.shape[1:])


def sources(symbol: SymbolicTensor) -> list[SymbolicTensor]:
    """Return the inputs that `symbol` is computed from."""
    return [node.outputs[0] for node in _walk([symbol])[0] if not node.inputs]


def replayed(
    outputs: Sequence[SymbolicTensor],
    replaced: Mapping[SymbolicTensor, SymbolicTensor],
    instead: Callable[[Any], Any] = lambda operation: operation,
) -> list[SymbolicTensor]:
    """Make the calls between the symbols that are `replaced` and `outputs` again, on those that replace them.

    `instead` gives the operation to call in the place of another. What does not depend on the replaced symbols is as it
    was. Returns the symbols in the place of `outputs`.
    """
    known = dict(replaced)
    for node in _walk(outputs, known)[0]:
        if node.inputs and any(symbol in known for symbol in node.inputs):
            operation = instead(node.operation)
            given = mapped(lambda symbol: known.get(symbol, symbol), node.given)
            known.update(zip(node.outputs, flat(operation(given, node.training)), strict=True))
    return [known.get(symbol, symbol) for symbol in outputs]


def fits(shape: Sequence[int | None], needed: Sequence[int | None]) -> bool:
    """Return whether a shape is the one that is needed, where that is not open; the batch axis is any."""
    return len(shape) == len(needed) and all(
        other is None or length == other for length, other in zip(shape[1:], needed[1:], strict=True)
    )


def map_graph(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> tuple[list[Node], list[Any]]:
    """Return the nodes from `inputs` to `outputs`, each after those that it needs, and their operations.

    Both come as in Keras (keras/src/ops/function.py, `map_graph`), since weights are saved in this order, and a layer
    that keeps averages of what it sees sees it in this one: the furthest from the outputs first, and among equals the
    operation that a walk from the outputs meets first, and the node that the way back from the outputs reaches first.
    Raises ValueError when something is needed that does not come from `inputs`, or two operations share a name.
    """
    order, met = _walk(outputs)
    depths: dict[Node, int] = {}
    furthest: dict[Any, int] = {}
    for node in reversed(order):
        depth = max(depths.get(node, 0), furthest.get(node.operation, 0))
        depths[node] = furthest[node.operation] = depth
        for symbol in node.inputs:
            depths[symbol.node] = max(depth + 1, depths.get(symbol.node, 0))
    for symbol in inputs:
        if symbol.node not in depths:  # an input that no output needs
            depths[symbol.node] = furthest[symbol.node.operation] = 0
            met[symbol.node.operation] = -1
    nodes = sorted(depths, key=lambda node: -depths[node])
    operations = sorted(furthest, key=lambda operation: (-furthest[operation], met[operation]))
    _check(inputs, nodes, operations)
    return nodes, operations


def _walk(
    outputs: Sequence[SymbolicTensor], ends: Collection[SymbolicTensor] = ()
) -> tuple[list[Node], dict[Any, int]]:
    """List the nodes below `outputs`, each after its inputs' nodes, and number the operations as they are met.

    What lies behind symbols in `ends` is left out.
    """
    order: list[Node] = []
    met: dict[Any, int] = {}
    seen: set[Node] = set()
    stack = [(symbol.node, False) for symbol in reversed(outputs) if symbol not in ends]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            met.setdefault(node.operation, len(met))
            stack.append((node, True))
            stack.extend((symbol.node, False) for symbol in reversed(node.inputs) if symbol not in ends)
    return order, met


def _check(inputs: Sequence[SymbolicTensor], nodes: Sequence[Node], operations: Sequence[Any]) -> None:
    known = {symbol.node for symbol in inputs}
    for node in nodes:
        if not node.inputs and node not in known:
            users = [f'"{user.operation.name}"' for user in nodes if node.outputs[0] in user.inputs]
            raise ValueError(
                f'the graph is disconnected: {", ".join(users) or "an output"} needs "{node.operation.name}", which is '
                f"not among the inputs ({', '.join(symbol.node.operation.name for symbol in inputs)}): add it to them"
            )
    names: set[str] = set()
    for operation in operations:
        if operation.name in names:
            raise ValueError(f'two layers of the model are called "{operation.name}": give one another name=...')
        names.add(operation.name)
