"""Weights of legacy ".h5" files, fitted to a model: which layer of the file is which of the model, and what order.

What the file holds is turned to today's order of axes: kernels of Keras 1, which came as (filters, channels, height,
width) with dim_ordering="th", and with channels and filters swapped in Deconvolution2D; kernels that were trained on
Theano, whose convolution turns them by 180° (keras/engine/saving.py of Keras 2.2, `preprocess_weights_for_loading`).
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import layers as L
from .hdf5 import FileError
from .legacy import Contents, Layer, ordered
from .weights import State

Change = Callable[[np.ndarray], np.ndarray]

TRANSPOSED = (2, 3, 1, 0)  # a kernel of Keras 1 with dim_ordering="th" → today's
FLIPPED = (L.Conv2D, L.Conv2DTranspose)


def fit(
    contents: Contents,
    model: Any,
    path: Any,
    by_name: bool = False,
    skip_mismatch: bool = False,
    changes: Mapping[int, Change] | None = None,
) -> State:
    """Return the weights of the file for the model, all checked. `changes` turns those of a weight, by its id.

    Layers go by name if the names are the same, or if `by_name`, which leaves out layers that only one of the two has;
    else in their order. With `skip_mismatch` a layer that does not fit keeps its weights, and a UserWarning lists them.
    """
    known = [layer for layer in model.layers if layer.weights]
    held = [layer for layer in contents.layers if layer.weights and layer.name != "top_level_model_weights"]
    first = _channels_first(contents, held, known)
    state, skipped = State(), []
    for layer, given in _paired(held, known, by_name, path):
        try:
            weights = _in_the_order_of(given, layer, path)
            for weight, (name, values) in zip(weights, given.weights, strict=False):
                turned = _turned(contents, layer, weight, values, first, changes or {})
                state.weights.append((weight, _checked(turned, weight, f'{path}: layer "{given.name}", {name}')))
        except FileError as error:
            if not skip_mismatch:
                raise
            skipped.append(str(error))
            own = {id(weight) for weight in layer.weights}
            state.weights = [pair for pair in state.weights if id(pair[0]) not in own]
    if skipped:
        warnings.warn(f"{path}: {len(skipped)} layers keep their weights: {'; '.join(skipped)}", stacklevel=4)
    return state


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


def _in_the_order_of(given: Layer, layer: Any, path: Any) -> list[Any]:
    """Return the weights of `layer`, which may be a model, in the order in which the file has them.

    A file has those that were trained before the others, whatever the model trains now: the names tell, or the shapes.
    """
    count = len(given.weights)
    if isinstance(layer, L.Normalization) and count == len(layer.weights) + 1:
        count -= 1  # tf.keras also counted the samples
    if count != len(layer.weights):
        raise FileError(
            f'{path}: layer "{given.name}" has {count} weights {_file_shapes(given)}, the model\'s "{layer.name}" has '
            f"{len(layer.weights)} {_shapes(layer)}"
        )
    known = {_short(weight.path): weight for weight in layer.weights}
    names = [_short(name) for name, _ in given.weights[:count]]
    if len(known) == len(set(names)) == count and known.keys() == set(names):
        return [known[name] for name in names]
    orders = [ordered(layer), layer.weights]
    fitting = [each for each in orders if [weight.shape for weight in each] == _file_shapes(given)[:count]]
    return (fitting or orders)[0]


def _short(name: str) -> str:
    """Return "conv2d/kernel" of "model/conv2d/kernel:0"."""
    return "/".join(name.split(":")[0].split("/")[-2:])


def _channels_first(contents: Contents, held: Sequence[Layer], known: Sequence[Any]) -> bool:
    """Return whether kernels of Keras 1 are (filters, channels, height, width): if one fits only so."""
    if contents.version[0] > 1:
        return False
    if contents.model is not None:
        return '"th"' in str(contents.model).replace("'", '"')
    kernels = [
        (layer.kernel.shape, each.weights[0][1].shape)
        for layer, each in zip(known, held, strict=False)
        if isinstance(layer, L.Conv2D)
    ]
    return any(ours != theirs and len(theirs) == 4 for ours, theirs in kernels)


def _turned(
    contents: Contents, layer: Any, weight: Any, values: np.ndarray, first: bool, changes: Mapping[int, Change]
) -> np.ndarray:
    """Return values of `weight`, or of an optimizer's slot for it, with the axes of today."""
    owner = next((each for each in layer.every_layer() if any(weight is own for own in each.own_weights)), layer)
    if values.ndim == 4 and isinstance(owner, FLIPPED):
        if contents.version[0] == 1:
            if isinstance(owner, L.Conv2DTranspose):
                values = values.transpose(2, 3, 0, 1) if first else values.transpose(0, 1, 3, 2)
            elif first:
                values = values.transpose(TRANSPOSED)
        if contents.backend == "theano":
            values = values[::-1, ::-1]
    elif values.ndim == 4 and first and isinstance(owner, L.DepthwiseConv2D | L.SeparableConv2D):
        values = values.transpose(TRANSPOSED)
    change = changes.get(id(weight))
    return values if change is None else change(values)


