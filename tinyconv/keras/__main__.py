"""`python -m tinyconv.keras SCRIPT.py [arguments]`: run a script or a notebook of Keras's, unchanged."""

import sys
from argparse import REMAINDER
from collections.abc import Sequence
from pathlib import Path

from ..commands import Parser, command
from .eras import guess, parse
from .listing import listing
from .mending import mended
from .notebooks import cells
from .own_modules import text_beside
from .quick_look import Caps
from .running import run


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run a script or a notebook and return its exit code."""
    parser = Parser("python -m tinyconv.keras", "Run a script or a notebook of Keras's with tinyconv in its place.")
    parser.add_argument("script", type=Path, nargs="?", help="SCRIPT.py or NOTEBOOK.ipynb")
    parser.add_argument("arguments", nargs=REMAINDER, help="those of the script")
    parser.add_argument("--era", help="1, 2, tf2 or 3, or a version: 2.0.8, tf2.4; else it is told from the script")
    parser.add_argument("--max-epochs", type=int, metavar="N", help="cut every fit down to N epochs, for a quick look")
    parser.add_argument("--max-samples", type=int, metavar="N", help="cut data sets and epochs down to N samples")
    parser.add_argument("--save-figures", type=Path, metavar="DIR", help="save what plt.show() would show")
    parser.add_argument("--mend", action="store_true", help="mend what is rotten beside Keras: Python 2, scipy.misc, …")
    parser.add_argument("--list", action="store_true", help="print what is supported, by module")
    options = parser.parse(arguments)
    if options.list:
        print(listing())
        return 0
    if options.script is None:
        parser.error("which script? python -m tinyconv.keras SCRIPT.py")
    for name in ("max_epochs", "max_samples"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    try:
        program = cells(options.script)
    except (OSError, ValueError) as error:
        parser.error(f"{options.script} cannot be read: {getattr(error, 'strerror', None) or error}")
    text = "\n".join(cell.text for cell in program)
    try:
        era = parse(options.era) if options.era else None
    except ValueError as error:
        parser.error(str(error))
    folder = options.script.resolve().parent
    guessed = guess(text, text_beside(folder, text))
    _say(f"read as a script for {era or guessed}")
    caps = Caps(options.max_epochs, options.max_samples)
    limits = [f"{n} {what}" for n, what in ((caps.epochs, "epochs a fit"), (caps.samples, "samples")) if n is not None]
    if limits:
        _say(f"a quick look: at most {' and '.join(limits)}")
    chosen = era or guessed.era
    with mended(program, options.mend, _say, folder) as whole:
        return run(options.script, whole, options.arguments, chosen, caps, options.save_figures)


def _say(what: str) -> None:
    print(f"tinyconv.keras: {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
