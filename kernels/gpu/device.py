"""The way to the GPU and back: is there one, and how batches reach it while it computes."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import cupy
import cupyx
import numpy as np

from .. import DeviceError


@cache
def require() -> None:
    """Return if a GPU answers, else raise DeviceError."""
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise DeviceError(f"no GPU answers ({error}): is there one, with its driver?") from None
    if count == 0:
        raise DeviceError("there is no GPU on this machine")


def put(array: np.ndarray) -> Any:
    """Return a copy of a NumPy array on the GPU."""
    require()
    return cupy.asarray(array)


def send_ahead(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield tuples of NumPy arrays (or None) as tuples on the GPU, each copied while the one before is in use.

    A batch goes through pinned memory, from which the GPU copies by itself, on a stream of its own.
    """
    require()
    stream = cupy.cuda.Stream(non_blocking=True)
    sent = None
    for batch in batches:
        following = _send(batch, stream)
        if sent is not None:
            yield _received(*sent)
        sent = following
    if sent is not None:
        yield _received(*sent)


def _send(batch: Any, stream: Any) -> tuple[Any, Any, Any]:
    """Start to copy a batch; return its arrays on the GPU, the pinned ones, and the event of their arrival."""
    # The batch before the last one's memory may be used again now: not before all that was asked of it is done.
    stream.wait_event(cupy.cuda.get_current_stream().record())
    pinned: list[Any] = []
    arrays: list[Any] = []
    for part in batch:
        if part is None:
            pinned.append(None)
            arrays.append(None)
            continue
        pinned.append(cupyx.empty_pinned(part.shape, part.dtype))
        pinned[-1][...] = part
        with stream:
            arrays.append(cupy.empty(part.shape, part.dtype))
            arrays[-1].set(pinned[-1], stream)
    return tuple(arrays), pinned, stream.record()


def _received(arrays: Any, pinned: Any, arrival: Any) -> Any:
    """Have the computation wait for a batch's arrival, and this thread too, before its pinned memory is let go."""
    cupy.cuda.get_current_stream().wait_event(arrival)
    arrival.synchronize()
    return arrays
