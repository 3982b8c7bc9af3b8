"""Calls of functions in the configuration of models: in Keras 3's words where Keras has the operation.

Keras describes an operation by its class and settings, and of its call what was given besides: tensors, numbers, parts
of an index (keras/src/models/functional.py, `serialize_node`, and saving/serialization_lib.py). A function that Keras
has not is named by its place in tinyconv; one of the user's own by the name that it is registered under.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .. import functions as F
from .. import registry
from ..layers.graph import Node, SymbolicTensor
from ..layers.operation import Operation, Place
from ..tensor import Tensor

KERAS, OWN = "keras.src.ops", "tinyconv.operations"
TUPLE = "__tuple__"  # which Keras writes as a list


class Described(NamedTuple):
    """How Keras describes a function: module, class, the arguments that the call has, and {setting: argument}."""

    module: str
    class_name: str
    given: tuple[str, ...] = ("x",)
    settings: Mapping[str, str] = {}


_REDUCED = {"axis": "axis", "keepdims": "keepdims"}
_PAIR = ("a", "b")
TABLE: dict[str, Described] = {
    "add": Described("numpy", "Add", _PAIR),
    "subtract": Described("numpy", "Subtract", _PAIR),
    "multiply": Described("numpy", "Multiply", _PAIR),
    "divide": Described("numpy", "TrueDivide", _PAIR),
    "power": Described("numpy", "Power", _PAIR),
    "maximum": Described("numpy", "Maximum", _PAIR),
    "minimum": Described("numpy", "Minimum", _PAIR),
    "matmul": Described("numpy", "Matmul", _PAIR),
    "negative": Described("numpy", "Negative"),
    "absolute": Described("numpy", "Absolute"),
    "exp": Described("numpy", "Exp"),
    "log": Described("numpy", "Log"),
    "sqrt": Described("numpy", "Sqrt"),
    "tanh": Described("numpy", "Tanh"),
    "getitem": Described("numpy", "GetItem", ("x", "index")),
    "mean": Described("numpy", "Mean", settings=_REDUCED),
    "sum": Described("numpy", "Sum", settings=_REDUCED),
    "var": Described("numpy", "Var", settings=_REDUCED),
    "max": Described("numpy", "Max", settings=_REDUCED),
    "min": Described("numpy", "Min", settings=_REDUCED),
    "reshape": Described("numpy", "Reshape", settings={"newshape": "shape"}),
    "transpose": Described("numpy", "Transpose", settings={"axes": "axes"}),
    "concatenate": Described("numpy", "Concatenate", ("tensors",), {"axis": "axis"}),
    "stack": Described("numpy", "Stack", ("tensors",), {"axis": "axis"}),
    "clip": Described("numpy", "Clip", settings={"x_min": "low", "x_max": "high"}),
    "relu": Described("nn", "Relu"),
    "relu6": Described("nn", "Relu6"),
    "sigmoid": Described("nn", "Sigmoid"),
    "softmax": Described("nn", "Softmax", settings={"axis": "axis"}),
    "silu": Described("nn", "Silu"),
    "softplus": Described("nn", "Softplus"),
    "elu": Described("nn", "Elu", settings={"alpha": "alpha"}),
    "leaky_relu": Described("nn", "LeakyRelu", settings={"negative_slope": "negative_slope"}),
}
OTHER_NAMES = {"Divide": "divide", "Abs": "absolute"}


def describe_operation(operation: Operation) -> dict[str, Any]:
    """Return the class and the settings of an operation. Raises ValueError for a function that has no lasting name."""
    known = _in_keras(operation)
    if known is None:
        config = {"name": operation.name, "function": _place_of(operation)}
        return {"module": OWN, "class_name": "Operation", "config": config, "registered_name": None}
    described, bound = known
    settings = {setting: _plain(bound[argument]) for setting, argument in described.settings.items()}
    return {
        "module": f"{KERAS}.{described.module}",
        "class_name": described.class_name,
        "config": {"name": operation.name, **settings},
        "registered_name": described.class_name,
    }


def describe_call(node: Node, tensor: Callable[[SymbolicTensor], Any]) -> dict[str, Any]:
    """Return what a call of an operation was given, symbols as `tensor` describes them."""
    operation: Any = node.operation
    known = _in_keras(operation)
    given, named = vars(operation)["arguments"]
    if known is not None:
        described, bound = known
        given, named = [bound[argument] for argument in described.given], {}

    def constant(value: Any) -> Any:
        if isinstance(value, Place):
            return tensor(node.inputs[value.index])
        if isinstance(value, tuple) and known is None:
            return {"class_name": TUPLE, "config": [constant(each) for each in value]}
        if isinstance(value, list | tuple):
            return [constant(each) for each in value]
        if isinstance(value, dict):
            return {name: constant(each) for name, each in value.items()}
        return _described(value, operation)

    return {"args": constant(list(given)), "kwargs": constant(dict(named))}


def is_operation(description: Mapping[str, Any]) -> bool:
    """Return whether a description is that of an operation, and not of a layer."""
    return str(description.get("module")).startswith((KERAS, OWN))


def takes_several(description: Mapping[str, Any]) -> bool:
    """Return whether a described layer is called on several arguments."""
    calls = [call for call in description.get("inbound_nodes") or [] if isinstance(call, Mapping)]
    return any(len(call["args"]) != 1 or any(tensors_in(call["kwargs"])) for call in calls)


def rebuild_operation(description: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a function that makes the described operation when it is called, as the call was, on symbols.

    Raises ValueError for an operation that tinyconv has not.
    """
    class_name, config = str(description["class_name"]), dict(description["config"])
    name = config.pop("name", None)
    settings: dict[str, Any] = {}
    if description["module"] == OWN:
        function = _function_at(str(config["function"]))
    else:
        found = next((known for known, each in TABLE.items() if each.class_name == class_name), None)
        found = found or OTHER_NAMES.get(class_name)
        if found is None:
            raise ValueError(f"the operation {class_name} is not known: known are {', '.join(sorted(TABLE))}")
        function = getattr(F, found)
        names = TABLE[found].settings
        for setting, value in config.items():
            if setting in names:
                settings[names[setting]] = tuple(value) if isinstance(value, list) else value
            elif value not in (None, False):
                raise ValueError(f"the operation {class_name} has {setting}={value!r}, which is not offered")
    made: list[Operation] = []

    def call(*given: Any, **named: Any) -> Any:
        if made:
            raise ValueError(f'the operation "{name}" is called twice: give each call a name of its own')
        named = {**named, **settings}
        if function is F.getitem and isinstance(given[1], list):  # a tuple, which JSON has not
            given = (given[0], tuple(given[1]))
        if function is F.reshape:
            given = (*given, named.pop("shape"))
        made.append(Operation(function, given, named))
        made[0].name = name or made[0].name
        return made[0].result

    return call


