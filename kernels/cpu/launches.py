"""Recorded launches: the kernels that a computation launches, with their arguments, to be launched again as a list.

Between two kernels stands Python that depends on shapes alone: it chooses algorithms, asks for memory, cuts arrays
into views. For a small image that takes longer than the kernels. So it is done once, while a `Recording` notes what is
launched; `Launches.run` goes through the list. The memory is the recording's own and stays with the list: where an
array is over, the next is laid over it, as it was when the launches were noted.

Nothing of this concerns the numbers: the same kernels read the weights where they are and compute the same bits.
"""

from collections.abc import Callable, Sequence
from operator import is_
from threading import Lock
from types import TracebackType
from typing import Any

import numpy as np
from numba.core import config

from ..algorithm import wanted_algorithm
from ..shared import RecordingError
from .compile import Kernel
from .memory import COMMON, Pool, empty, here, is_constant
from .parallel import threads_here

# Memory of a list of launches, which stays with it. What needs more computes for so long that Python between kernels
# does not show.
MAX_BYTES = 20 * 1024 * 1024
MIN_BYTES = 4096  # less than that of a block of it is not cut off

Step = tuple[Callable[..., Any], tuple[Any, ...]]
Watch = Callable[[int, Sequence[Any], Any], None]

_one_at_a_time = Lock()  # recordings: each changes how kernels are called


class Launches:
    """Steps that compute `outputs` from `inputs`, arrays of their own, and weights; see `Recording.launches`."""

    def __init__(
        self,
        steps: Sequence[Step],
        inputs: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray | None],
        operations: Sequence[tuple[int, Sequence[Any], Any]],
    ) -> None:
        self.steps, self.inputs, self.weights, self.outputs = list(steps), inputs, list(weights), outputs
        self.operations = list(operations)
        self.threads, self.algorithm = threads_here(), wanted_algorithm()
        self._running = Lock()

    def fits(self, weights: Sequence[np.ndarray]) -> bool:
        """Return whether these are the weights, and threads and algorithms are chosen as they were."""
        same = all(map(is_, weights, self.weights))
        return same and self.threads == threads_here() and self.algorithm == wanted_algorithm()

    def run(self, arrays: Sequence[np.ndarray], watch: Watch | None = None) -> list[np.ndarray | None] | None:
        """Return the outputs, new arrays, for arrays like the inputs; None while another thread of Python is at it.

        `watch(number, arrays, result)` is called after the steps of each operation.
        """
        if not self._running.acquire(blocking=False):
            return None
        try:
            for own, array in zip(self.inputs, arrays, strict=True):
                np.copyto(own, array)
            if watch is None:
                for function, arguments in self.steps:
                    function(*arguments)
            else:
                self._run_watched(watch)
            return [output if output is None else output.copy() for output in self.outputs]
        finally:
            self._running.release()

    def _run_watched(self, watch: Watch) -> None:
        begin = 0
        for number, (end, arrays, result) in enumerate(self.operations):
            for function, arguments in self.steps[begin:end]:
                function(*arguments)
            watch(number, arrays, result)
            begin = end


