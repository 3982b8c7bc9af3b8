"""Sources: what gives batches without being a `Dataset`, each made one, pass by pass over its batches.

Python generators and other iterators can be gone through once; what can be gone through again and again, such as
PyTorch's `DataLoader`, begins anew with every pass; and batches that have numbers, as in Keras's `PyDataset`, come by
number, in worker threads or processes ahead of the training step if the object asks for `workers`.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any

from .. import randomness
from .dataset import Dataset, as_batch, counted
from .pydataset import length_of

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future


class Source:
    """Base of all sources."""

    updates = 0  # that came before pass 0: see `Dataset`
    again = True  # whether a pass can begin anew

    def length(self, number: int) -> int | None:
        """Return the number of batches of pass `number`, from 0, or None if it is not known."""
        return None

    def batches(self, number: int, start: int, stop: int | None) -> Iterator[Any]:
        """Yield the batches of pass `number` from number `start` on, up to `stop` if that is given."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Return whether there may be a next batch."""
        return True

    def first(self) -> Any:
        """Return a first batch, to see what batches are like, None if there is none; none is lost by that."""
        raise NotImplementedError

    def on_epoch_begin(self) -> None:
        """Hear that an epoch begins, before its first batch."""

    def on_epoch_end(self) -> None:
        """Hear that an epoch has ended, after its last batch and before the next."""


class IterableSource(Source):
    """What can be gone through again: an open pass goes on where it was left, any other place is walked to."""

    def __init__(self, given: Iterable[Any]) -> None:
        self.given = given
        self.place: tuple[int, int] | None = None  # pass and batch at which `open` stands
        self.open: Iterator[Any] = iter(())

    def length(self, number: int) -> int | None:
        """Return the object's len, if it has one."""
        try:
            return len(self.given)  # type: ignore[arg-type]
        except TypeError:  # TensorFlow's datasets say by this that they are endless, or do not know
            return None

    def begin(self, number: int) -> Iterator[Any]:
        """Begin pass `number`."""
        return map(_as_tuple, self.given)

    def batches(self, number: int, start: int, stop: int | None) -> Iterator[Any]:
        """Yield batches of the pass, going on if they are the next."""
        if self.place != (number, start):
            self.open = islice(self.begin(number), start, None)
        self.place = None
        for at, batch in enumerate(islice(self.open, None if stop is None else stop - start), start + 1):
            self.place = (number, at)
            yield batch

    def first(self) -> Any:
        """Return the first batch of a pass that is given up then."""
        return next(self.begin(0), None)


class DatasetSource(IterableSource):
    """A `Dataset`: a pass is one of its epochs."""

    def __init__(self, data: Dataset) -> None:
        super().__init__(())
        self.data = data

    def length(self, number: int) -> int | None:
        """Return the number of batches of the epoch."""
        return self.data.steps(number)

    def begin(self, number: int) -> Iterator[Any]:
        """Begin the epoch."""
        self.data.updates = self.updates
        return counted(self.data, number)


class IteratorSource(Source):
    """A generator or another iterator: its batches come once, and epochs share them out."""

    again = False

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator
        self.seen: list[Any] = []  # taken to look at it, and not used yet

    def ready(self) -> bool:
        """Return whether there is a next batch, by taking it."""
        if not self.seen:
            self.seen.extend(islice(self.iterator, 1))
        return bool(self.seen)

    def first(self) -> Any:
        """Return the next batch, which is still to come."""
        return _as_tuple(self.seen[0]) if self.ready() else None

    def batches(self, number: int, start: int, stop: int | None) -> Iterator[Any]:
        """Yield the next batches, stop − start of them, whatever numbers these are."""
        left = map(_as_tuple, chain(self._taken(), self.iterator))
        yield from left if stop is None else islice(left, stop - start)

    def _taken(self) -> Iterator[Any]:
        while self.seen:
            yield self.seen.pop()


class SequenceSource(Source):
    """An object with `__getitem__(number)` and `__len__` or `num_batches`, as Keras's `PyDataset` and `Sequence`.

    With `shuffle`, a pass has its batches in an order drawn for the number of updates before it.
    """

    def __init__(self, given: Any, shuffle: bool) -> None:
        self.given, self.shuffle = given, shuffle
        self.workers = int(getattr(given, "workers", 1))
        self.processes = bool(getattr(given, "use_multiprocessing", False))
        self.ahead = int(getattr(given, "max_queue_size", 10))

    def length(self, number: int) -> int | None:
        """Return the number of batches, None if the object says that there is no end."""
        return length_of(self.given)

    def first(self) -> Any:
        """Return the first batch by number."""
        return None if self.length(0) == 0 else _as_tuple(self.given[0])

    def batches(self, number: int, start: int, stop: int | None) -> Iterator[Any]:
        """Yield the batches of these places in the pass's order."""
        n = self.length(number)
        if n is None:
            places: Iterable[int] = count(start) if stop is None else range(start, stop)
        else:
            order: Any = range(n)
            if self.shuffle:
                order = randomness.permutation(n, self.updates + number * n).tolist()
            places = order[start:stop]
        asked = self.workers > 1 or (self.workers > 0 and self.processes)
        return map(_as_tuple, self._fetched(places) if asked else map(self.given.__getitem__, places))

    def _fetched(self, places: Iterable[int]) -> Iterator[Any]:
        """Yield batches in their order, which workers make ahead: at most `max_queue_size` wait."""
        waiting: deque[Future[Any]] = deque()
        with self._pool() as pool:
            try:
                for place in places:
                    if self.processes:
                        waiting.append(pool.submit(_made, None, place))
                    else:  # what is switched by a `with` block around the caller holds for the worker
                        waiting.append(pool.submit(copy_context().run, _made, self.given, place))
                    if len(waiting) > self.ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for batch in waiting:
                    batch.cancel()

    def _pool(self) -> "Executor":
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

        if self.processes:
            return ProcessPoolExecutor(self.workers, initializer=_take, initargs=(self.given,))
        return ThreadPoolExecutor(self.workers)

    def on_epoch_begin(self) -> None:
        """Tell the object."""
        getattr(self.given, "on_epoch_begin", _nothing)()

    def on_epoch_end(self) -> None:
        """Tell the object."""
        getattr(self.given, "on_epoch_end", _nothing)()


_mine: Any = None  # in a worker process, the object whose batches it makes


def _take(given: Any) -> None:
    global _mine
    _mine = given


def _made(given: Any, place: int) -> Any:
    return (_mine if given is None else given)[place]


def _nothing() -> None:
    pass


def _as_tuple(batch: Any) -> Any:
    """Return a batch as `Dataset`s yield it: lists of its parts, and inputs alone, also in a dict, are allowed here."""
    if isinstance(batch, list):
        return tuple(batch)
    return (batch,) if hasattr(batch, "shape") or isinstance(batch, dict) else as_batch(batch)
