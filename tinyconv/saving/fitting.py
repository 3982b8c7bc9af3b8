"""Weights of legacy ".h5" files, fitted to a model: which layer of the file is which of the model, and what order.

What the file holds is turned to today's order of axes: kernels of Keras 1, which came as (filters, channels, height,
width) with dim_ordering="th", and with channels and filters swapped in Deconvolution2D; kernels that were trained on
Theano, whose convolution turns them by 180° (keras/engine/saving.py of Keras 2.2, `preprocess_weights_for_loading`).
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import layers as L
from . import channels
from .hdf5 import FileError
from .legacy import Contents, Layer, ordered
from .optimizer_state import completed, has_unused_momenta, iterations_of
from .rebuilding import make_model
from .training import is_old_optimizer
from .values import Change, Values
from .weights import Made, State

TRANSPOSED = (2, 3, 1, 0)  # a kernel of Keras 1 with dim_ordering="th" → today's
FLIPPED = (L.Conv2D, L.Conv2DTranspose)
OF_IMAGES = (*FLIPPED, L.DepthwiseConv2D, L.SeparableConv2D)


def fit(
    contents: Contents,
    model: Any,
    path: Any,
    by_name: bool = False,
    skip_mismatch: bool = False,
    made: Made | None = None,
) -> State:
    """Return the weights of the file for the model, all checked. `made` is the file's own model if it has been made.

    Layers go by name if the names are the same, or if `by_name`, which leaves out layers that only one of the two has;
    else in their order. With `skip_mismatch` a layer that does not fit keeps its weights, and a UserWarning lists them.
    """
    known = [layer for layer in model.layers if layer.weights]
    held = [layer for layer in contents.layers if layer.weights and layer.name != "top_level_model_weights"]
    pairs = _paired(held, known, by_name, path)
    first = _channels_first(contents, pairs, path)
    if channels.takes_first(model):
        made = None
    elif contents.model is None:
        made = Made(model, channels.row_changes(model, None)) if first else None
    elif made is None and channels.order_matters(contents.model):
        made = _own_model(contents, path)
    state, skipped = State(), []
    for layer, given in pairs:
        try:
            weights = _in_the_order_of(given, layer, contents, path)
            changes = _changes(given, layer, weights, made)
            values = []
            for weight, (name, stored), change in zip(weights, given.weights, changes, strict=False):
                place = f'{path}: layer "{given.name}", {name}'
                turn = _turn(contents, layer, weight, stored.ndim, first, change)
                values.append(_checked(weight, stored, place, turn))
            state.weights += values
        except FileError as error:
            if not skip_mismatch:
                raise
            skipped.append(str(error))
    if skipped:
        warnings.warn(f"{path}: {len(skipped)} layers keep their weights: {'; '.join(skipped)}", stacklevel=4)
    return state


def _own_model(contents: Contents, path: Any) -> Made:
    """Return the model that the file describes."""
    assert contents.model is not None
    return make_model(contents.model, None, contents.version, contents.place(path), turn=True)


def _paired(held: list[Layer], known: list[Any], by_name: bool, path: Any) -> list[tuple[Any, Layer]]:
    """Return each layer of the model with that of the file."""
    names = {layer.name: layer for layer in held}
    if by_name or {layer.name for layer in known} == names.keys():
        return [(layer, names[layer.name]) for layer in known if layer.name in names]
    if len(held) == len(known):
        return list(zip(known, held, strict=True))
    differs = next(
        (number for number, (a, b) in enumerate(zip(known, held, strict=False)) if _shapes(a) != _file_shapes(b)),
        min(len(held), len(known)),
    )
    ours = f'"{known[differs].name}" {_shapes(known[differs])}' if differs < len(known) else "none"
    theirs = f'"{held[differs].name}" {_file_shapes(held[differs])}' if differs < len(held) else "none"
    raise FileError(
        f"{path} has {len(held)} layers with weights, the model {len(known)}; the first that differs is number "
        f"{differs + 1}: the model's is {ours}, the file's {theirs}: by_name=True loads the layers of equal names"
    )


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [weight.shape for weight in ordered(layer)]


def _file_shapes(layer: Layer) -> list[tuple[int, ...]]:
    return [values.shape for _, values in layer.weights]


def _in_the_order_of(given: Layer, layer: Any, contents: Contents, path: Any) -> list[Any]:
    """Return the weights of `layer`, which may be a model, in the order in which the file has them.

    A file has those that were trained before the others, whatever the model trains now: names and shapes tell which,
    or else the file's own model.
    """
    count = len(given.weights)
    if isinstance(layer, L.Normalization) and count == len(layer.weights) + 1:
        count -= 1  # tf.keras also counted the samples
    if count != len(layer.weights):
        raise FileError(
            f'{path}: layer "{given.name}" has {count} weights {_file_shapes(given)}, the model\'s "{layer.name}" has '
            f"{len(layer.weights)} {_shapes(layer)}"
        )
    if len(layer.own_weights) == len(layer.weights):
        return list(layer.own_weights)  # the same in every Keras
    known = {_short(weight.path): weight for weight in layer.weights}
    names = [_short(name) for name, _ in given.weights[:count]]
    if len(known) == len(set(names)) == count and known.keys() == set(names):
        return [known[name] for name in names]
    orders = [layer.weights, ordered(layer), _frozen_last(layer)]
    fitting = [order for order in orders if _reads(order) == _reads_in(given, order)]
    told_apart = {tuple(map(id, order)): order for order in fitting or orders[1:2]}
    if len(told_apart) != 1 or not fitting:
        own = _own_model(contents, path).model.get_layer(given.name) if contents.model is not None else None
        places = {id(weight): place for place, weight in enumerate(own.weights)} if own is not None else {}
        if len(places) == count:
            return [layer.weights[places[id(weight)]] for weight in ordered(own)]
    if len(told_apart) > 1:
        raise FileError(
            f'{path}: the weights of the model "{given.name}" within fit "{layer.name}" in several orders, which '
            "depend on what was frozen when they were saved: give its layers the names that the file has"
        )
    return next(iter(told_apart.values()))


def _frozen_last(layer: Any) -> list[Any]:
    """Return the weights of a model in the order that they have when all of it is trained."""
    state = {id(weight) for each in layer.every_layer() for weight in each._state}
    return sorted(layer.weights, key=lambda weight: id(weight) in state)


def _reads(weights: Sequence[Any]) -> list[tuple[str, tuple[int, ...]]]:
    return [(weight.path.rpartition("/")[2], weight.shape) for weight in weights]


def _reads_in(given: Layer, weights: Sequence[Any]) -> list[tuple[str, tuple[int, ...]]]:
    """Return what `_reads` would of the file; its names count if they are those that weights have today."""
    leaves = [_short(name).rpartition("/")[2] for name, _ in given.weights[: len(weights)]]
    own = [leaf for leaf, _ in _reads(weights)]
    return list(zip(leaves if set(leaves) == set(own) else own, _file_shapes(given), strict=False))


def _short(name: str) -> str:
    """Return "conv2d/kernel" of "model/conv2d/kernel:0"."""
    return "/".join(name.split(":")[0].split("/")[-2:])


def _channels_first(contents: Contents, pairs: Sequence[tuple[Any, Layer]], path: Any) -> bool:
    """Return whether kernels of Keras 1 are (filters, channels, height, width): the file says so, or the shapes."""
    if contents.version[0] > 1:
        return False
    if contents.model is not None:
        return channels.tells_of_first(contents.model)
    fits = [_fits(layer, given) for layer, given in pairs if isinstance(layer, OF_IMAGES)]
    last, first = ([which for which in fits if which == {order}] for order in (channels.LAST, channels.FIRST))
    if last and first:
        raise FileError(f"{path}: some kernels have the order of channels first, some of channels last")
    if not last and not first and any(len(which) == 2 for which in fits):
        names = ", ".join(given.name for layer, given in pairs if isinstance(layer, OF_IMAGES))
        raise FileError(
            f"{path} is of Keras 1, weights alone, and does not say in which order its kernels are: those of {names} "
            "fit channels first and last: load a file of the whole model"
        )
    return bool(first)


def _fits(layer: Any, given: Layer) -> set[str]:
    """Return the orders of channels in which a layer's kernel in a file of Keras 1 has the shape that it has here."""
    ours, theirs = layer.own_weights[0].shape, np.broadcast_to(np.float32(0), given.weights[0][1].shape)
    if theirs.ndim != 4:
        return set()
    orders = {channels.LAST: False, channels.FIRST: True}
    return {order for order, first in orders.items() if _of_keras_1(layer, theirs, first).shape == ours}


