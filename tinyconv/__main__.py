"""`python -m tinyconv`: what there is to run."""

import shlex
import sys
from argparse import REMAINDER
from collections.abc import Sequence

from ._version import __version__
from .commands import Parser, command
from .names import look_up

COMMANDS = {
    "train": "train a network of the documents and compare the figures",
    "explore": "show every step of backpropagation on one image, as a page to walk through",
    "visualize": "draw what a trained network learnt, how, and what it looks at",
    "predict": "print what a trained network takes images for",
    "inspect": "say what is in a file of Keras, and what tinyconv lacks of it",
    "keras": "run a script or a notebook of any Keras, unchanged",
    "convert": "turn a file of a model into another kind of file",
    "compile": "compile the kernels ahead, for images and classrooms",
    "split_folder": "make train and validation folders of a folder of images",
    "zoo": "list the networks and what they cost",
    "functions": "list every operation with its formulas, forward and backward",
    "gradcheck": "check every gradient of the engine against central differences",
}


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the commands of the package and return the exit code."""
    parser = Parser("python -m tinyconv", "List what there is to run.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", nargs=REMAINDER, metavar="COMMAND", help=", ".join(COMMANDS))
    wanted = parser.parse(arguments).command
    if wanted:
        try:
            look_up("command", wanted[0], COMMANDS)
        except ValueError as error:
            parser.error(str(error))
        parser.error(f"each command is a module of its own: python -m tinyconv.{shlex.join(wanted)}")
    print(overview())
    return 0


def overview() -> str:
    """Return the commands as a table, and where to read more."""
    width = max(map(len, COMMANDS))
    lines = [f"  python -m tinyconv.{name:<{width}}  {words}" for name, words in COMMANDS.items()]
    head = f"tinyconv {__version__}: convolutional networks from scratch, every line of backpropagation open to read."
    return "\n".join([head, "", *lines, "", "Each takes --help. In Python: import tinyconv as tc"])


if __name__ == "__main__":
    sys.exit(main())
