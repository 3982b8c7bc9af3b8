"""Which share of a batch is being computed, and with whom: for what looks at the whole batch in the middle of a pass.

Most layers treat each sample by itself. One that does not, such as synchronized batch normalization, asks
`current_share` for the other ranks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from .communicator import Communicator


class Share(NamedTuple):
    """A share of a batch: `samples` of them are here, the others where the communicator leads."""

    communicator: Communicator
    samples: int


_share: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def computing_share(communicator: Communicator, samples: int) -> Iterator[None]:
    """Say that inside the `with` block all ranks compute shares of one batch; this one's has `samples`."""
    token = _share.set(Share(communicator, samples))
    try:
        yield
    finally:
        _share.reset(token)


def current_share() -> Share | None:
    """Return the share that is being computed, None outside `computing_share`."""
    return _share.get()
