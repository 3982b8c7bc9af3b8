"""The badges of a page: what the checks of a recording say of each operation's gradients."""

from dataclasses import replace
from math import prod
from typing import Any

from .. import keras_judge
from ..checks import check_backend, check_operations
from ..recording import Operation, Recording
from .finite import finite

Json = dict[str, Any]
LARGE = 1 << 23  # numbers in inputs and output: such an operation is not checked, whose copies in float64 fill memory
WORK = 5e9  # multiplications: the operations that need more together, the heaviest of them, are not checked
FEW, LIGHT = 1 << 18, 2e7  # numbers, and multiplications, up to which two cells of each input are checked, else one
NOTHING: tuple[list[Json], Json] = [], {"reference": None, "keras": None}


def badges(recording: Recording, keras: bool) -> list[tuple[list[Json], Json]]:
    """Return for each operation its central differences, and what other backends say: the textbook's, and Keras."""
    found = {}
    within = _within_reach(recording)
    for cells, light in ((2, True), (1, False)):
        chosen = [each for each in within if _is_light(recording, each) == light]
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


def _within_reach(recording: Recording) -> list[Operation]:
    """Return the operations that are checked, in their order: all but those that are too much for it."""
    work = 0
    found = []
    for operation in sorted(recording.operations, key=lambda each: _multiplications(recording, each)):
        work += _multiplications(recording, operation)
        if _numbers(recording, operation) <= LARGE and work <= WORK:
            found.append(operation)
    return sorted(found, key=lambda each: each.number)


def _is_light(recording: Recording, operation: Operation) -> bool:
    """Return whether an operation is soon computed again."""
    return _numbers(recording, operation) <= FEW and _multiplications(recording, operation) <= LIGHT


def _numbers(recording: Recording, operation: Operation) -> int:
    """Return how many numbers an operation's inputs and its output have."""
    return sum(recording.values[number].array.size for number in (*operation.inputs, operation.output))


def _multiplications(recording: Recording, operation: Operation) -> int:
    """Return how many times an operation multiplies, if it has weights: for each output all weights of its unit."""
    output = recording.values[operation.output].array.size
    shapes = [recording.values[number].array.shape for number in operation.inputs[1:2]]
    return output * prod(shapes[0][:-1]) if shapes else output
