"""What the command lines of the package have in common: refusals of one line, Ctrl-C, and pipes that close."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from errno import EIO, ENOSPC, EPIPE
from functools import wraps
from typing import NoReturn, Protocol, TextIO

from .offered import nearest
from .starting import STOPPED

BROKEN_PIPE = 141  # what shells report of a process that SIGPIPE ended


# What is imported when it is first needed: how pip calls it, and what it does.
PACKAGES = {"matplotlib": ("matplotlib", "draws pictures"), "PIL": ("pillow", "reads images")}


class Main(Protocol):
    """The function behind a command line."""

    def __call__(self, arguments: Sequence[str] | None = None) -> int:
        """Do what `arguments` say, by default those of the process, and return the exit code."""


class Parser(ArgumentParser):
    """A parser that refuses in one line, with exit code 2, and suggests the option that a mistyped one may mean."""

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, allow_abbrev=False)

    def parse(self, arguments: Sequence[str] | None) -> Namespace:
        """Return the options; leaves with exit code 2 if there are any that it does not know."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            known = [name for action in self._actions for name in action.option_strings]
            named = next((each.split("=")[0] for each in unknown if each.startswith("--")), "")
            near = nearest(named, known)
            self.error(f"unrecognized arguments: {' '.join(unknown)}" + (f": did you mean {near}?" if near else ""))
        return options

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with exit code 2."""
        self.exit(2, f"{short(self.prog)}: {message}\n")


def short(prog: str) -> str:
    """Return the name that a command gives itself in its messages: "tinyconv.train" for "python -m tinyconv.train"."""
    return prog.split()[-1]


def missing_package(error: ModuleNotFoundError) -> str:
    """Say in one line which package is to be installed, if the error is of one of `PACKAGES`; else raise it again."""
    package = (error.name or "").partition(".")[0]
    if package not in PACKAGES:
        raise error
    name, does = PACKAGES[package]
    return f"{name} is not installed, and {does}: pip install {name}"


def command(main: Main) -> Main:
    """Let `main` end without a traceback when the user stops it, or stops reading what it prints (`… | head`)."""

    @wraps(main)
    def ended(arguments: Sequence[str] | None = None) -> int:
        try:
            code = main(arguments)
            if sys.stdout is not None:  # as Python has it that starts with it closed
                sys.stdout.flush()
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            return STOPPED
        except (OSError, SystemExit) as error:
            reason = lost_output(error)
            if reason is None:
                raise
            if reason:
                print(reason, file=sys.stderr)
            return BROKEN_PIPE if not reason else 2
        return code

    return ended


def lost_output(error: BaseException) -> str | None:
    """Return None for an error that is not of standard output; else see that no other comes of it, and say the reason.

    The reason is "" where nobody reads what is printed any more: the pipe or the terminal is closed.
    """
    if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):  # rich leaves so
        error = error.__context__
    if not isinstance(error, OSError) or sys.stdout is None:
        return None
    closed = error.errno in (EPIPE, EIO)
    if not closed and _can_be_written(sys.stdout, error.errno == ENOSPC):
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())  # or else Python flushes into it when it ends, and complains
    os.close(nowhere)
    return "" if closed else f"standard output cannot be written: {error.strerror}"


def _can_be_written(stream: TextIO, is_tried: bool) -> bool:
    """Tell whether a stream takes what it still holds; one that failed holds it, and mostly fails again.

    What was too long to be held is gone, so that only an empty line can tell whether there is room, if it `is_tried`.
    """
    try:
        place = stream.fileno()
    except (OSError, ValueError):  # it is no file
        return True
    try:
        stream.flush()
        if is_tried:
            os.write(place, b"\n")
    except OSError:
        return False
    return True