def _of_keras_1(owner: Any, values: np.ndarray, first: bool) -> np.ndarray:
    """Return a kernel of Keras 1 with the axes of today."""
    if isinstance(owner, L.Conv2DTranspose):
        return values.transpose(2, 3, 0, 1) if first else values.transpose(0, 1, 3, 2)
    return values.transpose(TRANSPOSED) if first else values


def _changes(given: Layer, layer: Any, weights: list[Any], made: Made | None) -> list[Change | None]:
    """Return what turns each of the weights that a layer of the file has, as the file's own model tells."""
    if made is None or not made.changes:
        return [None] * len(weights)
    own = layer if any(layer is each for each in made.model.layers) else made.model.get_layer(given.name)
    places = {id(weight): place for place, weight in enumerate(layer.weights)}
    return [made.changes.get(id(own.weights[places[id(weight)]])) for weight in weights]


def _turn(contents: Contents, layer: Any, weight: Any, rank: int, first: bool, change: Change | None) -> Change | None:
    """Return what gives values of `weight`, or of an optimizer's slot for it, the axes of today; None if they have."""
    owner = next((each for each in layer.every_layer() if any(weight is own for own in each.own_weights)), layer)
    if rank != 4 or not isinstance(owner, OF_IMAGES):
        return change
    old = contents.version[0] == 1 and (first or isinstance(owner, L.Conv2DTranspose))
    flipped = contents.backend == "theano" and isinstance(owner, FLIPPED)
    if not old and not flipped:
        return change

    def turn(values: np.ndarray) -> np.ndarray:
        values = _of_keras_1(owner, values, first) if old else values
        values = values[::-1, ::-1] if flipped else values
        return values if change is None else change(values)

    return turn


