"""The confusion matrix: which class a classifier took for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import class_numbers, names_for
from tinyconv.visualize.page import Page, header_height, page_width, wrap_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CLASSES = 100  # at most, in a confusion matrix: more cannot be read


def confusion_matrix(
    labels: npt.ArrayLike,
    predicted: npt.ArrayLike,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion matrix",
) -> Figure:
    """How often each class (row) was taken for each class (column): counts, accuracy, and the recall of each class.

    labels (n,) and predicted (n,) are class numbers; the number of classes is that of class_names, or the largest class
    number of either + 1. An error is colored by its share of the images of its true class: white at none, dark orange
    at the largest share of all, or at 1 % where none is larger. Right answers, on the diagonal, are blue. The recall of
    a class is the share of its images that were recognised, "–" where there are none.

    Raises
    ------
    ValueError
        If labels and predicted differ in n, or hold something else than class numbers below the number of names, or
        there are more than 100 classes.
    """
    k = None if class_names is None else len(class_names)
    truth = class_numbers("confusion_matrix: labels", labels, k)
    guess = class_numbers("confusion_matrix: predicted", predicted, k)
    if len(truth) != len(guess):
        raise ValueError(
            f"confusion_matrix: got {len(truth)} labels and {len(guess)} predictions; needs as many of each"
        )
    if k is None:
        k = int(max(truth.max(), guess.max())) + 1
    if k > _CLASSES:
        raise ValueError(f"confusion_matrix: draws at most {_CLASSES} classes, got {k:,}")
    names = names_for("confusion_matrix", class_names, k)
    counts = np.bincount(truth * k + guess, minlength=k * k).reshape(k, k)
    return _draw_matrix(counts, [style.cut(name, style.BODY, 240) for name in names], title)


def _draw_matrix(counts: npt.NDArray[np.int64], names: list[str], title: str) -> Figure:
    k = len(names)
    right, total = int(np.trace(counts)), int(counts.sum())
    cell = max(36, min(96, 760 // k))
    widest = max(style.text_width(name, style.BODY) for name in names)
    turned = widest > cell - 8
    names_above = int(0.71 * widest) + 22 if turned else 24
    left = style.MARGIN + 30 + int(widest) + 12
    width = max(left + k * cell + 86 + style.MARGIN, page_width(0, title, bar=True))
    note = f"Accuracy {100 * right / total:.2f} %: {right:,} of {total:,} right. Numbers are counts of images; "
    note += "an error's color is its share of the true class, the row"
    notes = wrap_notes(note, width, bar=True)
    top = header_height(len(notes), bar=True) + 30 + names_above
    page = Page(width, top + k * cell + style.MARGIN)
    page.header(title, notes)

    images = counts.sum(axis=1)
    percent = 100 * counts / np.maximum(images, 1)[:, np.newaxis]
    diagonal = np.eye(k, dtype=bool)
    most = max(1.0, float(np.where(diagonal, 0, percent).max()))
    box = (left, top, k * cell, k * cell)
    page.rectangle((left - 1, top - 1, k * cell + 2, k * cell + 2), style.FAINT, behind=True)
    page.rectangle(box, style.PAPER, behind=True)
    errors = page.image(np.ma.masked_array(percent, diagonal | (counts == 0)), box, style.ERRORS, 0.0, most)
    page.color_bar(errors, 0.0, most, unit=" %")
    for i, name in enumerate(names):
        middle, across = top + (i + 0.5) * cell, left + (i + 0.5) * cell
        page.rectangle((left + i * cell, top + i * cell, cell, cell), style.RIGHT)
        page.text(left - 10, middle, name, align="right")
        if turned:
            page.text(across - 4, top - 12, name, rotation=45)
        else:
            page.text(across, top - 16, name, align="center")
        page.text(left + k * cell + 14, middle, f"{percent[i, i]:.1f} %" if images[i] else "–", color=style.MUTED)
        for j in np.flatnonzero(counts[i]).tolist():
            count = f"{counts[i, j]:,}"
            size = style.fit_size([count], style.BODY, cell - 6)
            color = style.PAPER if i != j and percent[i, j] > 0.6 * most else style.INK
            x = left + (j + 0.5) * cell
            page.text(x, middle, count, size, color, "center", weight="bold" if i == j else "normal")
    page.text(left + k * cell + 14, top - 16, "recall", color=style.MUTED)
    page.text(left + k * cell / 2, top - 16 - names_above, "predicted", color=style.MUTED, align="center")
    page.text(style.MARGIN + 8, top + k * cell / 2, "true", color=style.MUTED, align="center", rotation=90)
    return page.figure
