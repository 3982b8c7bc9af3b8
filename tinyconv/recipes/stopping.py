"""Ctrl-C, SIGTERM and a terminal that closes end a run in order, not while it writes files.

A signal that is ignored, as SIGHUP under `nohup`, stays ignored.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..distributed import Alone, Communicator
from ..kernels.signals import SIGNALS
from .together import stop_all_later


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop; `code` is the exit code that shells expect: 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.code = 128 + number


@contextmanager
def stopped_by_signals(ranks: Communicator | None = None) -> Iterator[None]:
    """Raise `Stopped` where one of `SIGNALS` finds the `with` block; a signal that was ignored stays ignored.

    Several ranks that are in the middle of training raise `Interrupted` together, after a batch.
    """
    ranks = ranks or Alone()

    def stop(number: int, frame: Any) -> None:
        if not stop_all_later(ranks, number):
            signal.signal(number, signal.SIG_DFL)  # a second Ctrl-C, while the run winds up, ends the process at once
            raise Stopped(number)

    usual = (signal.default_int_handler, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) in usual}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
