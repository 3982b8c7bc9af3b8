"""Datasets whose samples are made one by one, by worker threads, ahead of the training step that needs them."""

import copy
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from typing import Self

import numpy as np

from ... import kernels, randomness
from ...arguments import flag
from ...arguments import size as positive_size
from ..dataset import Batch, Dataset, checked_rank, share
from .decode import ImageError
from .files import ImageFiles

NAME = "tinyconv-images"  # of the threads
AHEAD = 2  # batches that are being made, or wait, while one is trained on


class SampleDataset(Dataset):
    """`samples` images, made by `sample`; a subclass writes it, and `batch`, which puts some of them together.

    An epoch's order, and all that is random in a sample, is a function of the seed and of the number of batches that
    came before the epoch: neither the threads nor what was read before matter, and a resumed run sees the same.
    """

    samples: int
    files: ImageFiles  # that the images are in, if they are in files
    damaged = "refuse"  # or "skip": what is done about a file whose damage shows only when it is read
    skipped: dict[str, str]  # the files that are left out, by name, and why
    may_be_empty = True

    def __init__(
        self, samples: int, batch_size: int, shuffle: bool, seed: int | None, workers: int | None = None
    ) -> None:
        self.samples, self.batch_size = samples, positive_size("batch_size", batch_size)
        self.shuffle, self.seed = flag("shuffle", shuffle), seed if seed is None else randomness.checked_seed(seed)
        self.workers = kernels.threads() if workers is None else positive_size("workers", workers)
        self._rank, self._ranks = 0, 1

    def sample(self, index: int, step: int) -> np.ndarray:
        """Return image number `index` (h, w, c) for the epoch before which `step` batches came. Called by threads.

        ImageError is for an image that cannot be read: see `leave_out`.
        """
        raise NotImplementedError

    def batch(self, indices: np.ndarray, images: list[np.ndarray]) -> Batch:
        """Return samples as a batch."""
        raise NotImplementedError

    def leave_out(self, index: int, error: ImageError) -> None:
        """Leave image number `index` out of its batch, and name its file once; or raise."""
        if self.damaged == "refuse":
            raise ImageError(f"{error}: take the file out of the folder") from error
        name, path = self.files.names[index], self.files.paths[index]
        if name not in self.skipped:
            self.skipped[name] = str(error).removeprefix(path).strip()
            warnings.warn(f"skipped a file: {error}", stacklevel=2)

    def complete(self) -> Self:
        """Return the dataset that refuses damaged files, by name."""
        found = copy.copy(self)
        found.damaged = "refuse"
        return found

    def order(self, step: int) -> np.ndarray:
        """Return the order of all images in the epoch before which `step` batches came."""
        if not self.shuffle:
            return np.arange(self.samples)
        return randomness.permutation(self.samples, step, self.seed)

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`; those that follow are being made meanwhile."""
        return self.batches(number)

    def batches(self, number: int, start: int = 0, ahead: int = AHEAD) -> Iterator[Batch]:
        """Yield the batches of epoch `number` from number `start` on, with `ahead` more of them in the making.

        One of whose files none can be read is a batch without samples; an epoch of such batches alone is refused.
        """
        step = self.updates + number * len(self)
        order = self.order(step)
        firsts, groups = [], []
        for at in range(start * self.batch_size, len(order), self.batch_size):
            whole = order[at : at + self.batch_size]
            own = share(len(whole), self._rank, self._ranks)
            firsts.append(own.start)
            groups.append(whole[own])
        making = closing(in_threads(lambda index: self.sample(index, step), groups, self.workers, ahead))
        nothing = start == 0
        with making as made:  # an error, which may keep this frame alive, ends the threads, too
            for indices, first, futures in zip(groups, firsts, made, strict=True):
                kept, images = [], []
                for index, future in zip(indices.tolist(), futures, strict=True):
                    try:
                        images.append(future.result())
                        kept.append(index)
                    except ImageError as error:
                        self.leave_out(index, error)
                nothing = nothing and not kept
                if nothing and indices is groups[-1] and any(map(len, groups)):
                    where = self.files.directory
                    raise ImageError(f"none of the {self.samples} files can be read: {where} holds no image")
                yield self.batch(np.array(kept, np.intp), images)._replace(first=first)

    def shard(self, rank: int, size: int) -> Self:
        """Return the dataset of process `rank` out of `size`, which makes its own share of every batch alone."""
        part = copy.copy(self)
        part._rank, part._ranks = checked_rank(rank, size)
        return part


def in_threads(
    make: Callable[[int], np.ndarray], groups: Iterable[Sequence[int] | np.ndarray], workers: int, ahead: int
) -> Generator[list["Future[np.ndarray]"], None, None]:
    """Yield, group by group, what `make` gives for each number in it; threads work on the `ahead` groups that follow.

    What is switched by a `with` block around the caller, such as the backend, holds for them. However it ends, no
    thread goes on. After the last group all is finished. At an error, at Ctrl-C, or because nobody asks for more, what
    has begun is finished and what has not is dropped, in the group that was given last, too.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix=NAME)
    waiting: deque[list[Future[np.ndarray]]] = deque()
    left_early = True
    try:
        for group in groups:
            waiting.append([pool.submit(copy_context().run, make, int(number)) for number in group])
            if len(waiting) > ahead:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
        left_early = False
    finally:
        # What is no longer in use may be collected by any thread, so by one of these: it cannot wait for itself.
        own = threading.current_thread().name.startswith(NAME)
        pool.shutdown(wait=not own, cancel_futures=left_early)


def stacked(images: list[np.ndarray], shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return images of `shape` (h, w, c) as one array (n, h, w, c); of none, an empty one."""
    whole = np.empty((len(images), *shape), dtype)
    for image, place in zip(images, whole, strict=True):
        place[...] = image
    return whole
