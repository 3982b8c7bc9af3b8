"""Ctrl-C while a command line of the package is still being imported: one line, and the exit code of shells."""

import os
import sys
from types import TracebackType

STOPPED = 130  # what shells report of a process that SIGINT ended


def runs_command() -> bool:
    """Return whether Python was started as `python -m tinyconv…`, and has not come to the command yet."""
    given = sys.orig_argv
    after = given[given.index("-m") + 1] if "-m" in given[:-1] else ""
    return sys.argv[:1] == ["-m"] and after.partition(".")[0] == __package__


def _say_stopped(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    print("Stopped.", file=sys.stderr, flush=True)
    os._exit(STOPPED)


if runs_command():
    sys.excepthook = _say_stopped
