"""PyDataset: batches by number, as Keras's users write them."""

from collections.abc import Iterator
from itertools import count
from typing import Any


class PyDataset:
    """Base of datasets that make a batch from its number: a subclass writes `__len__` and `__getitem__`.

        class Images(tc.utils.PyDataset):
            def __len__(self):
                return len(self.files) // 32  # batches

            def __getitem__(self, index):
                return read(self.files[32 * index : 32 * (index + 1)])  # (x, y) or (x, y, sample_weight)

    `fit` shuffles the batches, unless it is told shuffle=False. With more than one of `workers`, batches are made ahead
    in threads, or in processes with `use_multiprocessing`, and at most `max_queue_size` of them wait. `on_epoch_begin`
    and `on_epoch_end` are called once an epoch, when no worker is at work. A subclass whose data have no end defines
    the property `num_batches` as None in place of `__len__`, and `fit` then needs steps_per_epoch.
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__")

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None if there is no end; or what a subclass has set, beside its `__len__`."""
        if hasattr(self, "_own_num_batches"):
            return self._own_num_batches
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} defines no __len__, and no num_batches either")

    @num_batches.setter
    def num_batches(self, value: Any) -> None:
        self._own_num_batches = value

    def __iter__(self) -> Iterator[Any]:
        n = length_of(self)
        for index in count() if n is None else range(n):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called once before each epoch."""

    def on_epoch_end(self) -> None:
        """Called once after each epoch: here the data may change for the next."""


def length_of(given: Any) -> int | None:
    """Return the number of batches of an object that has them by number; None if there is no end."""
    by_len = hasattr(given, "_own_num_batches") or not hasattr(given, "num_batches")
    found = len(given) if by_len and hasattr(given, "__len__") else given.num_batches
    return None if found is None else int(found)


Sequence = PyDataset  # Keras's older name
