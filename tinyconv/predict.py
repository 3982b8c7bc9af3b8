"""The command line: `python -m tinyconv.predict RUN FILE…` says what a trained network takes images for."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

if not __package__:
    sys.exit("run it as a module of its package: python -m tinyconv.predict")

from .commands import Parser, command, missing_package, short
from .recipes.errors import RunError
from .recipes.opening import open_run, read_images
from .recipes.options import whole_number
from .recipes.training import probabilities

PROG = "python -m tinyconv.predict"
WIDTH = 40  # characters of a bar for a probability of 1
EIGHTHS = " ▏▎▍▌▋▊▉█"


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        PROG,
        "Print what a trained network takes images for, the most probable classes first.",
        "Images are brought to the size and the colors of the run's own; digits must be white on black, as MNIST's.",
    )
    made.add_argument("run", type=Path, metavar="RUN_OR_MODEL", help="the folder of a run, or a file of weights in it")
    made.add_argument("files", type=Path, nargs="+", metavar="FILE", help="an image: PNG, JPEG, whatever Pillow reads")
    made.add_argument("--top", type=whole_number, default=5, metavar="N", help="classes of each image (default: 5)")
    return made


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the classes of each image; return 0, or 2 if one of the files, or the run, cannot be read."""
    options = parser().parse(arguments)
    code = 0
    try:
        opened = open_run(options.run)
    except RunError as error:
        print(f"{short(PROG)}: {error}", file=sys.stderr)
        return 2
    for file in options.files:
        try:
            images = read_images(opened.recipe, [file])
        except RunError as error:
            print(f"{short(PROG)}: {error}", file=sys.stderr)
            code = 2
            continue
        except ModuleNotFoundError as error:
            print(f"{short(PROG)}: {missing_package(error)}", file=sys.stderr)
            return 2
        p = probabilities(opened.model, opened.recipe.prepare(images), 1)[0]
        if not np.isfinite(p).all():
            reason = "its weights are no numbers, its training diverged: use weights saved before that"
            print(f"{short(PROG)}: {options.run} answers {file} with NaN: {reason}", file=sys.stderr)
            return 2
        print(file)
        print("\n".join(lines(p, opened.recipe.class_names, options.top)), flush=True)
    return code


def lines(p: np.ndarray, names: Sequence[str], top: int) -> list[str]:
    """Return a line for each of the `top` most probable classes: name, bar and per cent."""
    best = np.argsort(-p, kind="stable")[:top]
    wide = max(len(names[k]) for k in best)
    return [f"  {names[k]:<{wide}}  {bar(float(p[k])):<{WIDTH}} {100 * p[k]:5.1f} %" for k in best]


def bar(share: float) -> str:
    """Return a bar of up to 40 characters, in eighths of one where the output takes them, or of #."""
    eighths = round(8 * WIDTH * share)
    full = EIGHTHS[-1] * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    try:
        EIGHTHS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#" * round(WIDTH * share)
    return full


if __name__ == "__main__":
    sys.exit(main())
