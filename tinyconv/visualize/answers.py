"""Pictures of what a classifier answered: test images with their predictions, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import class_numbers, names_for, numbers, showable
from tinyconv.visualize.page import Mosaic, Page, header_height, page_width, tile_size, wrap_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 100  # images of a page of predictions
_CLASSES = 100  # at most, in a confusion matrix: more cannot be read


def predictions(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """The first 100 images, ten a row, each under its predicted class and that class's probability.

    images (n, h, w), (n, h, w, 1) or (n, h, w, 3); probabilities (n, k), or (n,) or (n, 1) for the probability of class
    1 of two; labels (n,) class numbers. A wrong answer is framed and written in red, with the true class after it.

    Raises
    ------
    ValueError
        If the three do not have the same n, a probability is not in 0..1, a label is not a class, or there are not k
        names.
    """
    given = np.atleast_1d(images)
    shown, black, white = showable("predictions: images", given[:_SHOWN])
    p = np.asarray(probabilities)
    p = numbers("predictions: probabilities", p[:, np.newaxis] if p.ndim == 1 else p, "n k")
    if p.min() < 0 or p.max() > 1 + 1e-6:
        bad = p.min() if p.min() < 0 else p.max()
        raise ValueError(f"predictions: probabilities must be from 0 to 1, got {bad:.6g}; logits need a softmax first")
    if p.shape[1] == 1:
        p = np.concatenate([1 - p, p], axis=1)
    truth = class_numbers("predictions: labels", labels, p.shape[1])
    if not len(given) == len(p) == len(truth):
        raise ValueError(
            f"predictions: got {len(given)} images, {len(p)} rows of probabilities and {len(truth)} labels; "
            "needs as many of each"
        )
    names = names_for("predictions", class_names, p.shape[1])

    n = len(shown)
    guess = p[:n].argmax(axis=1)
    wrong = guess != truth[:n]
    height, across = shown.shape[1:3]
    tile = tile_size((height, across), 112 if max(height, across) <= 64 else 80)
    room = tile[1] + 10
    names = [style.cut(name, style.TINY, room - style.text_width(": 100 %", style.TINY)) for name in names]
    first = [f"{names[j]}: {100 * p[i, j]:.0f} %" for i, j in enumerate(guess)]
    second = [f"({names[truth[i]]})" if wrong[i] else "" for i in range(n)]
    one_line = max(style.text_width(f"{a} {b}", style.BODY) for a, b in zip(first, second, strict=True)) <= room
    if one_line:
        first, second = [f"{a} {b}".strip() for a, b in zip(first, second, strict=True)], []
    size = style.fit_size([*first, *second], style.BODY, room)
    head = 26 if one_line else 44
    mosaic = Mosaic(n, min(10, n), tile, (head + 14, 16))
    title = f"Predictions: {n - int(wrong.sum())} of {n} right"
    width = page_width(mosaic.width, title)
    note = "Predicted class and its probability; wrong answers in red, with the true class in brackets"
    if n < len(given):
        note = f"The first {n} of {len(given):,} images. {note}"
    notes = wrap_notes(note, width)
    top = header_height(len(notes)) + head
    page = Page(width, top + mosaic.height - mosaic.gap[0] + style.MARGIN)
    page.header(title, notes)
    for i in range(n):
        box = mosaic.box(i, style.MARGIN, top)
        page.frame(box, style.RED if wrong[i] else style.FAINT, 4 if wrong[i] else 1)
        page.image(shown[i], box, style.GRAY, black, white)
        color = style.RED if wrong[i] else style.INK
        middle = box[0] + box[2] / 2
        alone = one_line or not wrong[i]
        page.text(middle, box[1] - (15 if alone else 33), first[i], size, color, "center")
        if not alone:
            page.text(middle, box[1] - 15, second[i], size, color, "center")
    return page.figure


def confusion_matrix(
    labels: npt.ArrayLike, predicted: npt.ArrayLike, class_names: Sequence[str] | None = None
) -> Figure:
    """How often each class (row) was taken for each class (column): counts, accuracy, and the recall of each class.

    labels (n,) and predicted (n,) are class numbers; the number of classes is that of class_names, or the largest class
    number of either + 1. Errors are colored by the square root of their count, so that single ones show, from white at
    none to orange at the most frequent; right answers, on the diagonal, are blue by recall. The recall of a class
    without images is "–".

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
    return _draw_matrix(counts, [style.cut(name, style.BODY, 240) for name in names])


def _draw_matrix(counts: npt.NDArray[np.int64], names: list[str]) -> Figure:
    k = len(names)
    right, total = int(np.trace(counts)), int(counts.sum())
    title = f"Accuracy {100 * right / total:.2f} %: {right:,} of {total:,} right"
    cell = max(36, min(96, 760 // k))
    widest = max(style.text_width(name, style.BODY) for name in names)
    turned = widest > cell - 8
    names_above = int(0.71 * widest) + 22 if turned else 24
    left = style.MARGIN + 30 + int(widest) + 12
    width = max(left + k * cell + 86 + style.MARGIN, page_width(0, title))
    note = "Counts of images. Blue: right answers, by recall. Orange: errors, by the square root of their count"
    notes = wrap_notes(note, width)
    top = header_height(len(notes)) + 30 + names_above
    page = Page(width, top + k * cell + style.MARGIN)
    page.header(title, notes)

    images = counts.sum(axis=1)
    recall = np.divide(np.diag(counts), images, out=np.zeros(k), where=images > 0)
    diagonal = np.eye(k, dtype=bool)
    box = (left, top, k * cell, k * cell)
    page.rectangle((left - 1, top - 1, k * cell + 2, k * cell + 2), style.FAINT, behind=True)
    page.rectangle(box, style.PAPER, behind=True)
    errors = np.ma.masked_array(np.sqrt(counts), diagonal | (counts == 0))
    most = float(np.sqrt(np.where(diagonal, 0, counts).max()))
    page.image(errors, box, style.ERRORS, 0.0, 1.6 * max(most, 1.0))
    page.image(np.ma.masked_array(np.diag(recall), ~diagonal), box, style.RIGHT, 0.0, 1.25)
    for i, name in enumerate(names):
        middle, across = top + (i + 0.5) * cell, left + (i + 0.5) * cell
        page.text(left - 10, middle, name, align="right")
        if turned:
            page.text(across - 4, top - 12, name, rotation=45)
        else:
            page.text(across, top - 16, name, align="center")
        page.text(left + k * cell + 14, middle, f"{100 * recall[i]:.1f} %" if images[i] else "–", color=style.MUTED)
        for j in np.flatnonzero(counts[i]).tolist():
            count = f"{counts[i, j]:,}"
            size = style.fit_size([count], style.BODY, cell - 6)
            color = style.PAPER if i == j and recall[i] > 0.65 else style.INK
            x = left + (j + 0.5) * cell
            page.text(x, middle, count, size, color, "center", weight="bold" if i == j else "normal")
    page.text(left + k * cell + 14, top - 16, "recall", color=style.MUTED)
    page.text(left + k * cell / 2, top - 16 - names_above, "predicted", color=style.MUTED, align="center")
    page.text(style.MARGIN + 8, top + k * cell / 2, "true", color=style.MUTED, align="center", rotation=90)
    return page.figure
