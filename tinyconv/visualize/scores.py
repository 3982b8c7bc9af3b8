"""Precision and recall of each class: the numbers, and their picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array, class_numbers, names_for
from tinyconv.visualize.page import Page, header_height, page_width, wrap_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CLASSES = 100  # at most, in a picture
_ROW, _ACROSS = 30, 520  # pixels: the height of a class, and the width of the scale


class ClassScores(NamedTuple):
    """Scores of k classes, each (k,): NaN where there is nothing to count.

        precision = right / predicted      recall = right / images      f1 = 2·right / (predicted + images)

    of a class: how many of its images were recognised (right), how many images were taken for it (predicted), how many
    are of it (images).
    """

    precision: Array
    recall: Array
    f1: Array
    images: Array


def class_scores(labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> ClassScores:
    """Return precision, recall, F1 and the number of images of each class; both are class numbers (n,).

    Raises
    ------
    ValueError
        If labels and predicted differ in n, or hold something else than numbers of the classes.
    """
    truth = class_numbers("class_scores: labels", labels, classes)
    guess = class_numbers("class_scores: predicted", predicted, classes)
    if len(truth) != len(guess):
        raise ValueError(f"class_scores: got {len(truth)} labels and {len(guess)} predictions; needs as many of each")
    right = np.bincount(truth[truth == guess], minlength=classes)
    images, taken = np.bincount(truth, minlength=classes), np.bincount(guess, minlength=classes)

    def share(of: Array) -> Array:
        return np.divide(right, of, out=np.full(classes, np.nan), where=of > 0)

    return ClassScores(share(taken), share(images), share((taken + images) / 2), images)


def precision_recall(
    labels: npt.ArrayLike,
    predicted: npt.ArrayLike,
    class_names: Sequence[str],
    title: str = "Precision and recall",
) -> Figure:
    """Precision (blue disc) and recall (orange ring) of each class on one scale, and both and F1 in numbers.

    The scale begins at the last ten per cent below the lowest. Arguments are those of `confusion_matrix`.
    """
    names = names_for("precision_recall", class_names, len(class_names))
    if len(names) > _CLASSES:
        raise ValueError(f"precision_recall: draws at most {_CLASSES} classes, got {len(names):,}")
    scores = class_scores(labels, predicted, len(names))
    both = np.array([scores.precision, scores.recall])
    low = max(0.0, float(np.floor(10 * np.nanmin(both) - 1e-9)) / 10)
    short = [style.cut(name, style.BODY, 240) for name in names]
    left = style.MARGIN + max(int(style.text_width(name, style.BODY)) for name in short) + 24
    columns = [left + _ACROSS + 30 + 78 * i for i in range(4)]
    width = max(columns[-1] + 62 + style.MARGIN, page_width(0, title))
    note = (
        "Precision: of the images taken for a class, the share that are of it. Recall: of the images of a class, the "
    )
    note += "share that were recognised. F1: their harmonic mean. –: nothing to count"
    notes = wrap_notes(note, width)
    top = header_height(len(notes)) + 48
    bottom = top + _ROW * len(names)
    page = Page(width, bottom + 34 + style.MARGIN // 2)
    page.header(title, notes)
    _legend(page, left, top - 46)
    for x, words in zip(columns, ("precision", "recall", "F1", "images"), strict=True):
        page.text(x + 56, top - 14, words, style.SMALL, style.MUTED, "right")
    ticks = round(10 * (1 - low))
    for tick in range(ticks + 1):
        at = left + _ACROSS * tick / ticks
        page.line([at, at], [top, bottom], style.FAINT)
        page.text(at, bottom + 16, f"{100 * low + 10 * tick:.0f} %", style.SMALL, style.MUTED, "center")
    for row, name in enumerate(short):
        y = top + _ROW * (row + 0.5)
        page.text(left - 14, y, name, align="right")
        ends = [left + _ACROSS * (float(value) - low) / (1 - low) for value in both[:, row]]
        page.line(ends, [y, y], style.MUTED, 1.2)
        page.axes.plot(ends[:1], [y], "o", color=style.BLUE, markersize=5.5)
        page.axes.plot(
            ends[1:], [y], "o", color=style.ORANGE, markersize=8, markerfacecolor="none", markeredgewidth=1.6
        )
        values = [*(_percent(each[row]) for each in scores[:3]), f"{scores.images[row]:,}"]
        for x, words in zip(columns, values, strict=True):
            page.text(x + 56, y, words, align="right")
    return page.figure


def _legend(page: Page, left: float, y: float) -> None:
    page.axes.plot([left + 6], [y], "o", color=style.BLUE, markersize=5.5)
    page.text(left + 18, y, "precision", color=style.MUTED)
    page.axes.plot(
        [left + 106], [y], "o", color=style.ORANGE, markersize=8, markerfacecolor="none", markeredgewidth=1.6
    )
    page.text(left + 120, y, "recall", color=style.MUTED)


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"
