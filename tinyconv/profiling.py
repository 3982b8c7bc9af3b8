"""Where the time of a prediction, or of a training step, goes: a table of its operations.

    print(tc.profile(model, x))           a prediction, by the plan that `predict` uses
    print(tc.profile(model, x, y))        a training step: forward, backward, and the optimizer's

Times are medians of several runs, after one that compiles what is missing. Bytes are those of an operation's inputs and
result, each counted once: divided by its time, they say how near it is to the speed of memory.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from .arguments import size
from .autograd import calls, no_grad, traced_by
from .data import Batch
from .models import Model
from .models.execution_plan import Operation, plan_of
from .structure import flat
from .tensor import Function, Tensor


@dataclass
class Row:
    """An operation: its name, layer and algorithm ("" where it has none), result, bytes, and seconds of each run."""

    operation: str
    layer: str
    algorithm: str
    shape: tuple[int, ...]
    bytes: int
    forward: list[float]
    backward: list[float]

    @property
    def seconds(self) -> float:
        """Seconds, forward and backward."""
        return _median(self.forward) + _median(self.backward)


@dataclass
class Profile:
    """What `profile` returns: rows in the order of the forward pass, and the seconds of whole runs. Printed, a table.

    `total` is more than the rows together: Python between the operations is in it, and in training the optimizer.
    """

    rows: list[Row]
    totals: list[float]
    optimizer: list[float]

    @property
    def total(self) -> float:
        """Seconds of a whole run."""
        return _median(self.totals)

    def __str__(self) -> str:
        trained = any(row.backward for row in self.rows)
        titles = ["operation", "layer", "algorithm", "result", "MB", "ms", *(["backward, ms"] if trained else []), "%"]
        lines = [
            [
                *(row.operation, row.layer, row.algorithm, "×".join(map(str, row.shape)), f"{row.bytes / 1e6:.2f}"),
                *(_milliseconds(each) for each in ([row.forward, row.backward] if trained else [row.forward])),
                f"{100 * row.seconds / self.total:.1f}",
            ]
            for row in self.rows
        ]
        rest = self.total - sum(row.seconds for row in self.rows) - _median(self.optimizer)
        ends = [("optimizer", _median(self.optimizer))] if self.optimizer else []
        for name, seconds in [*ends, ("Python between them", rest), ("whole", self.total)]:
            times = [f"{1000 * seconds:.3f}", *([""] if trained else [])]
            lines.append([name, "", "", "", "", *times, f"{100 * seconds / self.total:.1f}"])
        widths = [max(len(line[i]) for line in [titles, *lines]) for i in range(len(titles))]
        left = 4  # columns of words, the others are of numbers
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i < left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in [titles, *lines]
        )


def profile(model: Model, x: Any, y: Any = None, repeats: int = 10) -> Profile:
    """Measure the operations of a prediction on one batch `x`, or with targets `y` of a training step of a copy.

    `x` and `y` are what `predict` and `train_on_batch` take. The model stays as it is. Raises ValueError where `y` is
    given for a model that is not compiled.
    """
    repeats = size("repeats", repeats)
    if y is None:
        inputs = model.checked_inputs(x)
        with no_grad():
            model(inputs, training=False)  # makes the plan, where there can be one
        return _measured(lambda recorder: _predict(model, inputs, recorder), repeats)
    if not model.compiled:
        raise ValueError("a training step needs a loss and an optimizer: call model.compile first, or leave out y")
    own = copy.deepcopy(model)
    batch = own.moved(own.checked(Batch(x, y)))
    return _measured(lambda recorder: _train(own, batch, recorder), repeats)


def _predict(model: Model, x: Any, recorder: "_Recorder") -> None:
    arrays = [np.asarray(each, model.dtype) for each in flat(x)]
    with no_grad():
        plan = plan_of(model, arrays)
        if plan is None:
            with traced_by(recorder):
                model(x, training=False)
        else:
            recorder.last = time.perf_counter()
            plan.run(arrays, recorder.watch)


def _train(model: Model, batch: Any, recorder: "_Recorder") -> None:
    with traced_by(recorder):
        loss = model.outputs_and_loss(batch, True)[1]
    weights = model.trainable_weights
    for weight in weights:
        weight.grad = None
    recorder.last = time.perf_counter()
    loss.backward(observe=recorder.observe)
    began = time.perf_counter()
    assert model.optimizer is not None
    model.optimizer.apply([weight.grad for weight in weights], weights)
    recorder.optimizer.append(time.perf_counter() - began)


class _Recorder:
    """Times each operation of one run."""

    def __init__(self, rows: list[Row], optimizer: list[float]) -> None:
        self.rows, self.optimizer = rows, optimizer
        self.count = 0
        self.last = 0.0
        self.numbers: dict[int, int] = {}

    def __call__(self, function: Function, inputs: tuple[Tensor, ...], apply: Callable[[], Tensor]) -> Tensor:
        """Apply the function and time it."""
        open_calls = calls()
        layer = getattr(open_calls[-1].layer, "name", "") if open_calls else ""
        self.last = time.perf_counter()
        result = apply()
        self.numbers[id(function)] = self.count
        self._add(function, layer, [tensor.data for tensor in inputs], result.data)
        return result

    def watch(self, operation: Operation, function: Function, given: Sequence[Any], result: Any) -> None:
        """Time an operation of a plan, from the one before it on."""
        self._add(function, operation.layer, given, result)

    def _add(self, function: Function, layer: str, given: Sequence[Any], result: Any) -> None:
        """Take in what has just been computed, since `last`."""
        now = time.perf_counter()
        if self.count == len(self.rows):
            moved = sum({id(array): array.nbytes for array in (*given, result)}.values())
            algorithm = function.algorithm(*given)
            self.rows.append(Row(type(function).__name__, layer, algorithm, result.shape, moved, [], []))
        self.rows[self.count].forward.append(now - self.last)
        self.count += 1
        self.last = time.perf_counter()

    def observe(self, function: Function, inputs: tuple[Tensor, ...], dy: Any, found: tuple[Any, ...]) -> None:
        """Time the backward of a function, from that of the last one on."""
        now = time.perf_counter()
        number = self.numbers.get(id(function))
        if number is not None:
            self.rows[number].backward.append(now - self.last)
        self.last = now


def _measured(run: Callable[[_Recorder], None], repeats: int) -> Profile:
    """Return what `repeats` runs took, after one that compiles kernels."""
    run(_Recorder([], []))
    rows: list[Row] = []
    optimizer: list[float] = []
    totals = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(_Recorder(rows, optimizer))
        totals.append(time.perf_counter() - began)
    return Profile(rows, totals, optimizer)


def _median(seconds: Sequence[float]) -> float:
    return median(seconds) if seconds else 0.0


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{1000 * _median(seconds):.3f}" if seconds else ""
