"""Execution plans: a model's forward pass for inputs of one shape as a list of operations, without the layers.

Outside training, and where no gradient will be asked for, a model computes the same operations for every input of a
shape. The first call notes them while the layers run; later calls go through the list: no layer checks shapes, no graph
is looked up, no tensor is made in between. On a single small image that is half of the time. The operations are the
same, with the same arguments, so that the bits are, too.

Nothing that depends on weights is kept: each run reads the arrays that the weights have then. From its second run on a
plan launches the kernels directly, where it is small enough: see `kernels/cpu/launches.py`. What a plan rests on
besides, the layers and their settings, counts its changes (`layers.tracking`), and a plan of an earlier count is made
anew. Only models made of tinyconv's own layers have plans: a function or a layer of the user's may decide by the
numbers that it sees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from .. import kernels
from ..autograd import calls, recording, traced_by, tracer
from ..config import fusing
from ..layers import Layer
from ..layers.parameter import Parameter
from ..layers.tracking import changes
from ..structure import flat, mapped, packed, with_lists
from ..tensor import FLOATS, Function, Tensor, as_array

OWN = __package__.partition(".")[0] + "."  # the modules whose layers and functions are known
NOT_CALLED = ("_initializer", "_regularizer", "_constraint")  # attributes that a forward pass does not look at
MAX_PLANS = 16  # of one model; the oldest goes first
MAX_RECORDINGS = 8  # of one plan: weights whose arrays are always others would have each launch noted each time


@dataclass(frozen=True)
class Operation:
    """One step of a plan: an application of a function, with its settings, to values by number.

    `over` are the values that no later operation needs. `layer` is the layer that applied it.
    """

    function: type[Function]
    settings: Mapping[str, Any]
    inputs: tuple[int, ...]
    output: int
    over: tuple[int, ...]
    layer: str

    def applied(self) -> Function:
        """Return the function as it is before it is applied."""
        function = object.__new__(self.function)
        vars(function).update(self.settings)
        return function


Watch = Callable[[Operation, Function, Sequence[Any], Any], None]


class ExecutionPlan:
    """The operations that compute a model's outputs from inputs of certain shapes: `run(arrays)`.

    Values are numbered: the inputs, and weights, constants and results as they come. `tinyconv.profile` shows a plan.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        weights: Mapping[int, Parameter],
        constants: Mapping[int, Any],
        outputs: Sequence[tuple[int, int | None]],
        form: Any,
        count: int,
    ) -> None:
        self.operations, self.constants, self.outputs, self.form = list(operations), constants, list(outputs), form
        self.weights = [(number, weight, weight.data.dtype, weight.shape) for number, weight in weights.items()]
        self.count = count
        self.changes = changes()
        self.arrays: list[Any] = []  # of the weights, as `fits` saw them last, if they fit
        self.launches: Any = None
        self.recordings = 0

    def fits(self) -> bool:
        """Return whether layers and weights are what they were when the plan was made."""
        if self.changes != changes():
            return False
        arrays = [weight.data for _, weight, _, _ in self.weights]
        if len(arrays) == len(self.arrays) and all(map(is_, arrays, self.arrays)):
            return True
        same = all(
            type(array) is np.ndarray and array.dtype == dtype and array.shape == shape
            for array, (_, _, dtype, shape) in zip(arrays, self.weights, strict=True)
        )
        self.arrays = arrays if same else []
        return same

    def run(self, arrays: Sequence[Any], watch: Watch | None = None) -> Any:
        """Return the outputs, tensors in the structure that the model gives them, for an array for each input.

        It must have been seen that the plan fits. `watch(operation, function, given, result)` is called after each
        operation.
        """
        outputs = self.launched(arrays, watch)
        if outputs is None:

            def compute(operation: Operation, given: Sequence[Any]) -> Any:
                function = operation.applied()
                result = as_array(function.forward(*given))
                if watch is not None:
                    watch(operation, function, given, result)
                return result

            outputs = self._computed(arrays, compute)
        found = []
        for i in range(0, len(outputs), 2):
            output = Tensor(outputs[i])
            if outputs[i + 1] is not None:
                output.logits = Tensor(outputs[i + 1])
            found.append(output)
        return found[0] if self.form is None else packed(self.form, found)

    def _computed(self, arrays: Sequence[Any], compute: Callable[[Operation, Sequence[Any]], Any]) -> list[Any]:
        """Return each output and its logits, None where it has none, from `compute(operation, given)`, its result."""
        values: list[Any] = [None] * self.count
        values[: len(arrays)] = arrays
        for number, weight, _, _ in self.weights:
            values[number] = weight.data
        for number, constant in self.constants.items():
            values[number] = constant
        for operation in self.operations:
            values[operation.output] = compute(operation, [values[number] for number in operation.inputs])
            for number in operation.over:
                values[number] = None
        return [None if number is None else values[number] for pair in self.outputs for number in pair]

    def launched(self, arrays: Sequence[Any], watch: Watch | None = None) -> list[Any] | None:
        """Return each output and its logits by launches that are recorded once, None where there are none."""
        weights = self.arrays
        if self.launches is not None and self.launches.fits(weights):
            launched: list[Any] | None = self.launches.run(arrays, watch and self._telling(watch))
            return launched
        if self.recordings < MAX_RECORDINGS:
            self.recordings += 1
            self.launches = None
            with kernels.recording(weights) as noting:
                if noting is not None:
                    return self._recorded(noting, arrays)
        return None

    def _telling(self, watch: Watch) -> Callable[[int, Sequence[Any], Any], None]:
        def tell(number: int, given: Sequence[Any], result: Any) -> None:
            operation = self.operations[number]
            watch(operation, operation.applied(), given, result)

        return tell

    def _recorded(self, noting: Any, arrays: Sequence[Any]) -> list[Any] | None:
        """Return what `_computed` does, and keep what it launches, unless that takes too much memory."""

        def compute(operation: Operation, given: Sequence[Any]) -> Any:
            result = noting.apply(operation.applied, given, operation.function.by_kernels)
            if result.dtype not in FLOATS:  # which a tensor would convert
                raise kernels.RecordingError
            return result

        try:
            outputs = self._computed([noting.copied(array) for array in arrays], compute)
        except kernels.RecordingError:
            self.recordings = MAX_RECORDINGS
            return None
        self.launches = noting.launches(outputs)
        return [output if output is None else output.copy() for output in outputs]


