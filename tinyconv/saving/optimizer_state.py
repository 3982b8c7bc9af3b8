"""The state of an optimizer in files of Keras 3 and of tf.keras 2.11 to 2.15: the variables that it counts.

    Keras 3     iterations, learning rate (none of a schedule), slots, and of Nadam the product of its momenta
    tf.keras    iterations, slots; SGD has momenta whether it uses them or not

Slots come as `Optimizer.slot_groups` says. What the older layout of optimizers holds is `fitting`'s.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..kernels import move
from ..names import snake_case
from ..optimizers import SGD, Nadam
from . import hdf5
from .hdf5 import FileError
from .values import Change


def stored_state(
    root: Any, sealed: bool, model: Any, path: str | Path, changes: Mapping[int, Change]
) -> list[Any] | None:
    """Return new values for the variables of the model's optimizer, or None if the file has none that it can take.

    `changes` turn the slots of a weight as they turn the weight, by its id.
    """
    optimizer, variables = model.optimizer, hdf5.group(root, "optimizer/vars")
    if optimizer is None or variables is None:
        return None
    name = snake_case(type(optimizer).__name__)
    # Only a file of tinyconv's is asked for its optimizer's name: Keras never asks.
    saved = hdf5.attribute(variables, "name", path) if sealed else name
    if saved == name:
        optimizer.build(model.trainable_weights)
    own = optimizer.variables()
    owners = _owners(optimizer, model.trainable_weights, own) if changes else {}
    places = None if saved != name else _places(optimizer, own, variables)
    if places is not None:
        state = []
        for at, ((label, value), index) in enumerate(zip(own, places, strict=True)):
            if index is None:
                state.append(value)
                continue
            like, purpose = np.asarray(move(value, "cpu")), f"{path}: optimizer variable {label}"
            values = hdf5.array(variables, str(index), like.shape, like.dtype, purpose)
            change = changes.get(owners.get(at, 0))
            state.append(values if change is None else change(values))
        return completed(optimizer, state, "u_product" in dict(own) and places[-1] is None)
    # Keras makes the slots at the first step: without them, the saved optimizer may not have started.
    number = np.dtype(np.int64)
    if len(variables) > 2 or hdf5.array(variables, "0", (), number, f"{path}: optimizer variable iterations") > 0:
        count = f"{len(variables)} variables"
        whose = f"another optimizer ({saved}, {count})" if saved != name else f"an optimizer with {count}"
        warnings.warn(
            f"{path} holds the state of {whose}, this model has {name} ({len(own)}): its state stays as it is",
            stacklevel=5,
        )
    return None


def _places(optimizer: Any, own: Sequence[tuple[str, Any]], variables: Any) -> list[int | None] | None:
    """Return which variable of the file each of the optimizer's own is, None where the file has none of it."""
    if len(variables) == len(own):
        return list(range(len(own)))
    numbers = [isinstance(value, int | float) for _, value in own]
    more = len(variables) - 1 - numbers.count(False)
    if "name" in variables.attrs or (more and not has_unused_momenta(optimizer, more)):
        return None  # Keras 3 names it, tf.keras does not
    return [0, *(None if number else numbers[:at].count(False) + 1 for at, number in enumerate(numbers) if at)]


def has_unused_momenta(optimizer: Any, count: int) -> bool:
    """Return whether `count` more slots than an optimizer has are those that tf.keras gives SGD without momentum."""
    return isinstance(optimizer, SGD) and not optimizer.momentum and count == len(optimizer._weights)


def _owners(optimizer: Any, weights: Sequence[Any], own: Sequence[tuple[str, Any]]) -> dict[int, int]:
    """Return the ids of the weights that slots are of, by the number of the slot among the variables."""
    slots = [number for number, (_, value) in enumerate(own) if not isinstance(value, int | float)]
    order = [id(weight) for group in optimizer.slot_groups() for weight in weights for _ in group]
    return dict(zip(slots, order, strict=True))


def completed(optimizer: Any, state: list[Any], lacking: bool) -> list[Any]:
    """Return the values of an optimizer's variables, the product of Nadam's momenta worked out if it is `lacking`."""
    if lacking and isinstance(optimizer, Nadam):
        state[-1] = optimizer.product(int(state[0]))
    return state


def iterations_of(stored: Any, place: str) -> int:
    """Return the count of updates in a dataset, which older files have as a float. Raises FileError for any other."""
    count = stored[()]
    if not np.isfinite(count) or count < 0 or count != int(count) or count >= 1 << 63:
        raise FileError(f"{place} must be a count of updates, got {count}")
    return int(count)
