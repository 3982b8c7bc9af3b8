"""`python -m tinyconv.split_folder SRC DEST`: train and validation folders of a folder of images."""

import sys
from collections.abc import Iterable, Sequence

from .commands import Parser, command
from .utils import split_folder
from .utils.splitting import Pairs


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Split a folder as the arguments say and return the exit code."""
    parser = Parser(
        "python -m tinyconv.split_folder",
        "Copy the images of SRC to DEST/train and DEST/validation, class by class. No file is overwritten; a split "
        "that was broken off goes on.",
    )
    parser.add_argument("source", metavar="SRC", help="a folder for each class, or files called cat.12.jpg")
    parser.add_argument("destination", metavar="DEST", help="where train/ and validation/ are made")
    parser.add_argument(
        "--validation", type=float, default=0.3, metavar="SHARE", help="share of each class (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which files are drawn (%(default)s)")
    parser.add_argument("--link", action="store_true", help="make hard links in place of copies")
    options = parser.parse(arguments)
    try:
        counts = split_folder(
            options.source, options.destination, options.validation, options.seed, options.link, progress=_watched
        )
    except (ValueError, OSError) as error:
        parser.error(str(error) if isinstance(error, ValueError) or not error.strerror else _named(error))
    for part, classes in counts.items():
        images = ", ".join(f"{name} {count}" for name, count in classes.items())
        print(f"{options.destination}/{part}: {sum(classes.values())} images ({images})")
    return 0


def _watched(pairs: Pairs) -> Iterable[tuple[str, str]]:
    """Show a progress bar, on standard error, while files go by."""
    from rich.console import Console
    from rich.progress import track

    return track(pairs, "Splitting", console=Console(stderr=True), transient=True)


def _named(error: OSError) -> str:
    """Return what has failed, in one line."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


if __name__ == "__main__":
    sys.exit(main())
