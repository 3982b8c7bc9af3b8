"""The badges of a page: what the checks of a recording say of each operation's gradients."""

from dataclasses import replace
from math import prod
from typing import Any

from .. import keras_judge
from ..checks import check_backend, check_operations
from ..recording import Operation, Recording
from .numbers import finite

Json = dict[str, Any]
LARGE = 1 << 23  # numbers in inputs and output: such an operation is not checked, whose copies in float64 fill memory
HEAVY = 1e8  # multiplications: such a one is checked in one cell of each input, not in two
NOTHING: tuple[list[Json], Json] = [], {"reference": None, "keras": None}


def badges(recording: Recording, keras: bool) -> list[tuple[list[Json], Json]]:
    """Return for each operation its central differences, and what other backends say: the textbook's, and Keras."""
    found = {}
    for cells, heavy in ((2, False), (1, True)):
        chosen = [
            each
            for each in recording.operations
            if _numbers(recording, each) <= LARGE and (_multiplications(recording, each) > HEAVY) == heavy
        ]
        for operation, checks in zip(
            chosen, check_operations(replace(recording, operations=chosen), cells), strict=True
        ):
            differences = [
                {
                    "input": place,
                    "cell": list(check.cell),
                    "gradient": finite(check.gradient),
                    "difference": finite(check.difference),
                    "error": finite(check.error),
                    "verdict": check.verdict,
                }
                for place, check in checks
            ]
            asked = keras_judge.check_keras(recording, operation) if keras else None
            reference = _said(check_backend(recording, operation))
            found[operation.number] = differences, {"reference": reference, "keras": asked and _said(asked)}
    return [found.get(each.number, NOTHING) for each in recording.operations]


def _said(answer: tuple[float, str]) -> Json:
    """Return what a backend said: the largest relative error, and the verdict."""
    return {"error": finite(answer[0]), "verdict": answer[1]}


def _numbers(recording: Recording, operation: Operation) -> int:
    """Return how many numbers an operation's inputs and its output have."""
    return sum(recording.values[number].array.size for number in (*operation.inputs, operation.output))


def _multiplications(recording: Recording, operation: Operation) -> int:
    """Return how many times an operation multiplies, if it has weights: for each output all weights of its unit."""
    output = recording.values[operation.output].array.size
    shapes = [recording.values[number].array.shape for number in operation.inputs[1:2]]
    return output * prod(shapes[0][:-1]) if shapes else output