class Recording:
    """Notes the launches of this thread inside its `with` block, in which `empty` and the like give its own memory.

    `weights` are arrays of others that kernels may read where they are. The block gets None where nothing can be
    recorded: without the compiler, or while another recording is going on.
    """

    def __init__(self, weights: Sequence[np.ndarray]) -> None:
        self.memory = _Memory()
        self.weights = weights
        self._spans = [_span(array) for array in weights]
        self._steps: list[Step] = []
        self._operations: list[tuple[int, Sequence[Any], Any]] = []  # the end of each one's steps, and its arrays
        self._inputs: list[np.ndarray] = []
        self._is_closed = True  # whether the launches that are being noted use no memory but ours

    def __enter__(self) -> "Recording | None":
        self._is_on = not config.DISABLE_JIT and _one_at_a_time.acquire(blocking=False)
        if not self._is_on:
            return None
        Kernel.__call__ = _noting
        here.pool = self.memory
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_on:
            here.recording, here.pool = None, COMMON
            del Kernel.__call__
            _one_at_a_time.release()

    def apply(self, make: Callable[[], Any], arrays: Sequence[Any], by_kernels: bool) -> Any:
        """Return make().forward(*arrays), an application of an operation, and note what computes it.

        If it is `by_kernels`, all that depends on numbers happens in launches, and these are noted; where they turn out
        to use other memory than the recording's, or if it is not, the operation itself is, and a copy of its result.
        """
        before, self._is_closed = len(self._steps), True
        if by_kernels:
            here.recording = self
        else:
            here.pool = COMMON
        try:
            result = make().forward(*arrays)
        finally:
            here.recording, here.pool = None, self.memory
        views = [self._view(array) if isinstance(array, np.ndarray) and array.ndim else array for array in arrays]
        if not by_kernels or not self._is_closed or self._view(result) is None:
            del self._steps[before:]
            own = empty(result.shape, result.dtype)
            np.copyto(own, result)
            self._steps.append((_compute, (make, views, self._view(own))))
            result = own
        self._operations.append((len(self._steps), views, self._view(result)))
        return result

    def copied(self, array: np.ndarray) -> np.ndarray:
        """Return a copy of an input: later ones will take its place."""
        self._inputs.append(empty(array.shape, array.dtype))
        np.copyto(self._inputs[-1], array)
        return self._inputs[-1]

    def launches(self, outputs: Sequence[np.ndarray | None]) -> Launches:
        """Return what was noted as a list to be run, after which the outputs are there: ours, or None."""
        return Launches(self._steps, self._inputs, self.weights, outputs, self._operations)

    def note(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Note a launch, its arrays without a claim on their memory, which others may have after them."""
        self._steps.append((function, self._views(arguments)))

    def _views(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with their arrays, and those in tuples, as `_view` has them; note where it has none."""
        views: list[Any] = []
        for each in arguments:
            view = each
            if isinstance(each, tuple):
                view = self._views(each)
            elif isinstance(each, np.ndarray):
                view = self._view(each)
                self._is_closed = self._is_closed and view is not None
            views.append(view)
        return tuple(views)

    def returned(self, result: Any) -> None:
        """Hear what a launch returned: an array that it made would be another one the next time."""
        if result is not None:
            self._is_closed = False

    def _view(self, array: np.ndarray) -> np.ndarray | None:
        """Return an array like this one on the same memory, None where that is neither the recording's nor kept."""
        if array.size == 0 or is_constant(array):
            return array
        start, end = _span(array)
        if any(first <= start and end <= last for first, last in self._spans):
            return array
        owner = self.memory.owner(start, end)
        if owner is None:
            return None
        return np.ndarray(array.shape, array.dtype, owner, start - owner.ctypes.data, array.strides)


class _Memory(Pool):
    """The memory of a recording, of which nothing is let go."""

    def __init__(self) -> None:
        super().__init__(max_unused=MAX_BYTES, least=MIN_BYTES)
        self.owners: list[np.ndarray] = []
        self.left = MAX_BYTES

    def let_go(self, size: int) -> int:
        return 0

    def new(self, size: int) -> np.ndarray:
        self.left -= size
        if self.left < 0:
            raise RecordingError
        self.owners.append(super().new(size))
        return self.owners[-1]

    def owner(self, start: int, end: int) -> np.ndarray | None:
        """Return the memory that has the bytes from address `start` to `end`."""
        for owner in self.owners:
            first = owner.ctypes.data
            if first <= start and end <= first + owner.size:
                return owner
        return None


def _span(array: np.ndarray) -> tuple[int, int]:
    """Return the addresses of an array's first byte and of the one past its last."""
    return np.lib.array_utils.byte_bounds(array)


def _noting(kernel: Kernel, *arguments: Any) -> Any:
    """Launch a kernel, and note it if this thread is recording."""
    recording = here.recording
    if recording is not None:
        recording.note(kernel, arguments)
    result = super(Kernel, kernel).__call__(*arguments)
    if recording is not None:
        recording.returned(result)
    return result


def _compute(make: Callable[[], Any], arrays: Sequence[Any], result: np.ndarray) -> None:
    np.copyto(result, make().forward(*arrays))
