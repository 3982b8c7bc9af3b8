"""The layers of a model as a diagram has them: nested models are flattened, each layer has those that feed it."""

from collections.abc import Iterable
from typing import Any

from ...layers.graph import map_graph
from ..recording import INPUT, PARAMETER, Recording, Value

LOSS = "loss"


class Box:
    """A layer of the diagram: its path ("block/conv2d"), the paths of those that feed it, and what it computed."""

    def __init__(self, path: str, layer: Any = None, inbound: Iterable[str] = ()) -> None:
        self.path, self.layer = path, layer
        self.inbound = dict.fromkeys(inbound)
        self.operations: list[int] = []
        self.output: int | None = None  # the number of the value


def boxes(recording: Recording) -> dict[str, Box]:
    """Return the layers of a recorded model by their paths, inputs first and the loss last."""
    model = recording.model
    found: dict[str, Box] = {}
    if getattr(model, "inputs", None):
        _flatten(model, "", None, found)
    else:
        found.update((name, Box(name)) for name in model.input_names)
    for operation in recording.operations:
        box = _of(operation.layer, found)
        box.operations.append(operation.number)
        box.output = operation.output
    made = {recording.operations[number].output: box.path for box in found.values() for number in box.operations}
    inputs = {value.name: value.number for value in recording.values}
    for box in found.values():
        if not getattr(model, "inputs", None) or box.path == LOSS:
            taken = [number for each in box.operations for number in recording.operations[each].inputs]
            feeding = [_maker(recording.values[number], made) for number in taken]
            box.inbound = dict.fromkeys(path for path in feeding if path not in ("", box.path))
        if box.output is None:  # it passes on what it gets
            feeder = next((found[path] for path in box.inbound if path in found), None)
            box.output = feeder.output if feeder else inputs.get(box.path)
    found[LOSS] = found.pop(LOSS, Box(LOSS))
    return found


def layer_of(value: Value, recording: Recording, found: dict[str, Box]) -> str:
    """Return the path of the box that computed a value, or that a parameter is of, whose own path may be shorter."""
    owners = {number: box.path for box in found.values() for number in box.operations}
    maker = recording.maker(value.number)
    if maker is not None:
        return owners[maker.number]
    users = [owners[user.number] for user, _ in recording.users(value.number)]
    return next((path for path in users if path != LOSS), value.layer) if value.role == PARAMETER else value.layer


def _maker(value: Value, made: dict[int, str]) -> str:
    """Return the path of the box that a value comes from, "" for a parameter or a constant."""
    return made.get(value.number, value.name if value.role == INPUT else "")


def _of(path: str, found: dict[str, Box]) -> Box:
    """Return the box that a layer's operations belong to: its own, or that of the layer that it is a part of."""
    if not path:
        return found.setdefault(LOSS, Box(LOSS))
    outer = path
    while outer not in found and "/" in outer:
        outer = outer.rpartition("/")[0]
    return found[outer] if outer in found else found.setdefault(path, Box(path))


def _flatten(model: Any, prefix: str, feeding: list[str] | None, found: dict[str, Box]) -> list[str]:
    """Add the boxes of a model's layers to `found`, and return the paths of those that give its outputs.

    `feeding` are the paths that feed a nested model, in the place of inputs of its own.
    """
    gives: dict[Any, list[str]] = {}  # by the symbol
    for number, symbol in enumerate(model.inputs):
        if feeding is None:
            path = model.input_names[number] if number < len(model.input_names) else symbol.node.operation.name
            found[path] = Box(path, symbol.node.operation)
            gives[symbol] = [path]
        else:
            gives[symbol] = feeding[number : number + 1] or feeding[-1:]
    for node in map_graph(model.inputs, model.outputs)[0]:
        if not node.inputs:
            continue
        layer: Any = node.operation
        inbound = [path for symbol in node.inputs for path in gives[symbol]]
        path = f"{prefix}{layer.name}"
        if getattr(layer, "inputs", None) and hasattr(layer, "layers"):
            outputs = _flatten(layer, f"{path}/", inbound, found)
        else:
            box = found.setdefault(path, Box(path, layer))
            box.inbound.update(dict.fromkeys(inbound))
            outputs = [path]
        for place, symbol in enumerate(node.outputs):
            gives[symbol] = outputs[place : place + 1] if len(outputs) == len(node.outputs) else outputs
    return [path for symbol in model.outputs for path in gives[symbol]]
