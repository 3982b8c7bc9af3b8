"""`tf.data.Dataset`: a chain of steps from elements to batches, each made when it is asked for.

Elements are kept as NumPy's arrays; a script that goes through them, and its functions in `map` and `filter`, get
tensors. Where the elements are rows of arrays, what only changes their order works on the rows' numbers, and a batch is
taken out of the arrays at once.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat
from typing import Any

import numpy as np

from ....autograd import no_grad
from ....data import Batch
from ....data import Dataset as Batches
from ....randomness import Stream
from ...operations import TensorSpec, Values, tensor
from ...operations.values import whole
from ...vocabulary import refused
from .structure import given, kept, leaves, mapped, numpy, row, stacked

INFINITE, UNKNOWN = -1, -2

Begin = Callable[[], Iterator[Any]]


class Dataset(Batches):
    """Elements that can be gone through again and again: `begin` starts a pass over them.

    With `rows`, an array or a structure of them, a pass gives the numbers of rows. `length` is the number of elements.
    """

    may_run_out = True

    def __init__(self, begin: Begin, length: int = UNKNOWN, rows: Any = None) -> None:
        self._begin, self._length, self._rows = begin, length, rows
        self._opened: list[Any] = []  # a pass that was begun to look at its first element

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> "Dataset":
        """Return the rows of arrays: of one, or of each in a tuple or a dict."""
        rows = mapped(lambda array: np.asarray(tensor(array)), tensors)
        lengths = {len(array) for array in leaves(rows)}
        if len(lengths) != 1:
            raise ValueError(f"from_tensor_slices needs arrays of as many rows each, got {sorted(lengths)}")
        length = lengths.pop()
        return Dataset(lambda: iter(range(length)), length, rows)

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> "Dataset":
        """Return one element."""
        element = kept(tensors)
        return Dataset(lambda: iter([element]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = (),
        output_signature: Any = None,
        name: str | None = None,
    ) -> "Dataset":
        """Return what a generator yields; a pass calls `generator` anew."""
        types = output_types
        if output_signature is not None:
            types = mapped(lambda one: one.dtype, output_signature)

        def begin() -> Iterator[Any]:
            for value in generator(*(args or ())):
                yield kept(value) if types is None else _of_types(value, types)

        return Dataset(begin)

    @staticmethod
    def range(*ends: Any, **_: Any) -> "Dataset":
        """Return whole numbers, as Python's `range`."""
        return Dataset.from_tensor_slices(np.arange(*map(int, ends), dtype=np.int64))

    @staticmethod
    def zip(*datasets: Any, **named: Any) -> "Dataset":
        """Return tuples of an element of each dataset, as many as the shortest has."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        parts = named.get("datasets", parts)
        known = [part._length for part in parts if part._length != INFINITE]
        length = INFINITE if not known else UNKNOWN if UNKNOWN in known else min(known)
        return Dataset(lambda: _together(parts), length)

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: Any = None, name: Any = None) -> "Dataset":
        """Return the names of files that fit a pattern, in a random order unless shuffle=False."""
        from ..reading import gfile

        found = np.array(sorted(gfile.glob(file_pattern if isinstance(file_pattern, list | tuple) else [file_pattern])))
        if not len(found):
            raise ValueError(f"no files match {file_pattern}")
        files = Dataset.from_tensor_slices(found)
        return files if shuffle is False else files.shuffle(len(found), seed)

    # What a pass gives.

    def _elements(self) -> Iterator[Any]:
        if self._rows is None:
            return self._begin()
        if type(self._rows) is np.ndarray:
            return map(self._rows.__getitem__, self._begin())
        return (row(self._rows, place) for place in self._begin())

    def __iter__(self) -> "Pass":
        return Pass(map(given, self._elements()))

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Yield the elements as arrays of NumPy's."""
        return Pass(map(numpy, self._elements()))

    def __len__(self) -> int:
        if self._length < 0:
            raise TypeError(f"the dataset's length is {'infinite' if self._length == INFINITE else 'unknown'}")
        return self._length

    def cardinality(self) -> Any:
        """Return the number of elements; −1 if there is no end, −2 if it is not known."""
        return np.array(self._length).view(Values)

    @property
    def element_spec(self) -> Any:
        """Shape and type of the elements, as those of the first."""
        first = next(self._elements())
        return mapped(lambda array: TensorSpec(np.shape(array), np.asarray(array).dtype), first)

    # What `fit`, `evaluate` and `predict` are given.

    def steps(self, number: int) -> int | None:
        """Return the number of batches, None if it is not known."""
        return self._length if self._length >= 0 else None

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield the batches of a pass."""
        return map(_as_batch, self._opened.pop() if self._opened else self._elements())

    def first(self) -> Any:
        """Return the first batch of a pass that `epoch` goes on with."""
        elements = self._opened.pop() if self._opened else self._elements()
        element = next(elements, None)
        if element is None:
            raise ValueError("the dataset has no elements: what is given must yield at least one batch")
        self._opened.append(chain([element], elements))
        return _as_batch(element)

    # What makes one dataset of another.

    def _of_places(self, change: Callable[[Iterator[Any]], Iterator[Any]], length: int) -> "Dataset":
        """Return the dataset of a pass that is changed in order and length alone."""
        return Dataset(lambda: change(self._begin()), length, self._rows)

    def map(self, map_func: Callable[..., Any], *_: Any, **__: Any) -> "Dataset":
        """Return what a function makes of each element; one that is a tuple comes as so many arguments."""

        def begin() -> Iterator[Any]:
            for element in self._elements():
                with no_grad():
                    made = _called(map_func, element)
                yield kept(made)

        return Dataset(begin, self._length)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> "Dataset":
        """Return the elements of which a condition holds."""
        return Dataset(lambda: filter(lambda each: bool(np.asarray(_called(predicate, each))), self._elements()))

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: bool | None = None, name: Any = None
    ) -> "Dataset":
        """Return the elements in a random order: each drawn from the next `buffer_size` of them.

        A pass draws anew, unless reshuffle_each_iteration=False.
        """
        size, stream, passes = int(whole(buffer_size)), Stream(None if seed is None else int(whole(seed))), [0]

        def change(elements: Iterator[Any]) -> Iterator[Any]:
            if reshuffle_each_iteration is not False:
                passes[0] += 1
            key = [stream.seed, stream.number << 32 | passes[0]]
            return _shuffled(elements, size, np.random.Generator(np.random.Philox(key=key)))

        return self._of_places(change, self._length)

    def batch(self, batch_size: Any, drop_remainder: bool = False, *_: Any, **__: Any) -> "Dataset":
        """Return elements joined, `batch_size` at a time; the last may be smaller, unless it is dropped."""
        n = int(whole(batch_size))
        length = self._length
        if length >= 0:
            length = length // n if drop_remainder else -(-length // n)

        def begin() -> Iterator[Any]:
            source = self._begin()
            while rows := list(islice(source, n)):
                if len(rows) == n or not drop_remainder:
                    yield stacked(rows) if self._rows is None else _taken(self._rows, rows)

        return Dataset(begin, length)

    def unbatch(self, name: str | None = None) -> "Dataset":
        """Return the rows of each element."""

        def begin() -> Iterator[Any]:
            for element in self._elements():
                for place in range(len(leaves(element)[0])):
                    yield row(element, place)

        return Dataset(begin)

    def rebatch(self, batch_size: Any, drop_remainder: bool = False) -> "Dataset":
        """Return batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def repeat(self, count: Any = None, name: str | None = None) -> "Dataset":
        """Return the elements again and again: without an end, or so many times."""
        times = None if count is None or int(whole(count)) < 0 else int(whole(count))
        length = INFINITE if times is None else self._length if self._length < 0 else self._length * times
        passes: Callable[[], Any] = (lambda: repeat(None)) if times is None else lambda: range(times)

        def begin() -> Iterator[Any]:
            for _ in passes():
                empty = True
                for element in self._begin():
                    empty = False
                    yield element
                if empty:
                    return

        return Dataset(begin, length, self._rows)

    def take(self, count: Any, name: str | None = None) -> "Dataset":
        """Return the first elements; all if `count` is −1."""
        n = int(whole(count))
        if n < 0:
            return self
        length = n if self._length == INFINITE else self._length if self._length < 0 else min(n, self._length)
        return self._of_places(lambda elements: islice(elements, n), length)

    def skip(self, count: Any, name: str | None = None) -> "Dataset":
        """Return the elements after the first ones."""
        n = int(whole(count))
        return self._of_places(
            lambda elements: islice(elements, n, None), self._length if self._length < 0 else max(self._length - n, 0)
        )

    def concatenate(self, dataset: "Dataset", name: str | None = None) -> "Dataset":
        """Return the elements, and then those of another dataset."""
        lengths = self._length, dataset._length
        length = INFINITE if INFINITE in lengths else UNKNOWN if UNKNOWN in lengths else sum(lengths)
        return Dataset(lambda: chain(self._elements(), dataset._elements()), length)

    def enumerate(self, start: int = 0, name: str | None = None) -> "Dataset":
        """Return (number, element) for each element."""
        return Dataset(
            lambda: ((np.int64(n), each) for n, each in enumerate(self._elements(), int(start))), self._length
        )

    def cache(self, filename: Any = "", name: str | None = None) -> "Dataset":
        """Return a dataset that keeps in memory what the first whole pass gave."""
        if self._rows is not None:
            return self
        memory: list[list[Any]] = []

        def begin() -> Iterator[Any]:
            if memory:
                yield from memory[0]
                return
            found = []
            for element in self._elements():
                found.append(element)
                yield element
            memory[:] = [found]

        return Dataset(begin, self._length)

    def prefetch(self, buffer_size: Any = None, name: str | None = None) -> "Dataset":
        """Return the dataset itself: batches are made when they are needed, by all threads."""
        return self

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> "Dataset":
        """Return the elements of the datasets that a function makes of each element."""
        return Dataset(lambda: (each for one in self._elements() for each in _called(map_func, one)._elements()))

    def interleave(
        self, map_func: Callable[..., Any], cycle_length: Any = None, block_length: int = 1, *_: Any, **__: Any
    ) -> "Dataset":
        """Return the elements of the datasets that a function makes, some from each of `cycle_length` in turn."""
        most = int(cycle_length) if cycle_length and int(cycle_length) > 0 else 16

        def begin() -> Iterator[Any]:
            source = self._elements()
            open_ones = [_called(map_func, one)._elements() for one in islice(source, most)]
            while open_ones:
                for each in list(open_ones):
                    taken = list(islice(each, int(block_length)))
                    yield from taken
                    if len(taken) < int(block_length):
                        place = open_ones.index(each)
                        open_ones[place : place + 1] = [_called(map_func, one)._elements() for one in islice(source, 1)]

        return Dataset(begin)

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any], name: str | None = None) -> Any:
        """Return what comes of a state that a function changes by each element."""
        state = tensor(initial_state)
        for element in self._elements():
            state = reduce_func(state, given(element))
        return state

    def apply(self, transformation_func: Callable[["Dataset"], "Dataset"]) -> "Dataset":
        """Return what a function makes of the dataset."""
        return transformation_func(self)

    def with_options(self, *_: Any, **__: Any) -> "Dataset":
        """Return the dataset itself: options make no difference."""
        return self

    ignore_errors = with_options

    make_one_shot_iterator = make_initializable_iterator = refused(
        "an iterator as a part of a graph", "give the dataset to fit, or loop over it"
    )

    def get_single_element(self) -> Any:
        """Return the only element."""
        (element,) = self._elements()
        return given(element)