class _Recorder:
    """Notes the operations of one pass; `known` says of a tensor, by its id, which value it is."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self.known: dict[int, int] = {}
        self.noted: list[ref[Tensor]] = []
        for tensor in inputs:
            self._add(tensor)
        self.weights: dict[int, Parameter] = {}
        self.constants: dict[int, Any] = {}
        self.applied: list[dict[str, Any]] = []
        self.possible = True

    def __call__(self, function: Function, inputs: tuple[Tensor, ...], apply: Callable[[], Tensor]) -> Tensor:
        """Apply the function, and note it."""
        settings = dict(vars(function))
        numbers = tuple(map(self._number, inputs))
        for value in settings.values():
            if isinstance(value, Parameter):
                self._number(value)  # read where it is, as weights among the inputs are
        result = apply()
        own = type(function).__module__.startswith(OWN)
        held = any(map(_may_come_from_weights, settings.values()))
        trains = any(call.training for call in calls())  # draws, or moves averages
        self.possible = self.possible and own and not held and not trains
        self.applied.append(
            {
                "function": type(function),
                "settings": settings,
                "inputs": numbers,
                "output": self._add(result),
                "layer": calls()[-1].layer.name if calls() else "",
            }
        )
        return result

    def _add(self, tensor: Tensor) -> int:
        """Return a new number for a tensor. Its id is known as long as it is there: then another may have it."""
        self.known[id(tensor)] = number = len(self.noted)
        self.noted.append(ref(tensor, partial(self.known.pop, id(tensor))))
        return number

    def _number(self, tensor: Tensor) -> int:
        """Return the number of a tensor: of a weight or a number of Python a new one; others may be of weights."""
        number = self.known.get(id(tensor))
        if number is not None:
            return number
        number = self._add(tensor)
        if isinstance(tensor, Parameter):
            self.weights[number] = tensor
        elif tensor.is_number:
            self.constants[number] = tensor.data
        else:
            self.possible = False
        return number

    def plan(self, result: Any) -> ExecutionPlan | None:
        """Return the plan of the pass that gave `result`, None where there cannot be one."""
        outputs = flat(result)
        for output in outputs:
            logits = getattr(output, "logits", None)
            known = id(output) in self.known and (logits is None or id(logits) in self.known)
            self.possible = self.possible and type(output) is Tensor and known
        if not self.possible:
            return None
        numbers = [
            (self.known[id(output)], None if output.logits is None else self.known[id(output.logits)])
            for output in outputs
        ]
        kept = {number for pair in numbers for number in pair}
        operations: list[Operation] = []
        for applied in reversed(self.applied):
            last = tuple(dict.fromkeys(number for number in applied["inputs"] if number not in kept))
            kept.update(last)
            operations.append(Operation(**applied, over=last))
        form = None if isinstance(result, Tensor) else mapped(lambda _: None, with_lists(result))
        return ExecutionPlan(operations[::-1], self.weights, self.constants, numbers, form, len(self.noted))


def _may_come_from_weights(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (isinstance(value, Tensor) and not isinstance(value, Parameter))


_plans: "WeakKeyDictionary[Any, dict[Any, ExecutionPlan]]" = WeakKeyDictionary()
_without_plans: "WeakKeyDictionary[Any, int]" = WeakKeyDictionary()  # the count of changes at which none could be made


def computed(model: Any, inputs: Sequence[Tensor], training: bool, compute: Callable[[], Any]) -> Any:
    """Return `compute()`, the outputs of a model for these inputs; by a plan where there is one."""
    if training or recording() or len(calls()) > 1 or tracer() is not None:
        return compute()
    arrays = [tensor.data for tensor in inputs]
    if any(type(array) is not np.ndarray for array in arrays) or _without_plans.get(model) == changes():
        return compute()
    plan = plan_of(model, arrays)
    if plan is not None:
        return plan.run(arrays)
    return _prepared(model, inputs, compute)


def computed_at_once(model: Any, x: Any) -> Any:
    """Return the arrays of a model's outputs for an array like one that came before, None where more is to be done.

    It is what `computed` returns without gradients, by recorded launches, of numbers that are all finite.
    """
    if type(x) is not np.ndarray or model.distributed is not None or calls() or tracer() is not None:
        return None
    plan = plan_of(model, [x])
    if plan is None or plan.launches is None or not np.isfinite(x).all():
        return None
    outputs = plan.launched([x])
    if outputs is None or plan.form is None:
        return None if outputs is None else outputs[0]
    return packed(plan.form, outputs[::2])


def plan_of(model: Any, arrays: Sequence[np.ndarray]) -> ExecutionPlan | None:
    """Return the plan that there is for inputs like these."""
    plan = _plans.get(model, {}).get(_key(arrays))
    return plan if plan is not None and plan.fits() else None


def _key(arrays: Sequence[np.ndarray]) -> Any:
    return tuple([(array.shape, array.dtype) for array in arrays]), fusing(), kernels.host()


def _prepared(model: Any, inputs: Sequence[Tensor], compute: Callable[[], Any]) -> Any:
    """Return `compute()`, and keep the plan of it, if there can be one."""
    recorder = _Recorder(inputs)
    with traced_by(recorder):
        result = compute()
    made = recorder.plan(result) if all(map(_is_own, model.every_layer())) else None
    if made is None:
        _without_plans[model] = changes()
    else:
        plans = _plans.setdefault(model, {})
        key = _key([tensor.data for tensor in inputs])
        plans.pop(key, None)  # so that the oldest stands first
        plans[key] = made
        if len(plans) > MAX_PLANS:
            del plans[next(iter(plans))]
    return result


def _is_own(layer: Layer) -> bool:
    """Return whether a layer, and all that it calls, is tinyconv's own, and nobody is told what it computes."""
    called = [value for name, value in vars(layer).items() if callable(value) and not name.endswith(NOT_CALLED)]
    modules = [type(layer).__module__, *(getattr(value, "__module__", None) or "" for value in called)]
    return all(module.startswith(OWN) for module in modules) and layer.activity_regularizer is None
