"""Checks of recorded gradients by central differences in float64, and by other backends.

A gradient is *right* if it agrees with the central difference, *wrong* if not, and at a *kink* if the function has no
gradient there, but one slope to the left and another to the right, as max(x, 0) at 0 or the maximum of two equal
numbers: what is passed on there is a convention (see `docs/kinks.md`). The step h is made smaller until one of these
can be said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import kernels
from .recording import Operation, Recording
from .replay import Replay, applied, distance, in_precision

Cell = tuple[int, ...]
RIGHT: str = "right"
WRONG: str = "wrong"
KINK: str = "kink"
STEPS = 1e-4, 1e-5, 1e-6, 1e-7  # h, in units of max(1, |x|)
AGREE = 1e-5  # relative difference of a gradient and a central difference, both in float64, that the step explains
ROUNDING = 1e-4  # of float32, relative to the largest number of the gradient that a cell belongs to,
NOISE = 16.0  # or so many times what the textbook kernels differ by in float32 and float64, where terms cancel out


@dataclass(frozen=True)
class Check:
    """One number of a gradient beside the central difference.

    `recorded` is the gradient as it was recorded, `gradient` the same in float64, `error` the relative difference of
    `gradient` and `difference`.
    """

    cell: Cell
    recorded: float
    gradient: float
    difference: float
    error: float
    verdict: str


def check_value(replay: Replay, number: int, cell: Cell) -> Check:
    """Check one number of a value's gradient, by the loss: all operations between it and the loss are put to the test.

    Raises ValueError for a value that has no gradient.
    """
    value = replay.recording.values[number]
    gradient = replay.gradients[number]
    if value.gradient is None or gradient is None:
        raise ValueError(f"{value.name} has no gradient: nothing that the loss was computed from depends on it")
    center = replay.loss

    def slopes(step: float) -> tuple[float, float, float]:
        above, below = (replay.loss_with(number, cell, sign * step) for sign in (1, -1))
        noise = 16 * np.finfo(np.float64).eps * (abs(center) + abs(above) + abs(below)) / step
        return (above - center) / step, (center - below) / step, noise

    allowed = max(ROUNDING * float(np.abs(value.gradient).max()), NOISE * replay.rounding[number])
    return _judged(cell, float(value.gradient[cell]), float(gradient[cell]), allowed, float(value.array[cell]), slopes)


def check_operation(recording: Recording, operation: Operation, place: int, cell: Cell) -> Check:
    """Check one number of what an operation handed to its input number `place`: this operation's backward alone.

    Raises ValueError if it handed it none.
    """
    dy, passed = recording.values[operation.output].gradient, operation.passed[place]
    if dy is None or passed is None:
        raise ValueError(f"{operation.name} hands no gradient to {recording.values[operation.inputs[place]].name}")
    dy = dy.astype(np.float64)
    arrays = [recording.values[number].array.astype(np.float64) for number in operation.inputs]
    function = in_precision(operation.function)
    with kernels.backend("reference"):
        center = applied(function, arrays)
        gradient = np.asarray(function.backward(dy)[place], np.float64)
    rounding = distance(_textbook(recording, operation)[place], gradient)

    def slopes(step: float) -> tuple[float, float, float]:
        sides = []
        for sign in (1, -1):
            changed = [array.copy() if each == place else array for each, array in enumerate(arrays)]
            changed[place][cell] += sign * step
            with kernels.backend("reference"):
                sides.append(applied(in_precision(operation.function), changed))
        above, below = sides
        moved = (above != center) | (below != center)  # what stays as it is adds no rounding
        size = np.abs(dy[moved]) * (np.abs(center[moved]) + np.abs(above[moved]) + np.abs(below[moved]))
        noise = 16 * np.finfo(np.float64).eps * float(size.sum()) / step
        right, left = (float((dy[moved] * ends).sum()) for ends in ((above - center)[moved], (center - below)[moved]))
        return right / step, left / step, noise

    allowed = max(ROUNDING * float(np.abs(passed).max()), NOISE * rounding)
    return _judged(cell, float(passed[cell]), float(gradient[cell]), allowed, float(arrays[place][cell]), slopes)


def _textbook(recording: Recording, operation: Operation, dtype: Any = None) -> tuple[Any, ...]:
    """Return what an operation's backward hands on by the textbook kernels, in the recording's precision or another."""
    dy = recording.values[operation.output].gradient
    assert dy is not None
    dtype = dtype or dy.dtype
    function = in_precision(operation.function, dtype)
    with kernels.backend("reference"):
        applied(function, [recording.values[number].array.astype(dtype) for number in operation.inputs])
        return function.backward(dy.astype(dtype))


def _judged(
    cell: Cell,
    recorded: float,
    gradient: float,
    allowed: float,
    x: float,
    slopes: Callable[[float], tuple[float, float, float]],
) -> Check:
    """Return the check of a gradient, given the slopes to the right and the left, with their rounding, by the step.

    `allowed` is how far the recorded one may be from that in float64.
    """
    rounded = abs(recorded - gradient) <= allowed
    found: list[tuple[float, float]] = []  # error and difference, by step
    verdict = WRONG
    for step in STEPS:
        right, left, noise = slopes(step * max(1.0, abs(x)))
        difference = (right + left) / 2
        size = max(abs(gradient), abs(difference))
        error = abs(gradient - difference) / size if size > noise else 0.0
        found.append((error, difference))
        if abs(gradient - difference) <= AGREE * size + noise:
            verdict = RIGHT
            break
        apart = abs(right - left) > 100 * (AGREE * size + noise)
        verdict = KINK if apart else WRONG  # a smaller step may stay clear of a kink nearby
    error, difference = found[-1] if verdict == RIGHT else min(found)
    return Check(cell, recorded, gradient, difference, error, verdict if rounded else WRONG)


def check_operations(recording: Recording, cells: int = 2, seed: int = 0) -> list[list[tuple[int, Check]]]:
    """Return for each operation its checks, each with the input's place: the largest number, and `cells` − 1 random."""
    rng = np.random.default_rng(seed)
    found: list[list[tuple[int, Check]]] = []
    for operation in recording.operations:
        of_operation = []
        for place, passed in enumerate(operation.passed):
            if passed is not None and passed.size:
                for cell in _cells(passed, cells, rng):
                    of_operation.append((place, check_operation(recording, operation, place, cell)))
        found.append(of_operation)
    return found


