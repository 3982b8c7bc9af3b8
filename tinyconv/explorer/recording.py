"""A recording of one training step: every operation with its inputs, its output, and all gradients that passed it.

The step is the model's own: forward with `training=True`, the loss that `compile` was given, the backward walk, watched
by its observer (see `autograd.backward`), and the optimizer's update. Layers run one by one, see `tinyconv.fusion`.
Afterwards the model is as it was: its weights, its moving averages, its random draws and its optimizer.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import users_last
from ..config import fusion
from ..data import Batch
from ..layers.parameter import Parameter
from ..offered import nearest
from ..randomness import repeat_draws
from ..structure import flat, mapped
from ..tensor import Function, Tensor, as_array
from .standing import Standing

INPUT, PARAMETER, CONSTANT, RESULT = "input", "parameter", "constant", "result"


@dataclass(eq=False)
class Value:
    """An array of the graph, and the gradient of the loss with respect to it, of the same shape.

    `gradient` is None where there is no gradient, which is not the same as a gradient of 0: nothing that the loss was
    computed from depends on it, or it is a constant.
    """

    number: int  # its place in `Recording.values`
    name: str  # "conv2d/kernel", "conv2d: Relu", "input", "loss"
    role: str  # INPUT, PARAMETER, CONSTANT or RESULT
    array: np.ndarray
    layer: str = ""  # the name of the layer that computed or owns it
    gradient: np.ndarray | None = None


@dataclass(eq=False)
class Operation:
    """One application of a function: the numbers of its inputs and its output, and the gradients that it passed on.

    `function` still has what its backward pass needs. `passed` has for each input what this operation contributes to
    its gradient: all of it, unless another operation used the input too; None where none was needed.
    """

    number: int  # its place in `Recording.operations`, in the order of the forward pass
    name: str  # unique: "conv2d: Conv2D", "loss: Mean"
    function: Function
    inputs: tuple[int, ...]
    output: int
    layer: str = ""
    passed: tuple[np.ndarray | None, ...] = ()
    needs: tuple[bool, ...] = ()  # for each input, whether its gradient was asked for


@dataclass(eq=False)
class Update:
    """What the optimizer did to one parameter: w before and after, and each of its slots before and after.

    `gradient` is what it got, that of the value unless the optimizer clips.
    """

    value: int  # the number of the parameter's value
    before: np.ndarray
    after: np.ndarray
    gradient: np.ndarray
    slots_before: dict[str, np.ndarray]
    slots_after: dict[str, np.ndarray]


@dataclass(eq=False)
class Recording:
    """One training step, as `record` saw it. `loss` is the number of the loss's value."""

    model: Any
    batch: Batch
    values: list[Value]
    operations: list[Operation]
    loss: int
    iteration: int  # how many updates the optimizer had made before
    learning_rate: float
    updates: list[Update] = field(default_factory=list)

    def users(self, number: int) -> list[tuple[Operation, int]]:
        """Return the operations that take a value, each with the place among its inputs."""
        return [(each, place) for each in self.operations for place, given in enumerate(each.inputs) if given == number]

    def maker(self, number: int) -> Operation | None:
        """Return the operation that computed a value, None for an input, a parameter or a constant."""
        return next((each for each in self.operations if each.output == number), None)

    def find(self, name: str) -> Value:
        """Return the value of a name, or of a layer's name its last result; "input" is the first input.

        Raises ValueError, naming the nearest, if there is none.
        """
        for value in self.values:
            if value.name == name or (name == "input" and value.role == INPUT):
                return value
        of_layer = [value for value in self.values if value.layer == name and value.role == RESULT]
        if of_layer:
            return of_layer[-1]
        names = [value.name for value in self.values if value.role != CONSTANT]
        near = nearest(name, names)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(names)}"
        raise ValueError(f"nothing is called {name!r} in this recording: {hint}")


def record(model: Any, x: Any, y: Any, sample_weight: Any = None) -> Recording:
    """Make one training step of a compiled model on samples x and targets y, and return the recording of it.

    The model is left as it was. Raises ValueError if it is not compiled, makes steps of its own, lies on a GPU, or x or
    y do not fit it.
    """
    optimizer = model._require_compiled()
    if model.device != "cpu":
        raise ValueError(f"{model.name} is on the GPU, and is recorded on the CPU: model.to('cpu')")
    if set(model.own_steps) - {"predict_step"}:
        raise ValueError(f"{model.name} makes steps of its own ({', '.join(sorted(model.own_steps))}): not recorded")
    batch = model.checked(Batch(x, y, sample_weight))
    batch = batch._replace(x=mapped(lambda part: Tensor(np.array(as_array(part, model.dtype)), True), batch.x))
    with Standing(model):
        with repeat_draws(), fusion(False):
            outputs, total = model.outputs_and_loss(batch, training=True)
        recorder = _Recorder(model, batch, outputs, total)
        weights = model.trainable_weights
        if total.requires_grad:
            total.backward(observe=recorder.observe)
        recorder.take_gradients()
        recorder.update(optimizer, [weight for weight in weights if weight.grad is not None])
    return recorder.recording


