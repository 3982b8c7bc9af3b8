"""The configuration of models in Keras 3's words: layers by class and arguments, calls by what they are given.

A functional model's calls ("inbound_nodes") name each tensor by [layer, number of the call, number of the output], the
calls numbered as they count in this model (keras/src/models/functional.py, `get_config`). Only where a functional
model's own outputs come from a functional model within, Keras counts that one's calls from 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import layers, names, registry
from ..layers.graph import Node, SymbolicTensor
from ..layers.operation import Operation
from ..layers.stochastic import Stochastic
from ..structure import Arguments, flat, flat_shapes, mapped
from .functional import Functional
from .model import Model
from .operations import (
    constants,
    describe_call,
    describe_operation,
    is_operation,
    rebuild_operation,
    takes_several,
    tensors_in,
)
from .sequential import Sequential

Call = tuple[str, int]

LAYERS: dict[str, Any] = {
    names.snake_case(name): value
    for name, value in vars(layers).items()
    if isinstance(value, type) and issubclass(value, layers.Layer)
}
MODELS: dict[str, type[Model]] = {"functional": Functional, "model": Functional, "sequential": Sequential}
registry.add_classes("layer", "keras", (Model, Sequential))
registry.add_classes("layer", "keras.src.models.functional", (Functional,))  # where Keras itself says to look
OWN = {*LAYERS.values(), *MODELS.values()}


def describe(layer: Any) -> dict[str, Any]:
    """Return the class and the arguments of a layer, or of a model used as one; of one's own by its registered name."""
    if isinstance(layer, Operation):
        return describe_operation(layer)
    if type(layer) not in OWN:
        return registry.serialize(layer)
    module = "keras" if isinstance(layer, Model) else "keras.layers"
    if isinstance(layer, Functional):
        module = "keras.src.models.functional"  # where Keras itself says to look
    return {
        "module": module,
        "class_name": type(layer).__name__,
        "config": layer.get_config(),
        "registered_name": None,
    }


def rebuild(description: Mapping[str, Any]) -> Any:
    """Return the layer or the model of a description, with new weights."""
    if is_operation(description):
        return rebuild_operation(description)
    kind = registry.own_class(description)
    if kind is None:
        name, registered = str(description["class_name"]), description.get("registered_name")
        if registered and registered != name:
            raise ValueError(f'no class is registered as "{registered}": {registry.REGISTER} class {name}')
        kind = names.look_up("layer", names.snake_case(name), {**LAYERS, **MODELS})
    return kind.from_config(description["config"])


def describe_stack(model: Sequential) -> dict[str, Any]:
    """Return the configuration of a `Sequential`; its input comes as its first layer."""
    below = [model.input.node.operation] if model.input_shape is not None else []
    config = {"name": model.name, "trainable": model.trainable, "dtype": model.dtype}
    return {**config, "layers": [describe(layer) for layer in [*below, *model.layers]]}


def rebuild_stack(config: Mapping[str, Any]) -> Sequential:
    """Return the `Sequential` of a configuration."""
    model = Sequential([rebuild(each) for each in config["layers"]], name=config.get("name"))
    if not config.get("trainable", True):
        model.trainable = False
    return model


def describe_graph(model: Functional) -> dict[str, Any]:
    """Return the configuration of a functional model."""
    numbers = _numbers(model)

    def place(symbol: SymbolicTensor) -> list[Any]:
        return [symbol.node.operation.name, numbers[symbol.node], symbol.index]

    def end(symbol: SymbolicTensor) -> list[Any]:
        name, number, index = place(symbol)
        return [name, number + isinstance(symbol.node.operation, Functional), index]

    def tensor(symbol: SymbolicTensor) -> dict[str, Any]:
        config = {"shape": symbol.shape, "dtype": symbol.dtype, "keras_history": place(symbol)}
        return {"class_name": "__keras_tensor__", "config": config}

    def call(node: Node) -> dict[str, Any]:
        if isinstance(node.operation, Operation):
            return describe_call(node, tensor)
        if isinstance(node.given, Arguments):
            tensors: dict[str, Any] = {name: mapped(tensor, each) for name, each in node.given.items()}
            return {"args": [], "kwargs": {**tensors, **node.given.more, **_named_arguments(node)}}
        return {"args": [mapped(tensor, node.given)], "kwargs": _named_arguments(node)}

    described = []
    for layer in model.operations:
        calls = [call(node) for node in layer.call_nodes if node in numbers and node.inputs]
        described.append({**describe(layer), "name": layer.name, "inbound_nodes": calls})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": described,
        "input_layers": mapped(end, model.input),
        "output_layers": mapped(end, model.output),
    }


def _named_arguments(node: Node) -> dict[str, Any]:
    """Return what a call was given besides tensors."""
    return {} if node.training is None else {"training": node.training}


