"""CSVLogger: the history as a file that any spreadsheet reads."""

import csv
import io
from pathlib import Path
from typing import Any

from ..files import replace_file
from .callback import Callback


class CSVLogger(Callback):
    """Writes one row an epoch: its number, then every log in the order of its first appearance.

    With `append`, rows are added to what the file holds. The file is rewritten aside and renamed each time, so it is
    whole at any moment.
    """

    def __init__(self, filename: str, separator: str = ",", append: bool = False) -> None:
        self.path, self.separator, self.append = Path(filename), separator, append
        self.rows: list[dict[str, str]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Read the rows to be kept; make the folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = []
        if self.append and self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file, delimiter=self.separator))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the epoch's row."""
        values = {name: repr(float(value)) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": str(epoch), **values})
        write_rows(self.path, self.rows, self.separator)


def write_rows(path: Path, rows: list[dict[str, str]], separator: str = ",") -> None:
    """Write `rows` as a CSV file, replaced whole; a value that a row lacks is left empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, restval="", delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, [table.getvalue().encode()])