def _checked(weight: Any, stored: Any, place: str, change: Change | None) -> Values:
    """Return the values for `weight` in the dataset `stored`, which must have its shape once they are turned."""
    shape = stored.shape
    if change is not None and stored.ndim == weight.ndim >= 3:
        shape = change(np.broadcast_to(np.float32(0), shape)).shape
    if shape != weight.shape:
        raise FileError(f"{place} has shape {shape}, the model's {weight.path} has {weight.shape}")
    return Values(weight, stored, place, change)


def optimizer_state(
    contents: Contents, model: Any, path: Any, changes: Mapping[int, Change]
) -> list[np.ndarray] | None:
    """Return new values for the variables of the model's optimizer, or None if the file has none that fit it.

    Files have the count of updates; the learning rate, from tf.keras 2.11 on; and the slots: of all weights one kind
    after the other, from 2.11 on in the order that `Optimizer.variables` has.
    """
    optimizer, stored = model.optimizer, list(contents.optimizer)
    if optimizer is None or not stored:
        return None
    optimizer.build(model.trainable_weights)
    own = optimizer.variables()
    numbers: dict[str, Any] = {name: value for name, value in own if isinstance(value, int | float)}
    if stored[0][1].ndim == 0 and stored[0][1].dtype.kind in "iuf":
        name, count = stored.pop(0)
        numbers["iterations"] = iterations_of(count, f"{path}: optimizer_weights/{name}")
    modern = not is_old_optimizer(_optimizer_config(contents), contents.version)
    if modern and stored and stored[0][1].ndim == 0 and "learning_rate" in stored[0][0]:
        rate = stored.pop(0)[1]
        if "learning_rate" in numbers:
            numbers["learning_rate"] = float(rate[()])
    lacking = False
    if "u_product" in numbers:
        scalars = [pair for pair in stored if pair[1].ndim == 0]
        stored = [pair for pair in stored if pair[1].ndim]
        lacking = not scalars
        numbers["u_product"] = float(scalars[0][1][()]) if scalars else 1.0
    by_name = {layer.name: layer for layer in model.layers}
    held = [each for each in contents.layers if each.weights and each.name in by_name]
    first = _channels_first(contents, [], path)
    weights = [(by_name[each.name], weight) for each in held for weight in by_name[each.name].trainable_weights]
    groups = optimizer.slot_groups() if modern else [(kind,) for group in optimizer.slot_groups() for kind in group]
    order = [(kind, pair) for group in groups for pair in weights for kind in group]
    more = len(stored) - len(order)
    # Momenta of SGD without, or maxima of Adam without AMSGrad.
    unused = has_unused_momenta(optimizer, more) if modern else more == len(weights)
    if (more and not unused) or len(weights) != len(model.trainable_weights):
        warnings.warn(
            f"{path} holds {len(stored)} slots of an optimizer, {type(optimizer).__name__} here has {len(order)}: its "
            "state stays as it is",
            stacklevel=4,
        )
        return None
    slots: dict[tuple[str, int], np.ndarray] = {}
    for (kind, (layer, weight)), (name, values) in zip(order, stored, strict=False):
        turn = _turn(contents, layer, weight, values.ndim, first, changes.get(id(weight)))
        slots[kind, id(weight)] = _checked(weight, values, f"{path}: optimizer_weights/{name}", turn).read()
    found = iter(
        slots[kind, id(weight)]
        for group in optimizer.slot_groups()
        for weight in model.trainable_weights
        for kind in group
    )
    state = [numbers[name] if name in numbers else next(found) for name, _ in own]
    return completed(optimizer, state, lacking)


def _optimizer_config(contents: Contents) -> Mapping[str, Any]:
    """Return the configuration of the optimizer that the file describes."""
    described = (contents.training or {}).get("optimizer_config")
    config = described.get("config") if isinstance(described, Mapping) else None
    return config if isinstance(config, Mapping) else {}