def tensors_in(given: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the descriptions of tensors in what a call was given."""
    if isinstance(given, Mapping) and given.get("class_name") == "__keras_tensor__":
        yield given
    elif isinstance(given, Mapping):
        for each in given.values():
            yield from tensors_in(each)
    elif isinstance(given, list):
        for each in given:
            yield from tensors_in(each)


def constants(given: Any, tensor: Callable[[Any], Any]) -> Any:
    """Return what a call was given: of each tensor's description what `tensor` makes of it."""
    if isinstance(given, list):
        return [constants(each, tensor) for each in given]
    if not isinstance(given, Mapping):
        return given
    kind, config = given.get("class_name"), given.get("config")
    if kind == "__keras_tensor__":
        return tensor(given)
    if kind == "__ellipsis__":
        return Ellipsis
    if kind == TUPLE:
        return tuple(constants(config, tensor))
    if kind == "__slice__" and isinstance(config, Mapping):
        return slice(*(constants(config.get(end), tensor) for end in ("start", "stop", "step")))
    if kind in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
        array = np.asarray(config["value"], str(config["dtype"]))
        return Tensor(array) if kind == "__tensor__" else array
    return {name: constants(each, tensor) for name, each in given.items()}


def _in_keras(operation: Operation) -> tuple[Described, dict[str, Any]] | None:
    """Return how Keras describes an operation, and its arguments by name; None where Keras cannot say them."""
    described = TABLE.get(operation.function.__name__)
    if described is None or operation.function is not getattr(F, operation.function.__name__):
        return None
    given, named = vars(operation)["arguments"]
    bound = inspect.signature(operation.function).bind(*given, **named)
    more = set(bound.arguments) - {*described.given, *described.settings.values()}
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    if operation.function is F.reshape:
        (shape,) = (arguments["shape"],)
        arguments["shape"] = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    if operation.function is F.getitem and isinstance(arguments["index"], tuple):
        arguments["index"] = list(arguments["index"])
    told = all(argument in arguments for argument in (*described.given, *described.settings.values()))
    return None if more or not told else (described, arguments)


def _place_of(operation: Operation) -> str:
    """Return where a function of tinyconv is found, or the name that the user's own is registered under."""
    function: Any = operation.function
    if function.__module__.startswith("tinyconv.") and getattr(function, "takes_symbols", False):
        return f"{function.__module__}.{function.__name__}"
    name = registry.get_registered_name(function)
    if registry.get_registered_object(name) is not function:
        raise operation.error(f"is a call of {name}, which a file cannot name: {registry.REGISTER} it")
    return name


def _function_at(place: str) -> Callable[..., Any]:
    """Return the function of a place: one that may be called on symbols, and nothing else."""
    found = registry.get_registered_object(place)
    if found is None and place.startswith("tinyconv."):
        module, _, name = place.rpartition(".")
        try:
            found = getattr(import_module(module), name, None)
        except ImportError:
            found = None
        found = found if getattr(found, "takes_symbols", False) else None
    if not callable(found):
        raise ValueError(f"the operation {place} is not known: {registry.REGISTER} its function and import it first")
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _described(value: Any, operation: Operation) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, slice):
        ends = {end: _described(getattr(value, end), operation) for end in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        return value.item()
    if isinstance(value, np.ndarray | Tensor):
        array = value.numpy() if isinstance(value, Tensor) else value
        kind = "__tensor__" if isinstance(value, Tensor) else "__numpy__"
        return {"class_name": kind, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    raise operation.error(f"was given a {type(value).__name__}, which cannot be written to a file")
