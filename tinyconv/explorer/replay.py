"""A replay of a recorded step in float64, on the textbook kernels: the judge of every gradient that is shown.

The operations are applied again, in the order of the recording, to the numbers that were recorded for inputs and
weights, now in float64, with the same draws of dropout. A replay can change one number and compute what follows:

    ∂L/∂x[cell] ≈ (L(x[cell] + h) − L(x[cell] − h)) / 2h

the central difference, whose error is O(h²) (Press et al., Numerical Recipes, 3rd ed., section 5.7).
"""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from .. import kernels
from ..tensor import FLOATS, Function
from .recording import Operation, Recording

Cell = tuple[int, ...]


def in_precision(function: Function, dtype: Any = np.float64) -> Function:
    """Return a copy of a function whose arrays of numbers, such as the targets of a loss, are of `dtype`."""

    def converted(held: Any) -> Any:
        if isinstance(held, np.ndarray) and held.dtype in FLOATS:
            return held.astype(dtype)
        if type(held) in (tuple, list):
            return type(held)(converted(each) for each in held)
        return held

    made = copy(function)
    for name, held in vars(made).items():
        if name not in ("inputs", "needs", "calls"):
            setattr(made, name, converted(held))
    return made


def applied(function: Function, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return what a function makes of arrays; it then has what its backward needs."""
    return np.asarray(function.forward(*arrays), order="C")


def distance(one: np.ndarray | None, other: np.ndarray | None) -> float:
    """Return the largest difference of two arrays, 0 where there is none."""
    return 0.0 if one is None or other is None or not one.size else float(np.abs(one - other).max())


class Replay:
    """The recorded step in float64: `arrays` by the values' numbers, and `gradients`, None where there is none."""

    def __init__(self, recording: Recording, dtype: Any = np.float64) -> None:
        self.recording = recording
        self.functions = [in_precision(operation.function, dtype) for operation in recording.operations]
        self.arrays: dict[int, np.ndarray] = {}
        made = {operation.output for operation in recording.operations}
        for value in recording.values:
            if value.number not in made:
                self.arrays[value.number] = value.array.astype(dtype)
        with kernels.backend("reference"):
            for operation, function in zip(recording.operations, self.functions, strict=True):
                self.arrays[operation.output] = applied(function, self._inputs(operation, self.arrays))
            self.passed: list[tuple[np.ndarray | None, ...]] = [()] * len(self.functions)
            self.gradients: dict[int, np.ndarray | None] = self._backward()

    def _inputs(self, operation: Operation, arrays: Mapping[int, np.ndarray]) -> list[np.ndarray]:
        return [arrays[number] for number in operation.inputs]

    def _backward(self) -> dict[int, np.ndarray | None]:
        """Walk back from the loss, each operation after all that used its result."""
        gradients: dict[int, np.ndarray | None] = dict.fromkeys(self.arrays)
        gradients[self.recording.loss] = np.ones_like(self.arrays[self.recording.loss])
        for operation, function in reversed(list(zip(self.recording.operations, self.functions, strict=True))):
            dy = gradients[operation.output]
            if dy is None:
                self.passed[operation.number] = (None,) * len(operation.inputs)
                continue
            passed = tuple(
                dx if needed else None for dx, needed in zip(function.backward(dy), operation.needs, strict=True)
            )
            self.passed[operation.number] = passed
            for number, dx in zip(operation.inputs, passed, strict=True):
                if dx is not None:
                    before = gradients[number]
                    gradients[number] = np.array(dx) if before is None else before + dx
        return gradients

    @cached_property
    def rounding(self) -> dict[int, float]:
        """How far gradients in the recording's precision are from those in float64, by the numbers of the values.

        It is the largest difference in an array when the textbook kernels compute in the one and in the other.
        """
        coarse = Replay(self.recording, self.recording.values[self.recording.loss].array.dtype).gradients
        return {number: distance(coarse[number], fine) for number, fine in self.gradients.items()}

    @property
    def loss(self) -> float:
        """The loss."""
        return float(self.arrays[self.recording.loss])

    def loss_with(self, number: int, cell: Cell, change: float) -> float:
        """Return the loss with one number of a value changed: of a result, all that was computed from it follows."""
        changed = {number: self.arrays[number].copy()}
        changed[number][cell] += change
        with kernels.backend("reference"):
            for operation, function in zip(self.recording.operations, self.functions, strict=True):
                if any(each in changed for each in operation.inputs) and operation.output != number:
                    inputs = [changed.get(each, self.arrays[each]) for each in operation.inputs]
                    changed[operation.output] = applied(copy(function), inputs)
        return float(changed.get(self.recording.loss, self.arrays[self.recording.loss]))
