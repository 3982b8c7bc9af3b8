"""Functional: a model of any graph of layers, read from the symbols between its inputs and its outputs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arguments import flag
from ..layers import InputLayer, Layer
from ..layers.building import open_batch
from ..layers.calling import Calling
from ..layers.graph import Node, SymbolicTensor, connect, fits, is_symbolic, map_graph, replayed
from ..layers.operation import Operation
from ..structure import flat, flat_shapes, mapped, packed, with_lists
from ..tensor import Tensor, as_array
from .activation import activation_of
from .execution_plan import computed, computed_at_once
from .fusion import run
from .model import Model


class Step(NamedTuple):
    """Layers to be called one after the other, in `training` or as the model is if that is None.

    The first takes the symbols `inputs`, in a structure of this `form`, None for one alone, the last gives `outputs`;
    then the symbols `over` are needed no more.
    """

    layers: list[Any]
    training: bool | None
    inputs: list[SymbolicTensor]
    form: Any
    outputs: list[SymbolicTensor]
    over: list[SymbolicTensor]


class Functional(Model):
    """The model that computes `outputs` from `inputs`, each a symbol, or a list or dict: `tc.Model(inputs, outputs)`.

    Layers may branch, join, be used more than once, or be models themselves. Raises ValueError when an output needs an
    input that is not given, or two layers have one name.
    """

    layers_first = True
    takes_any = False

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        Layer.__init__(self, name=name)
        for what, symbols in (("inputs", flat(inputs)), ("outputs", flat(outputs))):
            for symbol in symbols:
                if not isinstance(symbol, SymbolicTensor):
                    raise TypeError(
                        f'model "{self.name}" is made of the symbols between its inputs and outputs, its {what} hold '
                        f"{symbol!r}: start with x = tc.Input(shape), and call the layers on it"
                    )
            if not symbols or len(set(symbols)) < len(symbols):
                raise self.error(f"has {what} that must be one symbol or more, each once")
        self._take(*_from_inputs(inputs, outputs))
        self.dtype = self.inputs[0].dtype
        if not flag("trainable", trainable):
            self.trainable = False

    def _take(self, inputs: Any, outputs: Any) -> None:
        """Read the graph between the symbols."""
        self._ends = [with_lists(end) for end in (inputs, outputs)]
        self.inputs, self.outputs = flat(inputs), flat(outputs)
        form = _form(self._ends[1])
        # A list of one output counts as that output, as in Keras: tc.Model(other.inputs, other.outputs).
        self._output_form = None if form is list and len(self.outputs) == 1 else form
        self.input_names, self.output_names = map(_names, self._ends)
        self.graph, self._order = map_graph(self.inputs, self.outputs)
        self.steps = plan(self.graph, self.inputs, self.outputs)
        several = len(self.inputs) > 1
        self.input_shape = [symbol.shape for symbol in self.inputs] if several else self.inputs[0].shape
        several = self._output_form is not None
        self.output_shape = [symbol.shape for symbol in self.outputs] if several else self.outputs[0].shape
        self.built = True

    @property
    def layers(self) -> list[Any]:
        """The layers, or models used as such, in Keras's order: without calls of functions, which `operations` has."""
        return [each for each in self._order if not isinstance(each, Operation)]

    @property
    def operations(self) -> list[Any]:
        """The layers, and the calls of functions on symbols, in Keras's order."""
        return list(self._order)

    @property
    def input(self) -> Any:
        """The symbol of the input, or a list or dict of them."""
        return self._ends[0]

    @property
    def output(self) -> Any:
        """The symbol of the output, or a list or dict of them."""
        return self._ends[1]

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for a copy or a pickle: the graph as a list of calls, which no depth can make recur."""
        places = {
            symbol: (number, index)
            for number, node in enumerate(self.graph)
            for index, symbol in enumerate(node.outputs)
        }
        calls = [
            (
                node.operation,
                mapped(places.__getitem__, node.given),
                mapped(lambda symbol: symbol.shape, node.result),
                node.training,
                node.number,
            )
            for node in self.graph
        ]
        state = super().__getstate__()
        for derived in ("inputs", "outputs", "graph", "steps", "_order", "_output_form"):
            del state[derived]
        return {**state, "_ends": [mapped(places.__getitem__, end) for end in self._ends], "_calls": calls}

    def __setstate__(self, state: dict[str, Any]) -> None:
        calls = state.pop("_calls")
        super().__setstate__(state)
        made: list[Node] = []
        numbers: dict[Node, int] = {}

        def symbol(place: tuple[int, int]) -> SymbolicTensor:
            return made[place[0]].outputs[place[1]]

        for operation, given, shapes, training, number in calls:
            own = operation.call_nodes[0] if given == [] else Node(operation, mapped(symbol, given), shapes, training)
            numbers[own] = number
            made.append(own)
        for operation in {node.operation for node in made}:  # calls of one layer count as they did
            operation.call_nodes.sort(key=lambda node: numbers.get(node, -1))
            for number, node in enumerate(operation.call_nodes):
                node.number = number
        self._take(*(mapped(symbol, end) for end in self._ends))

    def _grows(self) -> bool:
        """Return True: a model may be given more attributes, as in Keras."""
        return True

    def prepare(self, input_shape: Any) -> Any:
        """Check the shapes of the inputs, and return those of the outputs."""
        given, needed = flat_shapes(input_shape), [symbol.shape for symbol in self.inputs]
        if len(given) != len(needed) or not all(map(fits, given, needed)):
            raise self.error(f"got inputs of shapes {given}, needs {needed}")
        if given == needed:
            return mapped(lambda symbol: symbol.shape, self.output)
        shapes = dict(zip(self.inputs, given, strict=True))
        for node in self.graph:
            if node.inputs:
                found = node.operation.prepare(mapped(shapes.__getitem__, node.given))
                shapes.update(zip(node.outputs, flat_shapes(found), strict=True))
        return mapped(shapes.__getitem__, self.output)

    def checked_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes of the outputs for inputs of these shapes."""
        return self.prepare(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes of the outputs for inputs of these shapes."""
        return self.prepare(open_batch(input_shape))

    def build(self, input_shape: Any) -> None:
        """Check `input_shape`: the model was built with its graph."""
        self.prepare(open_batch(input_shape))

    def _build_by(self, make: Any, input_shape: Any) -> None:
        make(input_shape)

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the outputs, a tensor, or a list or dict of them, from a tensor or an array for each input.

        Several inputs come as a list in their order, or as a dict by their names. `training` switches dropout on, but
        for layers that were called with a `training` of their own on the symbols.
        """
        if is_symbolic(inputs):
            return connect(self, inputs, training)
        tensors = self._tensors(inputs)
        with Calling(self, training) as call:
            if type(self).call is Functional.call:
                return computed(self, tensors, call.training, lambda: self._computed(tensors, call.training))
            given = packed(self.input, tensors)
            return self.call(given, training=call.training) if self._calls_with_training else self.call(given)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the outputs from tensors in the structure of the inputs, along the graph."""
        return self._computed(flat(inputs), bool(training))

    def _computed(self, tensors: Sequence[Tensor], training: bool) -> Any:
        """Return the outputs, in their structure, for a tensor for each input."""
        values = dict(zip(self.inputs, tensors, strict=True))
        for layers, own, symbols, form, outputs, over in self.steps:
            given = [values[symbol] for symbol in symbols]
            for symbol in over:
                del values[symbol]
            x = given.pop() if form is None else given if form is list else packed(form, given)
            result = run(layers, x, training if own is None else own)
            if isinstance(result, Tensor):
                values[outputs[0]] = result
            else:
                values.update(zip(outputs, flat(result), strict=True))
        found = [values[symbol] for symbol in self.outputs]
        form = self._output_form
        return found[0] if form is None else found if form is list else packed(form, found)

    def _tensors(self, x: Any) -> list[Tensor]:
        """Return the inputs as tensors after checking their number and shapes."""
        if isinstance(x, Mapping):
            if not set(self.input_names) <= set(x):
                raise self.error(f"has the inputs {self.input_names}, got {list(x)}")
            x = [x[name] for name in self.input_names]
        elif len(self.inputs) == 1 and not (
            isinstance(x, list | tuple) and isinstance(next(iter(x), 0), Tensor | np.ndarray)
        ):
            x = [x]
        elif not isinstance(x, list | tuple):
            raise self.error(f"has the inputs {self.input_names}, got one {type(x).__name__}: give it a list of arrays")
        if len(x) != len(self.inputs):
            raise self.error(f"has {len(self.inputs)} inputs ({self.input_names}), got {len(x)}")
        tensors = [each if isinstance(each, Tensor) else Tensor(as_array(each, self.dtype)) for each in x]
        shapes, needed = [(None, *tensor.shape[1:]) for tensor in tensors], [symbol.shape for symbol in self.inputs]
        if not all(map(fits, shapes, needed)):
            raise self.error(f"got inputs of shapes {shapes}, needs {needed}")
        return tensors

    def _computed_at_once(self, x: Any) -> Any:
        return computed_at_once(self, x) if type(self).__call__ is Functional.__call__ else None

    def get_config(self) -> dict[str, Any]:
        """Return the layers and their calls in Keras's words."""
        from .description import describe_graph

        return describe_graph(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Functional":
        """Return the model that `get_config` described, with new weights."""
        from .description import rebuild_graph

        return rebuild_graph(config)

    def last_activation(self) -> Any:
        """Return the name of the activation that the output comes from, or None if it is not known; or a list."""
        found = [_last_activation(symbol) for symbol in self.outputs]
        return found[0] if isinstance(self.output, SymbolicTensor) else found


def made_functional(kind: type) -> None:
    """Make a subclass of `Model` whose `__init__` was given symbols one of `Functional`, as Keras does."""
    if not issubclass(kind, Functional):
        for base in kind.__bases__:
            if issubclass(base, Model) and base is not Model:
                made_functional(base)
        kind.__bases__ = tuple(Functional if base is Model else base for base in kind.__bases__)


def plan(nodes: Sequence[Node], inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> list[Step]:
    """Return the steps that compute `outputs`, with layers in one where one follows the other and nobody looks on.

    What is called twice is called in the order of `nodes`: a batch normalization's averages depend on it.
    """
    uses = Counter([*(symbol for node in nodes for symbol in node.inputs), *outputs])
    within = {node: list(node.operation.every_layer()) for node in nodes}
    calls = Counter(layer for layers in within.values() for layer in layers)
    waiting = {node for node, layers in within.items() if any(calls[layer] > 1 for layer in layers)}
    users = {symbol: node for node in nodes for symbol in node.inputs if node not in waiting}
    done: set[Node] = {symbol.node for symbol in inputs}
    steps: list[Step] = []
    for node in nodes:
        if node in done:
            continue
        chain = [node]
        while (follower := _only_user(chain[-1], uses, users)) is not None:
            chain.append(follower)
        done.update(chain)
        first, last = chain[0], chain[-1]
        layers = [each.operation for each in chain]
        steps.append(Step(layers, first.training, first.inputs, _form(first.given), last.outputs, []))
    _mark_the_last_uses(steps, outputs)
    return steps


def _only_user(node: Node, uses: Mapping[SymbolicTensor, int], users: Mapping[SymbolicTensor, Node]) -> Node | None:
    """Return the node that alone takes the node's only output, alone and in the same `training`, or None."""
    user = users.get(node.outputs[0])
    if user is None or len(node.outputs) > 1 or uses[node.outputs[0]] > 1 or not isinstance(user.given, SymbolicTensor):
        return None
    return user if user.training is node.training else None


def _mark_the_last_uses(steps: Sequence[Step], outputs: Sequence[SymbolicTensor]) -> None:
    kept = set(outputs)
    for step in reversed(steps):
        for symbol in dict.fromkeys(step.inputs):
            if symbol not in kept:
                kept.add(symbol)
                step.over.append(symbol)


def _from_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Return the ends of a model with an `Input` for each symbol that is given as one, and lies inside a graph.

    The layers between are called again on it, with the weights that they have.
    """
    inside = [symbol for symbol in flat(inputs) if not isinstance(symbol.node.operation, InputLayer)]
    if not inside:
        return inputs, outputs
    new = {symbol: InputLayer(symbol.shape[1:], dtype=symbol.dtype).output for symbol in inside}
    found = replayed(flat(outputs), new)
    return mapped(lambda symbol: new.get(symbol, symbol), with_lists(inputs)), packed(with_lists(outputs), found)


def _form(given: Any) -> Any:
    """Return None for a symbol alone, `list` for a list of symbols, and any other structure itself."""
    if isinstance(given, SymbolicTensor):
        return None
    plain = isinstance(given, list) and all(isinstance(each, SymbolicTensor) for each in given)
    return list if plain else given


def _names(end: Any) -> list[str]:
    """Return the names of inputs or outputs: those of a dict's, and else of the layers that they come from."""
    if isinstance(end, dict) and all(isinstance(each, SymbolicTensor) for each in end.values()):
        return sorted(end)
    return [symbol.node.operation.name for symbol in flat(end)]


def _last_activation(symbol: SymbolicTensor) -> str | None:
    """Return the name of the activation that a symbol comes from, if only by layers that rearrange it."""
    while True:
        operation: Any = symbol.node.operation
        if isinstance(operation, Model):
            found = operation.last_activation()
            return found[symbol.index] if isinstance(found, list) else found
        passes, activation = activation_of(operation)
        if not (passes and symbol.node.inputs):
            return activation
        symbol = symbol.node.inputs[0]
