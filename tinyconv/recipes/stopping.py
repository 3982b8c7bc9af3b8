"""Ctrl-C and SIGTERM end a run in order; `kernels.signals` has them wait where files are written."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..kernels.signals import SIGNALS


class Stopped(KeyboardInterrupt):
    """The user (130) or the system (143) asked the run to stop; `code` is the exit code that shells expect."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.code = 128 + number


def _stop(number: int, frame: Any) -> NoReturn:
    raise Stopped(number)


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` where SIGINT or SIGTERM finds the `with` block; a signal that was ignored stays ignored."""
    usual = (signal.default_int_handler, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in SIGNALS if signal.getsignal(number) in usual}
    try:
        for number in before:
            signal.signal(number, _stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