def _checked(values: np.ndarray, weight: Any, place: str) -> np.ndarray:
    """Return the values in the dtype of `weight`, whose shape they must have."""
    if values.shape != weight.shape:
        raise FileError(f"{place} has shape {values.shape}, the model's {weight.path} has {weight.shape}")
    try:
        with np.errstate(over="raise", invalid="ignore"):
            return values.astype(weight.data.dtype, copy=False)
    except FloatingPointError:
        raise FileError(f"{place} holds values too large for {weight.data.dtype}") from None


def optimizer_state(
    contents: Contents, model: Any, path: Any, changes: Mapping[int, Change] | None = None
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
        numbers["iterations"] = int(stored.pop(0)[1])
    modern = contents.version >= (2, 11)
    if modern and stored and stored[0][1].ndim == 0 and "learning_rate" in stored[0][0]:
        rate = stored.pop(0)[1]
        if "learning_rate" in numbers:
            numbers["learning_rate"] = float(rate)
    if "u_product" in numbers:
        scalars = [pair for pair in stored if pair[1].ndim == 0]
        stored = [pair for pair in stored if pair[1].ndim]
        numbers["u_product"] = float(scalars[0][1]) if scalars else numbers["u_product"]
    by_name = {layer.name: layer for layer in model.layers}
    known = [layer for layer in model.layers if layer.weights]
    held = [each for each in contents.layers if each.weights and each.name in by_name]
    first = _channels_first(contents, held, known)
    weights = [(by_name[each.name], weight) for each in held for weight in by_name[each.name].trainable_weights]
    groups = optimizer.slot_groups() if modern else [(kind,) for group in optimizer.slot_groups() for kind in group]
    order = [(kind, pair) for group in groups for pair in weights for kind in group]
    more = len(stored) - len(order)
    unused = more == len(weights) and not modern  # momenta of SGD without, or maxima of Adam without AMSGrad
    if (more and not unused) or len(weights) != len(model.trainable_weights):
        warnings.warn(
            f"{path} holds {len(stored)} slots of an optimizer, {type(optimizer).__name__} here has {len(order)}: its "
            "state stays as it is",
            stacklevel=4,
        )
        return None
    slots: dict[tuple[str, int], np.ndarray] = {}
    for (kind, (layer, weight)), (name, values) in zip(order, stored, strict=False):
        turned = _turned(contents, layer, weight, values, first, changes or {})
        slots[kind, id(weight)] = _checked(turned, weight, f"{path}: optimizer_weights/{name}")
    found = iter(
        slots[kind, id(weight)]
        for group in optimizer.slot_groups()
        for weight in model.trainable_weights
        for kind in group
    )
    return [numbers[name] if name in numbers else next(found) for name, _ in own]
