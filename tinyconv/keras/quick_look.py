"""A quick look at a script: fewer epochs and samples, and arrays that are shorter than the script takes them to be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from math import ceil
from typing import Any

import numpy as np

from ..data.source_dataset import as_dataset

FEW = 0.05  # of all samples


@dataclass
class Caps:
    """What a quick look is cut down to: epochs of each `fit`, and samples that each sees; None for no limit."""

    epochs: int | None = None
    samples: int | None = None

    def limited(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a `fit` within the limits."""
        arguments = dict(arguments)
        if self.epochs is not None:
            start = arguments.get("initial_epoch") or 0
            arguments["epochs"] = min(arguments.get("epochs", 1), start + self.epochs)
        if self.samples is not None:
            for data, steps in (("x", "steps_per_epoch"), ("validation_data", "validation_steps")):
                self._limit(arguments, data, steps)
        return arguments

    def _limit(self, arguments: dict[str, Any], data: str, steps: str) -> None:
        """Limit the steps of data that come in batches, and the samples of arrays."""
        assert self.samples is not None
        given = arguments.get(data)
        if given is None:
            return
        if as_dataset(given, False, None) is not None:
            size = getattr(given, "batch_size", None) or arguments.get("batch_size") or 32
            most = max(1, ceil(self.samples / size))
            arguments[steps] = min(arguments.get(steps) or most, most)
        else:
            size = arguments.get("batch_size") or 32
            n = max(self.samples // size, 1) * size  # whole batches, on which some scripts count
            if data == "x":
                arguments["x"], arguments["y"] = (_cut(part, n) for part in (given, arguments.get("y")))
                if arguments.get("sample_weight") is not None:
                    arguments["sample_weight"] = _cut(arguments["sample_weight"], n)
            else:
                arguments[data] = tuple(_cut(part, n) for part in given)
        if arguments.get(steps) == 0:  # of a share of short arrays
            arguments[steps] = 1

    def padded(self, history: Any, wanted: int) -> None:
        """Give a history, of `fit` cut down by these limits, NaN for the epochs that were left out.

        A script may draw it over as many epochs as it asked for.
        """
        done = len(history.epoch)
        if self.epochs is None or done < self.epochs:  # or training ended by itself
            return
        for values in history.history.values():
            values.extend([float("nan")] * (wanted - done))


def _cut(part: Any, n: int) -> Any:
    """Return the first n samples of an array, or of each in a list or a dict."""
    if isinstance(part, list | tuple):
        return [_cut(each, n) for each in part]
    if isinstance(part, dict):
        return {name: _cut(each, n) for name, each in part.items()}
    return part.view(np.ndarray)[:n] if isinstance(part, Short) else None if part is None else part[:n]


class Short(np.ndarray[Any, Any]):
    """The first samples of a data set of `full` samples, which a script may handle as if all were there.

    A shape that names the full number is read as one of the number that there is; places in the full set, as indices
    or as ends of slices, that lie beyond it are scaled down. A slice of few, which may be a batch or the pictures of a
    figure, has as many as it was to have, some of them again.
    """

    full: int | None

    def __array_finalize__(self, other: Any) -> None:
        self.full = getattr(other, "full", None)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if array.ndim == 0:
            return array[()]
        found = array.view(Short)
        found.full = self.full if self.ndim and len(found) == len(self) else None
        return found

    def of_same_rows(self, rows: np.ndarray) -> "Short":
        """Return what was computed of each sample, as short of the same full number."""
        found = rows.view(Short)
        found.full = self.full
        return found

    def numpy(self) -> np.ndarray:
        """Return the array as TensorFlow's tensors do: a script may have made it of one."""
        return np.asarray(self)

    def _is_whole(self) -> bool:
        return bool(self.full and self.ndim and self.full > len(self))

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Return the array in another shape, which may name the full number of samples."""
        lengths = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if self._is_whole() and lengths and lengths[0] == self.full:
            lengths = (len(self), *lengths[1:])
        return super().reshape(tuple(lengths) if isinstance(lengths, list) else lengths, **options)

    def __getitem__(self, places: Any) -> Any:
        if not self._is_whole():
            return super().__getitem__(places)
        first, *rest = places if isinstance(places, tuple) else (places,)
        if isinstance(first, slice):
            asked = np.arange(self.full or 0)[first]
            if len(asked) <= FEW * (self.full or 0) and np.any(asked >= len(self)):
                return np.asarray(self)[(asked % len(self), *rest)]
        found = super().__getitem__((self._scaled(first), *rest))
        if isinstance(found, Short) and isinstance(first, np.ndarray) and first.dtype == bool:
            found.full = len(found) * (self.full or 0) // len(self)
            return found
        if isinstance(found, Short) and not isinstance(first, slice):
            found.full = None
        if isinstance(first, slice) and isinstance(found, Short):
            found.full = len(range(*first.indices(self.full or 0)))
        return found

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def _scaled(self, place: Any) -> Any:
        assert self.full is not None
        if isinstance(place, slice):
            start, stop = (None if end is None else self._end(end) for end in (place.start, place.stop))
            return slice(start, stop, place.step)
        if isinstance(place, int | np.integer) and not isinstance(place, bool):
            return place % len(self) if len(self) <= place < self.full else place
        if isinstance(place, np.ndarray | list) and np.asarray(place).dtype.kind in "iu":
            given = np.asarray(place)
            return np.where((given >= len(self)) & (given < self.full), given % len(self), given)
        return place

    def _end(self, end: Any) -> Any:
        """Return the end of a slice of the full set as one of the samples there are: a quarter of them at least."""
        assert self.full is not None
        if abs(end) <= len(self):
            return end
        return int(np.sign(end)) * max(abs(int(end)) * len(self) // self.full, len(self) // 4)


def of_short(predict: Callable[..., Any]) -> Callable[..., Any]:
    """Return `predict` as one whose rows for a short array may be handled as the array's own."""

    @wraps(predict)
    def predicted(model: Any, x: Any, *given: Any, **named: Any) -> Any:
        found = predict(model, x, *given, **named)
        if not isinstance(x, Short) or not isinstance(found, np.ndarray) or len(found) != len(x):
            return found
        return x.of_same_rows(found)

    return predicted


def short(array: np.ndarray, samples: int | None) -> np.ndarray:
    """Return the first samples of an array; the array itself if it has no more."""
    if samples is None or len(array) <= samples:
        return array
    found = array[:samples].view(Short)
    found.full = len(array)
    return found
