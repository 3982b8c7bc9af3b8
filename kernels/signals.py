"""Signals that wait: Ctrl-C and its like where an exception out of nowhere would be lost, or do harm."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

# What asks a process to stop: Ctrl-C, the system, a terminal that closes (none on Windows).
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def signals_delayed() -> Iterator[list[int]]:
    """Let the Python handlers of `SIGNALS` run only at the end of the `with` block, where they may raise.

    Yields the list of those that wait, as they come. Python runs handlers in the main thread only, so in other threads
    there is nothing to delay.
    """
    if current_thread() is not main_thread():
        yield []
        return
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
    came: list[int] = []
    inside = True

    def hold(number: int, frame: Any) -> None:
        if inside:
            came.append(number)
        else:  # it came before its own handler was back
            handlers[number](number, frame)

    try:
        for number in handlers:
            signal.signal(number, hold)
        yield came
    finally:
        inside = False
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)
