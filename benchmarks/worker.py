"""One engine in a process of its own, so that its threads and peak memory are its own: `python -m benchmarks.worker`.

Requests (method name, arguments) come pickled on standard input, from the parent alone; (True, result) or (False,
message) goes back. It ends when its input does, so it never outlives its parent by more than one request.
"""

import os
import pickle
import signal
import sys
import time
import traceback

import numpy as np

from . import agreement
from .engines import CONTESTANTS, Engine
from .inputs import Inputs
from .machine import peak_resident_mib
from .models import Model

WARM_UP_STEPS = 2


class Tasks:
    """What a worker can be asked."""

    def __init__(self) -> None:
        self.engine: Engine | None = None

    def check(self, name: str, model: Model, inputs: Inputs, threads: int, draw: int) -> agreement.Evidence:
        """See `agreement.collect`."""
        return agreement.collect(CONTESTANTS[name], model, inputs, threads, draw)

    def build(self, name: str, model: Model, inputs: Inputs, threads: int) -> None:
        """Get ready to be timed."""
        self.engine = CONTESTANTS[name].build(model, inputs, threads)

    def calibrate(self, mode: str, seconds: float) -> int:
        """How many steps fill `seconds`, after a warm-up that compiles what there is to compile."""
        self._steps(mode, 0, WARM_UP_STEPS)
        count = 1
        while (taken := self._steps(mode, WARM_UP_STEPS, count)) < seconds / 5:
            count *= 2
        return max(1, round(count * seconds / taken))

    def run(self, mode: str, first: int, count: int) -> float:
        """Milliseconds a step over `count` steps, after one untimed step that brings the caches back."""
        self._steps(mode, first, 1)
        return 1000 * self._steps(mode, first + 1, count) / count

    def latencies(self, mode: str, first: int, count: int) -> tuple[float, float]:
        """Milliseconds of a step by itself, over `count` of them: the median, and the 95th percentile."""
        self._steps(mode, first, 1)
        taken = [1000 * self._steps(mode, index, 1) for index in range(first + 1, first + 1 + count)]
        middle, late = np.percentile(taken, [50, 95])
        return float(middle), float(late)

    def peak(self) -> float | None:
        """See `machine.peak_resident_mib`."""
        return peak_resident_mib()

    def _steps(self, mode: str, first: int, count: int) -> float:
        """Seconds for `count` steps on batches `first`, `first` + 1, …"""
        if self.engine is None:
            raise RuntimeError("a worker must build its engine before it runs")
        step = self.engine.step if mode == "train" else self.engine.predict
        start = time.perf_counter()
        for index in range(first, first + count):
            step(index)
        return time.perf_counter() - start


def main() -> None:
    """Answer requests until there are no more. What libraries print goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends its workers
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    tasks = Tasks()
    while True:
        try:
            method, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = True, getattr(tasks, method)(*arguments)
        except Exception as error:  # whatever an engine raises is reported, and the other engines go on
            traceback.print_exc()
            answer = False, f"{type(error).__name__}: {error}"
        del arguments
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
