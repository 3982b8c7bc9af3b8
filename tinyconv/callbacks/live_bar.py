"""LiveBar: the moving bar of an epoch, on a terminal or in a notebook; and lines that break between their entries."""

import sys
from collections.abc import Sequence
from typing import Any

WIDE = 100  # columns of a screen that has room for a long bar and the images per second


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, whose outputs can change after they were shown."""
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console().is_jupyter


def columns() -> int | None:
    """Width of the screen that is printed to, or None where lines may be of any length, as in a file."""
    if sys.stdout.isatty():
        import shutil

        return shutil.get_terminal_size().columns
    if in_notebook():
        from rich.console import Console

        return Console().width
    return None


def broken(head: Sequence[str], entries: Sequence[str], width: int | None) -> str:
    """Join the head's parts by two spaces and the entries by " - ", in lines of at most `width` that end between them.

    All lines but the first are indented. A part that is wider than `width` has a line of its own.
    """
    lines = [""]
    for i, part in enumerate([*head, *entries]):
        longer = f"{lines[-1]}{' - ' if i > len(head) else '  '}{part}" if i else part
        if i and width is not None and len(longer) > width:
            lines.append(f"  {part}")
        else:
            lines[-1] = longer
    return "\n".join(lines)


class LiveBar:
    """The bar of one epoch: its title, batches done of `steps`, the time left, images per second, loss and metrics.

    On a terminal it is drawn over itself and vanishes when stopped; in a notebook it is one output, which the epoch's
    line replaces. On a narrow screen the rate, then the bar itself, and then the last metrics are left out.
    """

    def __init__(self, title: str, steps: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.output: Any = None
        self.width = columns() or 80
        bar = 20 if self.width >= WIDE else 10 if self.width >= 70 else 0
        self.rated = self.width >= WIDE
        texts = [TextColumn("{task.fields[rate]}")] * self.rated + [TextColumn("{task.fields[logs]}")]
        self.progress = Progress(
            TextColumn("{task.description}"),
            *[BarColumn(bar_width=bar)] * (bar > 0),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            *texts,
            refresh_per_second=10,
            transient=True,
        )
        self.task = self.progress.add_task(title, total=steps, rate="", logs="")
        self.taken = len(title) + (bar + 1) * (bar > 0) + 2 * len(str(steps)) + 9  # columns before rate and logs
        if in_notebook():
            from IPython.display import display

            self.output = display(self.progress, display_id=True)
        else:
            self.progress.start()

    def move(self, done: int, rate: str, entries: Sequence[str]) -> None:
        """Show that `done` batches are done, at that rate, and as many of the entries as there is room for."""
        room = self.width - self.taken - (len(rate) + 1) * self.rated
        logs = broken([], entries, room).split("\n")[0]
        self.progress.update(self.task, completed=done, rate=rate, logs=logs)
        if self.output is not None:
            self.output.update(self.progress)

    def stop(self) -> None:
        """Take the bar off the terminal; in a notebook it stays, until `replace`."""
        if self.output is None:
            self.progress.stop()

    def replace(self, line: str) -> None:
        """Print a line in the place of the bar."""
        self.stop()
        if self.output is None:
            print(line, flush=True)
        else:
            from rich.text import Text

            self.output.update(Text(line))