def _training(layer: Mapping[str, Any], arguments: Mapping[str, Any], by_keras: bool) -> bool | None:
    """Return `training` of what a call of the described layer was given besides tensors; refuse anything else.

    Keras 3 says of a call that was told nothing the default of its layer: False of a dropout, True of an augmentation.
    """
    more = [argument for argument, value in arguments.items() if argument != "training" and value is not None]
    if more:
        raise ValueError(
            f'layer "{layer["name"]}" is called with {more[0]}={arguments[more[0]]!r}: only training is offered'
        )
    training = arguments.get("training")
    kind: Any = LAYERS.get(names.snake_case(str(layer["class_name"])), layers.Layer)
    has_default = issubclass(kind, Stochastic | layers.SpectralNormalization) or kind._default_training
    return None if by_keras and has_default and training is kind._default_training else training


def _numbers(model: Functional) -> dict[Node, int]:
    """Number the calls of each layer that are part of the model."""
    inside = set(model.graph)
    numbers: dict[Node, int] = {}
    for layer in model.operations:
        numbers |= {node: number for number, node in enumerate(node for node in layer.call_nodes if node in inside)}
    return numbers


def rebuild_graph(config: Mapping[str, Any]) -> Functional:
    """Return the functional model of a configuration. Raises ValueError when a call can never get its tensors."""
    made = {each["name"]: rebuild(each) for each in config["layers"]}
    results: dict[tuple[str, int], list[SymbolicTensor]] = {
        (name, 0): [layer.output] for name, layer in made.items() if isinstance(layer, layers.InputLayer)
    }
    by_keras = any(isinstance(each["config"].get("dtype"), Mapping) for each in config["layers"])  # a dtype policy
    # Calls that are given more than tensors in one argument: of functions, and of layers with several arguments.
    operations = {each["name"] for each in config["layers"] if is_operation(each) or takes_several(each)}
    calls = {
        (each["name"], number): ([call["args"], call["kwargs"]], None)
        if each["name"] in operations
        else (call["args"][0], _training(each, call["kwargs"], by_keras))
        for each in config["layers"]
        for number, call in enumerate(each["inbound_nodes"])
    }

    def located(place: Any) -> tuple[str, int, int]:
        if isinstance(place, Mapping):
            name, number, index = place["config"]["keras_history"]
        else:
            name, number, index = place
            number -= isinstance(made[name], Functional)
        return name, number, index

    def symbol(place: Any) -> SymbolicTensor:
        name, number, index = located(place)
        return results[name, number][index]

    needs = {
        call: [located(place)[:2] for place in tensors_in(given)]
        if call[0] in operations
        else [place[:2] for place in flat_shapes(_map_places(located, given))]
        for call, (given, _) in calls.items()
    }
    for name, number in _in_order(needs, set(results), config["name"]):
        given, training = calls[name, number]
        if name in operations:
            arguments, named = constants(given, symbol)
            results[name, number] = flat(made[name](*arguments, **named))
            continue
        results[name, number] = flat(made[name](_map_places(symbol, given), training))
    inputs, outputs = (_map_places(symbol, config[which]) for which in ("input_layers", "output_layers"))
    model = Functional(inputs, outputs, name=config.get("name"))
    if not config.get("trainable", True):
        model.trainable = False
    return model


def _in_order(needs: Mapping[Call, Sequence[Call]], known: set[Call], model: Any) -> list[Call]:
    """Return the calls, by layer and number, in an order in which each has what it `needs` but for what is `known`.

    That is the order in which they stand, gone over as often as need be; those of one layer keep theirs.
    """
    numbers = {call: number for number, call in enumerate(needs)}
    lacking: dict[Call, int] = {}
    users: dict[Call, list[Call]] = {}
    for call, given in needs.items():
        name, number = call
        before = [*given, *([(name, number - 1)] if (name, number - 1) in needs else [])]
        waited = [each for each in dict.fromkeys(before) if each not in known]
        lacking[call] = len(waited)
        for each in waited:
            users.setdefault(each, []).append(call)
    rounds = {call: 0 for call, count in lacking.items() if not count}
    waiting = list(rounds)
    while waiting:
        call = waiting.pop()
        for user in users.get(call, []):
            later = numbers[user] < numbers[call]  # it was gone over too early
            rounds[user] = max(rounds.get(user, 0), rounds[call] + later)
            lacking[user] -= 1
            if not lacking[user]:
                waiting.append(user)
    never = next((call for call, count in lacking.items() if count), None)
    if never is not None:
        raise ValueError(f'layer "{never[0]}" of model "{model}" needs tensors that nothing makes')
    return sorted(needs, key=lambda call: (rounds[call], numbers[call]))


def _is_place(places: Any) -> bool:
    """Return whether this is a place, [layer, call, output] or a description of a tensor, and not several."""
    if isinstance(places, Mapping):
        return "class_name" in places
    return bool(places) and isinstance(places[0], str)


def _map_places(symbol: Any, places: Any) -> Any:
    """Apply `symbol` to a place, or to each in a list or a dict."""
    if _is_place(places):
        return symbol(places)
    if isinstance(places, Mapping):
        return {name: _map_places(symbol, place) for name, place in places.items()}
    return [_map_places(symbol, place) for place in places]
