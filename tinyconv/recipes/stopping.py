"""Ctrl-C, SIGTERM and a terminal that closes end a run in order, not while it writes files.

A signal that is ignored, as SIGHUP under `nohup`, stays ignored.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..kernels.signals import SIGNALS


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop; `code` is the exit code that shells expect: 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.code = 128 + number


def _stop(number: int, frame: Any) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second Ctrl-C, while the run winds up, ends the process at once
    raise Stopped(number)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raise `Stopped` where one of `SIGNALS` finds the `with` block; a signal that was ignored stays ignored."""
    usual = (signal.default_int_handler, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) in usual}
    try:
        for number in before:
            signal.signal(number, _stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
