"""An update shared out among the ranks of a machine: each sums and changes its slice of all weights, for all of them.

With the weights' numbers one after the other, cut into a slice for each of the L ranks, a step is this:

1. Every rank puts n·g, its gradients times its samples, in its row of a memory that all see: all but its own slice.
2. Of its slice each takes the sum over the rows and its own n·g; where there are other machines, the ranks of this
   slice there add theirs. Divided by all samples, that is the gradient by which the optimizer changes this slice of
   the weights, and of its own state, which lies in memory that all see. What has changed goes into the row.
3. Every rank reads the other slices out of the others' rows.

Between these the ranks of the machine meet. So each number of a gradient is read once and that of a weight once, where
otherwise every rank would read all of them; and an update that one rank would make on L threads is made by L ranks.
Source: Rajbhandari et al. 2020, "ZeRO", SC'20, stages 1 and 2.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import kernels

if TYPE_CHECKING:
    from .communicator import Communicator

LINE = 64  # bytes of a cache line: where weights and slices begin
PIECE = 1 << 17  # numbers that are summed and changed at a time: they stay in a core's cache


class Part(NamedTuple):
    """Some numbers of a weight, the one of place `of`: `here` they are in it, flat, and `there` in a row."""

    of: int
    here: slice
    there: slice


class SharedUpdate:
    """The update of an optimizer's weights by all ranks of a machine together. All make it, at the same time."""

    def __init__(self, communicator: "Communicator", optimizer: Any, weights: Sequence[Any]) -> None:
        optimizer.build(weights)
        self.communicator, self.optimizer, self.weights = communicator, optimizer, list(weights)
        dtype, ranks = weights[0].data.dtype, communicator.local_size
        line = LINE // dtype.itemsize
        lengths = [-(-weight.data.size // line) * line for weight in weights]
        self.starts = np.cumsum([0, *lengths]).tolist()
        self.slice = -(-self.starts[-1] // (ranks * line)) * line
        self.length = ranks * self.slice
        self.rows = communicator.memory(self.length + len(weights) + 1, dtype)
        self.row = self.rows[communicator.local_rank]
        parts = [list(self._parts(rank)) for rank in range(ranks)]
        self.others = [part for rank, each in enumerate(parts) if rank != communicator.local_rank for part in each]
        own = [piece for part in parts[communicator.local_rank] for piece in _pieces(part)]
        self.own = [[piece for piece in own if piece.of == i] for i in range(len(weights))]
        self.buffer = np.empty(PIECE, dtype)
        self._share_state()

    def _parts(self, rank: int) -> Iterator[Part]:
        """Yield what the slice of a rank has of each weight."""
        begin, end = rank * self.slice, (rank + 1) * self.slice
        for i, (weight, start) in enumerate(zip(self.weights, self.starts, strict=False)):
            first, last = max(start, begin), min(start + weight.data.size, end)
            if first < last:
                yield Part(i, slice(first - start, last - start), slice(first, last))

    def _share_state(self) -> None:
        """Move the optimizer's state to memory that all ranks of the machine see; it is theirs from now on."""
        slots = self.optimizer.slots
        self.slots: dict[str, list[Any]] = {}
        for name, arrays in slots.items():
            flat = self.communicator.memory(self.slice, self.row.dtype).reshape(-1)
            places = zip(arrays, self.starts, strict=False)
            self.slots[name] = [flat[start : start + array.size].reshape(array.shape) for array, start in places]
            if self.communicator.local_rank == 0:
                for place, array in zip(self.slots[name], arrays, strict=True):
                    place[...] = array
        self.communicator.meet()
        slots |= self.slots

    def fits(self, optimizer: Any, weights: Sequence[Any]) -> bool:
        """Return whether this is the update of these weights, with the state that the optimizer has now."""
        pairs = [
            (self.weights, weights),
            *((arrays, optimizer.slots.get(name, ())) for name, arrays in self.slots.items()),
        ]
        same = all(len(a) == len(b) and all(map(_is, a, b)) for a, b in pairs)
        return optimizer is self.optimizer and same

    def gradients(self, gradients: Sequence[Any], samples: int) -> tuple[list[Iterator[tuple[slice, Any]] | None], int]:
        """Return the gradients of the mean loss over the batches of all, and how many samples these have.

        That of a weight comes in pieces of this rank's slice, (where they are in the weight, flat; the values), each of
        which is worked out when it is asked for, and handed on, as the weight then is, when the next is; None of a
        weight without a gradient on every rank that has samples. `spread` must follow.
        """
        began = time.perf_counter()
        given = [None if g is None or not samples else g.reshape(-1) for g in gradients]
        for i, here, there in self.others:
            g = given[i]
            if g is None:
                self.row[there] = 0
            else:
                weighted_sum(self.row[there], g[here], samples)
        self.row[self.length :] = [*((g is not None) * samples for g in given), samples]
        self.communicator.meet()
        self.counts = self.rows[:, self.length :].sum(axis=0)
        total = None
        if self.communicator.machines > 1:
            total = self._sum_of_slice(given)
        self.communicator.exchange_seconds += time.perf_counter() - began
        self.communicator.exchanges += 1
        self.communicator.exchanged_bytes = self.row.nbytes
        found = [self._in_pieces(i, g, total) if self.counts[i] else None for i, g in enumerate(given)]
        return found, int(self.counts[-1])

    def _sum_of_slice(self, gradients: Sequence[Any]) -> np.ndarray:
        """Return the sum over all machines of this rank's slice, and of the counts."""
        total = np.zeros(self.slice + len(self.counts), self.row.dtype)
        for g, pieces in zip(gradients, self.own, strict=True):
            for piece in pieces:
                self._sum(piece, g, 1, total[self._in_slice(piece)])
        total[self.slice :] = self.counts
        self.communicator.sum_between_machines(total)
        self.counts = total[self.slice :]
        return total

    def _in_slice(self, piece: Part) -> slice:
        """Return where a piece of this rank's slice lies in it."""
        begin = self.communicator.local_rank * self.slice
        return slice(piece.there.start - begin, piece.there.stop - begin)

    def _sum(self, piece: Part, gradient: Any, factor: float, total: np.ndarray) -> None:
        """Put the sum over the ranks of this machine in `total`, times a factor."""
        rows = [row[piece.there] for rank, row in enumerate(self.rows) if rank != self.communicator.local_rank]
        if gradient is None:
            weighted_sum(total, rows[0], factor)
        else:
            weighted_sum(total, gradient[piece.here], factor * float(self.row[-1]), rows[0], factor)
        for row in rows[1:]:
            weighted_sum(total, total, 1.0, row, factor)

    def _in_pieces(self, i: int, gradient: Any, total: np.ndarray | None) -> Iterator[tuple[slice, np.ndarray]]:
        weight, factor = self.weights[i].data.reshape(-1), 1 / float(self.counts[-1])
        for piece in self.own[i]:
            if total is None:
                g = self.buffer[: piece.there.stop - piece.there.start]
                self._sum(piece, gradient, factor, g)
            else:
                g = total[self._in_slice(piece)]
                weighted_sum(g, g, factor)
            yield piece.here, g
            weighted_sum(self.row[piece.there], weight[piece.here], 1.0)

    def spread(self) -> None:
        """Take what the other ranks of the machine have changed, and give them what this one has."""
        began = time.perf_counter()
        self.communicator.meet()
        for i, here, there in self.others:
            if self.counts[i]:
                weight = self.weights[i].data.reshape(-1)
                weighted_sum(weight[here], self.rows[there.start // self.slice, there], 1.0)
        self.communicator.exchange_seconds += time.perf_counter() - began


def can_share(communicator: "Communicator", optimizer: Any, weights: Sequence[Any]) -> bool:
    """Return whether an update can be shared out: of the CPU's weights, each number of which changes by itself."""
    arrays = [weight.data for weight in weights]
    return (
        communicator.local_size > 1
        and communicator.shares_memory
        and bool(arrays)
        and optimizer.by_element
        and all(kernels.device(each) == "cpu" and each.flags.c_contiguous for each in arrays)
        and len({each.dtype for each in arrays}) == 1
        and all(getattr(weight, "constraint", None) is None for weight in weights)
    )


def weighted_sum(total: Any, x: Any, a: float, y: Any = None, b: float = 0.0) -> None:
    """total ← a·x + b·y, on all threads of the rank."""
    kernels.of(total).weighted_sum_inplace(total, x, a, y, b)


def _pieces(part: Part) -> Iterator[Part]:
    """Yield a part in pieces of at most `PIECE` numbers."""
    i, here, there = part
    for start in range(0, here.stop - here.start, PIECE):
        stop = min(start + PIECE, here.stop - here.start)
        yield Part(i, slice(here.start + start, here.start + stop), slice(there.start + start, there.start + stop))


def _is(one: Any, other: Any) -> bool:
    return one is other
