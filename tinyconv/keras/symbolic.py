"""`K.function`, `K.gradients`, `K.placeholder`: what scripts of Keras 1 and 2 do with the symbols of a model.

A gradient is a node of the graph like any other: its inputs are the loss and what it is differentiated by, its outputs
symbols that a script may compute with. Where one is asked for, all that is computed on the way is recorded.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from .. import autograd
from ..config import floatx
from ..layers import InputLayer
from ..layers.graph import Node, SymbolicTensor
from ..layers.layer import Layer
from ..tensor import Tensor, as_array, as_tensor


class LearningPhase(int):
    """Whether layers train (1) or not (0): a number, and an input of `K.function`."""


class Gradients(Layer):
    """The gradients of Σ loss with respect to symbols, or to weights and variables."""

    def __init__(self, loss: SymbolicTensor, sources: Sequence[Any]) -> None:
        super().__init__(dtype=loss.dtype)
        vars(self)["sources"] = [None if isinstance(each, SymbolicTensor) else each for each in sources]
        symbols = [each for each in sources if isinstance(each, SymbolicTensor)]
        self.found = Node(self, [loss, *symbols], [tuple(each.shape) for each in sources]).outputs

    def prepare(self, input_shape: Any) -> Any:
        """Return the shapes of what it is differentiated by."""
        return [symbol.shape for symbol in self.found]

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the gradients: 0 with respect to what the loss does not depend on."""
        loss, *given = inputs
        places = iter(given)
        sources = [next(places) if each is None else each for each in vars(self)["sources"]]
        arrays = autograd.gradients([loss], sources)
        return [Tensor(np.zeros_like(x.data) if dx is None else dx) for x, dx in zip(sources, arrays, strict=True)]


def gradients(loss: Any, variables: Any) -> list[Any]:
    """Return the gradient of Σ loss with respect to each variable: symbols; None if the loss does not depend on it."""
    wanted = list(variables) if isinstance(variables, list | tuple) else [variables]
    if isinstance(loss, list | tuple):
        total = loss[0].sum()
        for each in loss[1:]:
            total = total + each.sum()
        loss = total
    if not isinstance(loss, SymbolicTensor):
        arrays = autograd.gradients([as_tensor(loss)], wanted)
        return [None if dx is None else Tensor(dx) for dx in arrays]
    below = _below([loss])
    known = [not isinstance(each, SymbolicTensor) or each in below for each in wanted]
    made = iter(Gradients(loss, [each for each, is_below in zip(wanted, known, strict=True) if is_below]).found)
    return [next(made) if is_below else None for is_below in known]


def _below(symbols: Sequence[SymbolicTensor]) -> set[SymbolicTensor]:
    """Return the symbols that others are computed from, these included."""
    found: set[SymbolicTensor] = set()
    waiting = list(symbols)
    while waiting:
        symbol = waiting.pop()
        if symbol not in found:
            found.add(symbol)
            waiting.extend(symbol.node.inputs)
    return found


def placeholder(
    shape: Any = None, ndim: int | None = None, dtype: Any = None, sparse: bool = False, name: str | None = None
) -> SymbolicTensor:
    """Return a symbol whose values `K.function` is given."""
    lengths = tuple(shape) if shape is not None else (None,) * (ndim or 0)
    symbol = InputLayer(lengths[1:], name=name, dtype=dtype or floatx()).output
    symbol.shape = lengths
    return symbol


class Computation:
    """The way from some symbols to others, found once, and gone for each call."""

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.nodes: list[Node] = []
        fed, seen = {each for each in inputs if isinstance(each, SymbolicTensor)}, set()
        stack = [(each, False) for each in reversed(outputs) if isinstance(each, SymbolicTensor)]
        while stack:
            symbol, inputs_done = stack.pop()
            if inputs_done:
                self.nodes.append(symbol.node)
            elif symbol not in fed and symbol.node not in seen:
                seen.add(symbol.node)
                if not symbol.node.inputs:
                    raise ValueError(
                        f'K.function needs a value for "{symbol.node.operation.name}": give it as an input'
                    )
                stack.append((symbol, True))
                stack.extend((each, False) for each in reversed(symbol.node.inputs))
        self.records = any(isinstance(node.operation, Gradients) for node in self.nodes)

    def __call__(self, given: Sequence[Any]) -> list[Any]:
        """Return the values of the outputs for values of the inputs."""
        if len(given) != len(self.inputs):
            raise ValueError(f"K.function needs {len(self.inputs)} values, one for each input, got {len(given)}")
        values: dict[SymbolicTensor, Any] = {}
        training = bool(phase())
        for symbol, value in zip(self.inputs, given, strict=True):
            if isinstance(symbol, LearningPhase):
                training = bool(value)
            elif isinstance(symbol, SymbolicTensor):
                values[symbol] = Tensor(as_array(value, symbol.dtype), requires_grad=self.records)
            else:
                symbol.assign(value)
        with nullcontext() if self.records else autograd.no_grad():
            for node in self.nodes:
                x = [values[symbol] for symbol in node.inputs]
                told = training if node.training is None else node.training
                result = node.operation(x if isinstance(node.given, list) else x[0], training=told)
                several = result if isinstance(result, list) else [result]
                values.update(zip(node.outputs, several, strict=True))
        return [values[each] if isinstance(each, SymbolicTensor) else each for each in self.outputs]


class Function:
    """`K.function(inputs, outputs, updates)`: called with a list of values, it returns the outputs as arrays."""

    def __init__(self, inputs: Any, outputs: Any, updates: Any = None, name: str | None = None, **_: Any) -> None:
        self.several = isinstance(outputs, list | tuple)
        self.changed = [pair for pair in updates or [] if isinstance(pair, tuple)]
        wanted = list(outputs) if self.several else [outputs]
        self.count = len(wanted)
        wanted += [value for _, value in self.changed]
        self.compute = Computation(list(inputs) if isinstance(inputs, list | tuple) else [inputs], wanted)

    def __call__(self, inputs: Any) -> Any:
        """Return the values of the outputs, after which the updates are made."""
        found = self.compute(inputs if isinstance(inputs, list | tuple) else [inputs])
        for (variable, _), value in zip(self.changed, found[self.count :], strict=True):
            variable.assign(value)
        arrays = [np.array(each) for each in found[: self.count]]
        return arrays if self.several else arrays[0]


_phase = [0]


def phase() -> int:
    """Return the phase that holds where `K.function` is not given one."""
    return _phase[0]


def set_learning_phase(value: Any) -> None:
    """Have layers train (1) or not (0) in what `K.function` computes."""
    _phase[0] = int(value)


def learning_phase() -> LearningPhase:
    """Return whether layers train: an input of `K.function`; inside a layer's call, that of the call."""
    open_calls = autograd.calls()
    training = open_calls[-1].training if open_calls else None
    return LearningPhase(phase() if training is None else training)


def evaluate(x: Any) -> np.ndarray:
    """Return the values of a variable, a tensor, or a symbol that needs no input."""
    return np.array(Computation([], [x])([])[0])
