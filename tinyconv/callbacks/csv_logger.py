"""CSVLogger: the history as a file that any spreadsheet reads."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..files import replace_file
from .callback import Callback

MISSING = "NA"  # in Keras's files, what an epoch has no value for
OTHER_FILE = "mend it, give another filename, or leave append out"


class CSVLogger(Callback):
    """Writes one row an epoch: its number from 0, then the logs by name, those of validation last, as Keras does.

    A table that begins without validation has columns for it nevertheless. A log that comes later gets a column of its
    own at the end. With `append`, rows are added to what the file holds, each value in the column of its name; a file
    that is no such table is refused, by a ValueError, before training. The file is rewritten aside and renamed each
    time, so it is whole at any moment.
    """

    by_rank_0 = True

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"separator must be one character, such as a comma, got {separator!r}")
        self.filename, self.separator, self.append = str(filename), separator, append
        self.columns: list[str] = []
        self.rows: list[dict[str, str]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Read the rows to be kept; make the folder."""
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows, self.columns = [], []
        if self.append and path.exists():
            self.columns, self.rows = self._table(path)

    def _table(self, path: Path) -> tuple[list[str], list[dict[str, str]]]:
        """Return the columns and the rows of a file; a row that is cut off, by the death of a process, is filled up."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file, delimiter=self.separator, restval=MISSING)
                rows, columns = list(reader), list(reader.fieldnames or [])
        except (csv.Error, UnicodeDecodeError):
            raise ValueError(f"{path} is no table, to which epochs could be appended: {OTHER_FILE}") from None
        if columns and "epoch" not in columns:
            found = self.separator.join(columns)
            raise ValueError(f"{path} has no column epoch, but {found}: give its separator, or {OTHER_FILE}")
        for number, row in enumerate(rows, start=1):
            if None in row:  # where the reader puts what is too much
                values = len(columns) + len(row[None])
                raise ValueError(f"row {number} of {path} has {values} values for {len(columns)} columns: {OTHER_FILE}")
        return columns, rows

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the epoch's row."""
        logs = logs or {}
        names = sorted(logs)
        if not self.columns:
            unvalidated = not any(name.startswith("val_") for name in names)
            self.columns = ["epoch", *names, *(f"val_{name}" for name in names if unvalidated)]
        self.columns += [name for name in names if name not in self.columns]
        self.rows.append({"epoch": str(epoch), **{name: written(value) for name, value in logs.items()}})
        table = io.StringIO()
        writer = csv.DictWriter(table, self.columns, restval=MISSING, delimiter=self.separator)
        writer.writeheader()
        writer.writerows(self.rows)
        replace_file(self.filename, [table.getvalue().encode()])


def written(value: Any) -> str:
    """Return a value as it stands in the table; of several numbers, "[1, 2]" in quotes."""
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0:
        return f'"[{", ".join(map(str, value))}]"'
    return str(value)
