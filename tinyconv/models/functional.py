"""Functional: a model of any graph of layers, read from the symbols between its inputs and its outputs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..layers import InputLayer
from ..layers.calling import Calling
from ..layers.graph import Node, SymbolicTensor, connect, flat, flat_shapes, is_symbolic, map_graph
from ..layers.joined import Joined, stages
from ..tensor import Tensor, as_array
from .activation import activation_of
from .model import Model, every_layer


class Step(NamedTuple):
    """One thing to compute: what to call, in `training` or as the model is if None, on which symbols (as a list or

    alone), for which, and what is then over.
    """

    stage: Any
    training: bool | None
    inputs: list[SymbolicTensor]
    several: bool
    outputs: list[SymbolicTensor]
    over: list[SymbolicTensor]


class Functional(Model):
    """The model that computes `outputs` from `inputs`, each a symbol or a list of them: `tc.Model(inputs, outputs)`.

    Layers may branch, join, be used more than once, or be models themselves. Raises ValueError when an output needs an
    input that is not given, or two layers have one name.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name)
        self.input, self.output = inputs, outputs
        self.inputs, self.outputs = flat(inputs), flat(outputs)
        for what, symbols in (("inputs", self.inputs), ("outputs", self.outputs)):
            for symbol in symbols:
                if not isinstance(symbol, SymbolicTensor):
                    raise TypeError(
                        f'model "{self.name}" is made of the symbols between its inputs and outputs, its {what} hold '
                        f"{symbol!r}: start with x = tc.Input(shape), and call the layers on it"
                    )
            if not symbols or len(set(symbols)) < len(symbols):
                raise ValueError(f'the {what} of model "{self.name}" must be one symbol or more, each once')
        for symbol in self.inputs:
            if not isinstance(symbol.node.operation, InputLayer):
                raise ValueError(
                    f'model "{self.name}" got {symbol} as an input: only what tc.Input(shape) returns can be one'
                )
        self.input_names = [symbol.node.operation.name for symbol in self.inputs]
        self.output_names = [symbol.node.operation.name for symbol in self.outputs]
        self.graph, self.layers = map_graph(self.inputs, self.outputs)
        self.steps = plan(self.graph, self.inputs, self.outputs)
        several = len(self.inputs) > 1
        self.input_shape = [symbol.shape for symbol in self.inputs] if several else self.inputs[0].shape
        several = isinstance(outputs, list | tuple)
        self.output_shape = [symbol.shape for symbol in self.outputs] if several else self.outputs[0].shape

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """The dtype of the inputs."""
        return self.inputs[0].dtype

    def settle(self, input_shape: Any) -> Any:
        """Check the shapes of the inputs, and return those of the outputs."""
        given, needed = flat_shapes(input_shape), [symbol.shape for symbol in self.inputs]
        if [shape[1:] for shape in given] != [shape[1:] for shape in needed]:
            raise ValueError(f'model "{self.name}" got inputs of shapes {given}, needs {needed}')
        return self.output_shape

    def build(self, input_shape: Any) -> None:
        """Check `input_shape`: the model was built with its graph."""
        self.settle(input_shape)

    def require_built(self) -> None:
        """Do nothing: the model is always built."""

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Compute the outputs, a tensor or a list of them, from a tensor or an array for each input.

        Several inputs come as a list in their order, or as a dict by their names. `training` switches dropout on, but
        for layers that were called with a `training` of their own on the symbols.
        """
        if is_symbolic(x):
            return connect(self, x, training)
        values = dict(zip(self.inputs, self._tensors(x), strict=True))
        with Calling(training) as training:
            for stage, own, inputs, several, outputs, over in self.steps:
                given = [values[symbol] for symbol in inputs]
                for symbol in over:
                    del values[symbol]
                result = stage(given if several else given[0], training if own is None else own)
                values.update(zip(outputs, flat(result), strict=True))
        found = [values[symbol] for symbol in self.outputs]
        return found if isinstance(self.output, list | tuple) else found[0]

    def _tensors(self, x: Any) -> list[Tensor]:
        """Return the inputs as tensors after checking their number and shapes."""
        if isinstance(x, Mapping):
            if set(x) != set(self.input_names):
                raise ValueError(f'model "{self.name}" has the inputs {self.input_names}, got {list(x)}')
            x = [x[name] for name in self.input_names]
        elif len(self.inputs) == 1 and not (isinstance(x, list | tuple) and isinstance(x[0], Tensor | np.ndarray)):
            x = [x]
        if len(x) != len(self.inputs):
            raise ValueError(f'model "{self.name}" has {len(self.inputs)} inputs ({self.input_names}), got {len(x)}')
        tensors = [each if isinstance(each, Tensor) else Tensor(as_array(each, self.dtype)) for each in x]
        self.settle([(None, *tensor.shape[1:]) for tensor in tensors])
        return tensors

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
        return found if isinstance(self.output, list | tuple) else found[0]


def plan(nodes: Sequence[Node], inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> list[Step]:
    """Return the steps that compute `outputs`, with layers joined where one follows the other and nobody looks on.

    What is called twice is called in the order of `nodes`: a batch normalization's averages depend on it.
    """
    uses = Counter([*(symbol for node in nodes for symbol in node.inputs), *outputs])
    calls = Counter(layer for node in nodes for layer in every_layer(node.operation))
    waiting = {node for node in nodes if any(calls[layer] > 1 for layer in every_layer(node.operation))}
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
        for stage in stages([each.operation for each in chain]):  # type: ignore[misc]
            first, last = chain[0], chain[len(stage.layers) - 1 if isinstance(stage, Joined) else 0]
            chain = chain[chain.index(last) + 1 :]
            steps.append(Step(stage, first.training, first.inputs, isinstance(first.given, list), last.outputs, []))
    _mark_the_last_uses(steps, outputs)
    return steps


def _only_user(node: Node, uses: Mapping[SymbolicTensor, int], users: Mapping[SymbolicTensor, Node]) -> Node | None:
    """Return the node that alone takes the node's only output, alone and in the same `training`, or None."""
    user = users.get(node.outputs[0])
    if user is None or len(node.outputs) > 1 or uses[node.outputs[0]] > 1 or isinstance(user.given, list):
        return None
    return user if user.training is node.training else None


def _mark_the_last_uses(steps: Sequence[Step], outputs: Sequence[SymbolicTensor]) -> None:
    kept = set(outputs)
    for step in reversed(steps):
        for symbol in dict.fromkeys(step.inputs):
            if symbol not in kept:
                kept.add(symbol)
                step.over.append(symbol)


def _last_activation(symbol: SymbolicTensor) -> str | None:
    operation: Any = symbol.node.operation
    if isinstance(operation, Model):
        found = operation.last_activation()
        return found[symbol.index] if isinstance(found, list) else found
    passes, activation = activation_of(operation)
    return _last_activation(symbol.node.inputs[0]) if passes and symbol.node.inputs else activation
