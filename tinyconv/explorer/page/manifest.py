"""The manifest: all that a page says of recordings, as JSON has it, but for arrays, in whose places `Maps` stand."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from ..._version import __version__
from ...functions.activation import Softmax
from ...functions.cross_entropy import SigmoidCrossEntropy, SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy
from ...structure import flat
from .. import keras_judge
from ..letters import letters
from ..recording import INPUT, PARAMETER, Operation, Recording, Update, Value
from .badges import badges
from .describe import describe
from .finite import finite
from .formulas import formulas, shapes
from .layers import Box, boxes, layer_of
from .maps import Maps
from .sources import sources

FORMAT = 1
# Of the numbers that an array may have: an image is seen whole, and units of dense layers have many weights each.
SHARES = {INPUT: 8.0, PARAMETER: 3.0}
UPDATE_SHARE = 0.125  # of the five arrays or more of an update
ROWS = 1 << 16  # numbers up to which an array is whole whose rows a softmax sums over
LATER_SHARE = 0.05  # of those of the first step
RULES = {"SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam", "AdamW": "adam"}  # that the page computes itself

BY_ROWS = (Softmax, SigmoidCrossEntropy, SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy)

Json = dict[str, Any]


class Manifest:
    """Made of one recording after the other, so that no more than one need be in memory.

    `numbers` is how many an array may have at most, however large the page may be.
    """

    def __init__(self, first: Recording, numbers: float, classes: Sequence[str] | None, title: str) -> None:
        self.numbers = numbers
        self.share = 1.0
        rows = [each for each in first.operations if isinstance(each.function, BY_ROWS)]
        self.whole = {number for each in rows for number in (*each.inputs, each.output)}
        self.json = self._frame(first, classes, title)

    def _frame(self, recording: Recording, classes: Sequence[str] | None, title: str) -> Json:
        """Return what is the same in all steps, with room for each step's numbers."""
        optimizer = recording.model.optimizer
        found = boxes(recording)
        owners = {number: box.path for box in found.values() for number in box.operations}
        constrained = {weight.path for weight in recording.model.trainable_weights if weight.constraint is not None}
        decays = {weight.path: optimizer._decays(weight) for weight in recording.model.trainable_weights}
        labels, probabilities = labels_of(recording), probabilities_of(recording)
        return {
            "format": FORMAT,
            "tinyconv": __version__,
            "title": title,
            "model": recording.model.name,
            "samples": len(flat(recording.batch.x)[0].data),
            "labels": labels,
            "classes": None if classes is None else list(map(str, classes)),
            "predicted": None if probabilities is None else [int(row.argmax()) for row in probabilities],
            "probabilities": None if probabilities is None else [list(map(finite, row)) for row in probabilities],
            "steps": [],
            "losses": [],
            "optimizer": {
                "name": type(optimizer).__name__,
                "rule": RULES.get(type(optimizer).__name__, "other"),
                "config": optimizer.get_config(),
                "iterations": [],
                "learning_rates": [],
            },
            "keras": keras_judge.version(),
            "left_out": [],
            "layers": _layers(recording, found),
            "values": [self._value(value, layer_of(value, recording, found)) for value in recording.values],
            "operations": [self._operation(recording, each, owners[each.number]) for each in recording.operations],
            "updates": [
                {
                    "value": each.value,
                    "decays": decays.get(recording.values[each.value].name, True),
                    "constrained": recording.values[each.value].name in constrained,
                    "steps": [],
                }
                for each in recording.updates
            ],
        }

    @staticmethod
    def _value(value: Value, layer: str) -> Json:
        return {
            "number": value.number,
            "name": value.name,
            "role": value.role,
            "shape": list(value.array.shape),
            "layer": layer,
            "steps": [],
        }

    @staticmethod
    def _operation(recording: Recording, operation: Operation, layer: str) -> Json:
        kind: Any = type(operation.function)
        names = letters(operation.function, len(operation.inputs))
        numbers = dict(zip([*names, "y"], [*operation.inputs, operation.output], strict=True))
        formula = formulas(kind)
        if formula is not None:
            of_letters = {name: recording.values[number].array.shape for name, number in numbers.items()}
            formula = {**formula, "shapes": shapes(of_letters)}
        return {
            "number": operation.number,
            "name": operation.name,
            "function": kind.__name__,
            "layer": layer,
            "inputs": list(operation.inputs),
            "output": operation.output,
            "letters": names,
            "kind": "",
            "settings": {},
            "formula": formula,
            "source": list(sources(kind)),
            "steps": [],
            "checks": [],
            "backends": {},
        }

    def add(self, recording: Recording, step: int) -> None:
        """Add the numbers of a recording that was made after `step` updates."""
        self.share = LATER_SHARE if self.json["steps"] else 1.0
        if not self.json["steps"]:
            said = badges(recording, self.json["keras"] is not None)
            for entry, (checks, backends) in zip(self.json["operations"], said, strict=True):
                entry["checks"], entry["backends"] = checks, backends
        self.json["steps"].append(step)
        self.json["losses"].append(finite(recording.values[recording.loss].array))
        self.json["optimizer"]["iterations"].append(recording.iteration)
        self.json["optimizer"]["learning_rates"].append(recording.learning_rate)
        for value, entry in zip(recording.values, self.json["values"], strict=True):
            entry["steps"].append(self._numbers(value))
        for operation, entry in zip(recording.operations, self.json["operations"], strict=True):
            entry["steps"].append(self._passing(recording, operation, entry))
        updates = {update.value: update for update in recording.updates}
        for entry in self.json["updates"]:
            entry["steps"].append(self._update(updates[entry["value"]]))

    def _maps(self, array: np.ndarray, value: Value) -> Maps:
        """Return what may be kept of an array of a value: the value itself, or a gradient."""
        whole = value.number in self.whole and array.size <= ROWS
        return Maps(array, self.numbers, inf if whole else self.share * SHARES.get(value.role, 1.0))

    def _numbers(self, value: Value) -> Json:
        """Return what a page has of a value and its gradient."""
        data, gradient = value.array, value.gradient
        maps = self._maps(data, value)
        return {
            "data": maps,
            "gradient": "none" if gradient is None else self._maps(gradient, value),
            "kept": Kept(maps),
            **_figures(data, "norm", "min", "max"),
            **_figures(gradient, "gradient_norm", "gradient_min", "gradient_max"),
            "zeros": finite((data == 0).mean()) if data.size else None,
        }

    def _passing(self, recording: Recording, operation: Operation, entry: Json) -> Json:
        """Return what an operation passed on, and the arrays that its kind needs; note the kind when first asked."""
        values = [recording.values[place] for place in operation.inputs]
        output = recording.values[operation.output].array
        found = describe(operation.function, [value.array for value in values], output)
        entry["kind"], entry["settings"] = found.kind, found.settings
        arrays = {
            name: Maps(array, self.numbers, self.share, True, output.shape)
            if name in found.like_output
            else Maps(array, self.numbers, inf, True)
            for name, array in found.arrays.items()
        }
        passed = [
            None if dx is None else "all" if _same(dx, value.gradient) else self._maps(dx, value)
            for dx, value in zip(operation.passed, values, strict=True)
        ]
        return {"passed": passed, "arrays": arrays}

    def _update(self, update: Update) -> Json:
        """Return what the optimizer did to a parameter."""
        before, after, gradient = (
            Maps(array, self.numbers, self.share * UPDATE_SHARE)
            for array in (update.before, update.after, update.gradient)
        )
        slots = {
            name: [Maps(array, self.numbers, self.share * UPDATE_SHARE) for array in (old, update.slots_after[name])]
            for name, old in update.slots_before.items()
        }
        return {"before": before, "after": after, "gradient": gradient, "slots": slots, "kept": Kept(before)}


