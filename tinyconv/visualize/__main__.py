"""`python -m tinyconv.visualize RUN`: every picture of a run, or what its network makes of one image."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..commands import Parser, command, missing_package, short
from ..recipes import run_pictures
from ..recipes.errors import NotWrittenError, RunError
from ..recipes.folder import make, writing
from ..recipes.opening import Opened, open_run, read_images
from ..recipes.options import PARSERS, folder_name

PROG = "python -m tinyconv.visualize"


def parser() -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        PROG,
        "Draw what a trained network learnt, how, and what it looks at.",
        "Pictures that are there already are drawn anew.",
    )
    made.add_argument("run", type=Path, metavar="RUN_OR_MODEL", help="the folder of a run, or a file of weights in it")
    made.add_argument("--image", type=Path, metavar="FILE", help="look at what the network makes of this image")
    made.add_argument("--data", type=PARSERS["data"], metavar="DIR", help="folder of photographs (default: the run's)")
    made.add_argument("--output", type=folder_name, metavar="DIR", help="folder for the pictures (default: the run's)")
    return made


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, print the file of each picture, and return 0, or 2 for what cannot be done."""
    options = parser().parse(arguments)
    try:
        opened = open_run(options.run)
        if options.data is not None:
            opened = opened._replace(config=replace(opened.config, data=options.data))
        folder = options.output or opened.folder
        make(folder)
        draw(opened, folder, options.image)
    except (RunError, NotWrittenError) as error:
        print(f"{short(PROG)}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"{short(PROG)}: {missing_package(error)}", file=sys.stderr)
        return 2
    return 0


def draw(opened: Opened, folder: Path, image: Path | None) -> None:
    """Draw all pictures of a run, or those of one image, and print their files as they come."""
    if image is not None:
        images = read_images(opened.recipe, [image])
        with writing(folder):
            for name in run_pictures.of_image(folder, opened, image, images):
                print(folder / name, flush=True)
        return
    try:
        test = opened.recipe.load(opened.config).test
    except (OSError, ValueError) as error:
        test = None
        print(f"{short(PROG)}: without test images, and without what needs them: {error}", file=sys.stderr)
    with writing(folder):
        for name in run_pictures.of_run(folder, opened, test):
            print(folder / name, flush=True)


if __name__ == "__main__":
    sys.exit(main())