def _cells(array: np.ndarray, count: int, rng: np.random.Generator) -> Sequence[Cell]:
    """Return the cell of the largest number, and others at random."""
    flat = [int(np.abs(array).argmax()), *rng.integers(array.size, size=count - 1).tolist()]
    return [tuple(int(i) for i in np.unravel_index(place, array.shape)) for place in dict.fromkeys(flat)]


def check_backend(recording: Recording, operation: Operation) -> tuple[float, str]:
    """Compare what an operation handed on with the textbook kernels' in float64: see `agreement`."""
    if recording.values[operation.output].gradient is None:
        return 0.0, RIGHT
    return agreement(recording, operation, _textbook(recording, operation, np.float64))


def agreement(recording: Recording, operation: Operation, judged: Sequence[np.ndarray | None]) -> tuple[float, str]:
    """Compare all numbers that an operation handed on with those that somebody else computed, in float64.

    Returns the largest difference, relative to the largest number, and the verdict. Another order of summation in
    float32 explains about 1e-6.
    """
    worst, verdict = 0.0, RIGHT
    fine, coarse = _textbook(recording, operation, np.float64), _textbook(recording, operation)
    for own, other, *textbook in zip(operation.passed, judged, fine, coarse, strict=True):
        if own is None or not own.size:
            continue
        largest, error = float(np.abs(own).max()), distance(own, other)
        worst = max(worst, error / largest if largest else 0.0)
        if error > max(ROUNDING * largest, NOISE * distance(*textbook)):
            verdict = WRONG
    return worst, verdict