class _Recorder:
    """Fills a recording: the graph before the walk, the gradients in it, the update after it."""

    def __init__(self, model: Any, batch: Batch, outputs: Sequence[Tensor], total: Tensor) -> None:
        self.tensors = users_last([tensor for tensor in (total, *outputs) if tensor.requires_grad])
        self.values: dict[int, Value] = {}  # by the tensors' ids
        self.operations: dict[int, Operation] = {}  # by the functions' ids
        optimizer = model.optimizer
        self.recording = Recording(model, batch, [], [], 0, optimizer.iterations, float(optimizer.learning_rate))
        inputs = dict(zip(map(id, flat(batch.x)), model.input_names, strict=False))
        taken: set[str] = set()
        for tensor in self.tensors:
            function = tensor.creator
            if function is None:
                self._value(tensor, *_leaf_names(tensor, inputs), taken)
                continue
            for each in function.inputs:
                self._value(each, *_leaf_names(each, inputs), taken)  # a constant is no part of the walk
            layer = "/".join(call.layer.name for call in function.calls[1:])
            name = _unique(f"{layer or 'loss'}: {type(function).__name__}", taken)
            result = self._value(tensor, name if tensor is not total else "loss", RESULT, layer, taken)
            numbers = tuple(self.values[id(each)].number for each in function.inputs)
            passed = (None,) * len(numbers)
            operation = Operation(
                len(self.operations), name, copy(function), numbers, result.number, layer, passed, function.needs
            )
            self.operations[id(function)] = operation
        self.recording.operations = list(self.operations.values())
        self.recording.loss = self.values[id(total)].number

    def _value(self, tensor: Tensor, name: str, role: str, layer: str, taken: set[str]) -> Value:
        """Return the value of a tensor, made when it is first met."""
        if id(tensor) not in self.values:
            array = tensor.data.copy() if role == PARAMETER else tensor.data  # a parameter will be changed in place
            name = name if role == RESULT else _unique(name, taken)
            value = Value(len(self.values), name, role, array, layer)
            self.values[id(tensor)] = value
            self.recording.values.append(value)
        return self.values[id(tensor)]

    def observe(self, function: Function, inputs: tuple[Tensor, ...], dy: Any, passed: tuple[Any, ...]) -> None:
        """Keep what the walk shows of one function."""
        operation = self.operations[id(function)]
        operation.passed = passed
        self.recording.values[operation.output].gradient = dy

    def take_gradients(self) -> None:
        """Keep the gradients that arrived at the leaves."""
        for tensor in self.tensors:
            if tensor.creator is None and tensor.grad is not None:
                self.values[id(tensor)].gradient = tensor.grad

    def update(self, optimizer: Any, weights: Sequence[Parameter]) -> None:
        """Make the optimizer's step, and keep what it changes."""
        if not weights:
            return
        optimizer.build(self.recording.model.trainable_weights)
        gradients = [weight.grad for weight in weights]
        before = [_slots_of(optimizer, weight) for weight in weights]
        clipped = optimizer.clipped(gradients)
        optimizer.apply(gradients, weights)
        for weight, dw, slots in zip(weights, clipped, before, strict=True):
            value = self.values[id(weight)]
            after = _slots_of(optimizer, weight)
            self.recording.updates.append(Update(value.number, value.array, weight.data.copy(), dw, slots, after))


def _leaf_names(tensor: Tensor, inputs: dict[int, str]) -> tuple[str, str, str]:
    """Return the name, the role and the layer's name of a tensor that was not computed by an operation."""
    if id(tensor) in inputs:
        return inputs[id(tensor)], INPUT, ""
    if isinstance(tensor, Parameter):
        return tensor.path, PARAMETER, tensor.path.rpartition("/")[0]
    return "constant", CONSTANT, ""


def _unique(name: str, taken: set[str]) -> str:
    """Return a name, or with "_1", "_2" … behind it the first that is not taken yet, which then is."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found


def _slots_of(optimizer: Any, weight: Parameter) -> dict[str, np.ndarray]:
    """Return copies of what the optimizer keeps for a weight, by name."""
    return {name: np.array(array) for name, array in optimizer.slots_of(weight).items()}