class Kept:
    """Stands for the list of maps that are kept of an array."""

    def __init__(self, maps: Maps) -> None:
        self.maps = maps


def _figures(array: np.ndarray | None, norm: str, least: str, most: str) -> Json:
    """Return the norm, the least and the largest number of an array, each None if there is none."""
    if array is None or not array.size:
        return dict.fromkeys((norm, least, most))
    length = np.sqrt(np.square(array, dtype=np.float64).sum())
    return {norm: finite(length), least: finite(array.min()), most: finite(array.max())}


def _same(dx: np.ndarray, gradient: np.ndarray | None) -> bool:
    """Return whether what one operation passed on is the whole gradient."""
    return dx is gradient or (gradient is not None and np.array_equal(dx, gradient, equal_nan=True))


def labels_of(recording: Recording) -> list[int] | None:
    """Return the classes that the targets name, None where they name none."""
    y = recording.batch.y
    if y is None or not hasattr(y, "shape"):
        return None
    targets = np.asarray(y)
    if targets.ndim == 2 and targets.shape[1] > 1:
        one_hot = ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all()
        return [int(row.argmax()) for row in targets] if one_hot else None
    whole = targets.reshape(-1)
    is_class = targets.ndim <= 2 and (whole == np.floor(whole)).all() and (whole >= 0).all()
    return [int(each) for each in whole] if is_class and probabilities_of(recording) is not None else None


def probabilities_of(recording: Recording) -> np.ndarray | None:
    """Return what the recorded pass took each sample for (n, k): the softmax before the loss; None if there is none."""
    for operation in reversed(recording.operations):
        found = getattr(operation.function, "probabilities", None)
        if found is not None and found.ndim == 2:
            p = np.asarray(found)
            return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p
    return None


def _layers(recording: Recording, boxes: dict[str, Box]) -> list[Json]:
    """Return the boxes of the diagram."""
    found = []
    for box in boxes.values():
        shape = [] if box.output is None else list(recording.values[box.output].array.shape)
        found.append(
            {
                "name": box.path,
                "type": "Loss" if box.layer is None else type(box.layer).__name__,
                "shape": shape,
                "parameters": 0 if box.layer is None else box.layer.count_params(),
                "operations": box.operations,
                "inbound": list(box.inbound),
                "output": box.output,
            }
        )
    return found
