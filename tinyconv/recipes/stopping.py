"""Ctrl-C and SIGTERM: where they may stop a run, and where they must wait."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


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


@contextmanager
def held_back() -> Iterator[None]:
    """Let a signal that `stoppable` waits for come only at the end of the `with` block."""
    came: list[int] = []
    ours = [number for number in SIGNALS if signal.getsignal(number) is _stop]
    try:
        for number in ours:
            signal.signal(number, lambda number, frame: came.append(number))
        yield
    finally:
        for number in ours:
            signal.signal(number, _stop)
    if came:
        raise Stopped(came[0])
