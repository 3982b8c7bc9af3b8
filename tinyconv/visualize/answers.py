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
_FILL = "Right answers follow, the least confident first. "
_PLACE = "Under each image: its place in the data"
_CLASSES = 100  # at most, in a confusion matrix: more cannot be read


def predictions(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    class_names: Sequence[str] | None = None,
    title: str = "Predictions",
) -> Figure:
    """The worst errors: up to 100 images, ten a row, the wrong answers with the highest probability first.

    Above each image stand the predicted class with its probability, in red where it is wrong, and then the true class
    with its own; below it stands its place in `images`. Where there are fewer than 100 errors, right answers fill the
    page, those with the lowest probability first.

    images (n, h, w), (n, h, w, 1) or (n, h, w, 3); probabilities (n, k), or (n,) or (n, 1) for the probability of class
    1 of two; labels (n,) class numbers.

    Raises
    ------
    ValueError
        If the three do not have the same n, a probability is not in 0..1, a label is not a class, or there are not k
        names.
    """
    p = np.asarray(probabilities)
    p = numbers("predictions: probabilities", p[:, np.newaxis] if p.ndim == 1 else p, "n k")
    if p.min() < 0 or p.max() > 1 + 1e-6:
        bad = p.min() if p.min() < 0 else p.max()
        raise ValueError(f"predictions: probabilities must be from 0 to 1, got {bad:.6g}; logits need a softmax first")
    if p.shape[1] == 1:
        p = np.concatenate([1 - p, p], axis=1)
    truth = class_numbers("predictions: labels", labels, p.shape[1])
    given = np.atleast_1d(images)
    if not len(given) == len(p) == len(truth):
        raise ValueError(
            f"predictions: got {len(given)} images, {len(p)} rows of probabilities and {len(truth)} labels; "
            "needs as many of each"
        )
    names = names_for("predictions", class_names, p.shape[1])
    guess = p.argmax(axis=1)
    wrong = guess != truth
    sure = p.max(axis=1)
    chosen = np.argsort(np.where(wrong, -sure, 1 + sure), kind="stable")[:_SHOWN]
    shown, black, white = showable("predictions: images", given[chosen])

    height, across = shown.shape[1:3]
    tile = tile_size((height, across), 112)
    room = tile[1] + 10
    short = [style.cut(name, style.TINY, room - style.text_width(": 99.9 %", style.TINY)) for name in names]
    shorter = [style.cut(name, style.TINY, room - style.text_width("true : 99.9 %", style.TINY)) for name in names]
    above = [f"{short[guess[i]]}: {_percent(p[i, guess[i]])}" for i in chosen]
    below = [f"true {shorter[truth[i]]}: {_percent(p[i, truth[i]])}" if wrong[i] else "" for i in chosen]
    size = style.fit_size([*above, *below], style.BODY, room)
    head = 44 if any(below) else 26
    mosaic = Mosaic(len(shown), min(10, len(shown)), tile, (head + 24, 16))
    errors, n = int(wrong.sum()), len(given)
    facts = f"{errors:,} error{'s' * (errors != 1)} among {n:,} images"
    if errors:
        facts += f", {'here the 100' if errors > _SHOWN else 'the'} most confident first: "
        facts += "the predicted class in red, then the true one, each with its probability"
    facts += f". {_FILL * (errors < len(shown))}{_PLACE}"
    width = page_width(mosaic.width, title)
    notes = wrap_notes(facts, width)
    top = header_height(len(notes)) + head
    page = Page(width, top + mosaic.height - head + style.MARGIN - 14)
    page.header(title, notes)
    for i, at in enumerate(chosen.tolist()):
        box = mosaic.box(i, style.MARGIN, top)
        middle = box[0] + box[2] / 2
        page.frame(box, style.RED if wrong[at] else style.FAINT, 4 if wrong[at] else 1)
        page.image(shown[i], box, style.GRAY, black, white)
        color = style.RED if wrong[at] else style.INK
        page.text(middle, box[1] - (33 if wrong[at] else 15), above[i], size, color, "center")
        if wrong[at]:
            page.text(middle, box[1] - 15, below[i], size, style.INK, "center")
        page.text(middle, box[1] + box[3] + 12, f"{at:,}", style.TINY, style.MUTED, "center")
    return page.figure


def _percent(share: float) -> str:
    """A probability as "97 %", with a digit more below 1 % and above 99 %."""
    words = f"{100 * share:.0f}" if 0.01 <= share <= 0.99 else f"{100 * share:.1f}".removesuffix(".0")
    return f"{words} %"


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
