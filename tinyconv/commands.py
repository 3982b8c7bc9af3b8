"""What the command lines of the package have in common: refusals of one line, Ctrl-C, and pipes that close."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from errno import EIO
from functools import wraps
from typing import NoReturn, Protocol

from .offered import nearest

STOPPED, BROKEN_PIPE = 130, 141  # what shells report of a process that SIGINT or SIGPIPE ended


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


def command(main: Main) -> Main:
    """Let `main` end without a traceback when the user stops it, or stops reading what it prints (`… | head`)."""

    @wraps(main)
    def ended(arguments: Sequence[str] | None = None) -> int:
        try:
            code = main(arguments)
            sys.stdout.flush()
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            return STOPPED
        except (OSError, SystemExit) as error:
            if not is_broken_pipe(error):
                raise
            silence()
            return BROKEN_PIPE
        return code

    return ended


def is_broken_pipe(error: BaseException) -> bool:
    """Tell whether an error says that nobody reads standard output any more: the pipe or the terminal is closed."""
    if isinstance(error, SystemExit):  # rich leaves so
        return isinstance(error.__context__, BrokenPipeError)
    return isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.errno == EIO)


def silence() -> None:
    """Send what is still to be printed nowhere, so that Python does not complain of the broken pipe when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