class Pass(Iterator[Any]):
    """One pass over a dataset."""

    def __init__(self, elements: Iterator[Any]) -> None:
        self.elements = elements

    def __next__(self) -> Any:
        return next(self.elements)

    get_next = next = __next__


def _together(parts: Any) -> Iterator[Any]:
    return zip(*(part._elements() for part in parts), strict=False)


def _called(function: Callable[..., Any], element: Any) -> Any:
    """Return what a script's function makes of an element."""
    return function(*given(element)) if isinstance(element, tuple) else function(given(element))


def _of_types(value: Any, types: Any) -> Any:
    if isinstance(types, list | tuple):
        return tuple(_of_types(part, dtype) for part, dtype in zip(value, types, strict=True))
    if isinstance(types, dict):
        return {name: _of_types(value[name], dtype) for name, dtype in types.items()}
    return np.asarray(value, "U") if str(types) == "str" else np.asarray(tensor(value, types))


def _as_batch(element: Any) -> Batch:
    if isinstance(element, tuple):
        return Batch(*element)
    return Batch(element)


def _taken(rows: Any, places: list[int]) -> Any:
    """Return rows of arrays: of neighbours, a part of the arrays themselves."""
    chosen: Any = np.array(places, np.intp)
    if len(places) == places[-1] - places[0] + 1 and (np.diff(chosen) == 1).all():
        chosen = slice(places[0], places[-1] + 1)
    return row(rows, chosen)


def _shuffled(elements: Iterator[Any], size: int, random: np.random.Generator) -> Iterator[Any]:
    """Yield elements, each drawn from a buffer of `size`, in whose place the next one comes."""
    buffer = list(islice(elements, size))
    while draws := list(zip(islice(elements, 1024), random.integers(0, size, 1024).tolist(), strict=False)):
        for element, place in draws:
            yield buffer[place]
            buffer[place] = element
    for place in random.permutation(len(buffer)).tolist():
        yield buffer[place]
