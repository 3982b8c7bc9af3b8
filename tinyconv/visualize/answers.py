"""Pictures of what a classifier answered: images with their predictions, in order or the worst mistakes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array, class_numbers, names_for, numbers, showable
from tinyconv.visualize.page import Mosaic, Page, header_height, page_width, tile_size, wrap_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 100  # images of a page
_FILL = "Right answers follow, the least confident first. "
_PLACE = "Under each image: its place in the data"


def predictions(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Predictions",
) -> Figure:
    """The first 100 images in their order, ten a row, each under the predicted class and its probability.

    Where `labels` are given, wrong answers are red, and the true class with its own probability stands below them.

    images (n, h, w), (n, h, w, 1) or (n, h, w, 3); probabilities (n, k), or (n,) or (n, 1) for the probability of class
    1 of two; labels (n,) class numbers.

    Raises
    ------
    ValueError
        If they do not have the same n, a probability is not in 0..1, a label is not a class, or there are not k names.
    """
    given, p, truth, names = _checked("predictions", images, probabilities, labels, class_names)
    n = len(given)
    chosen = np.arange(min(n, _SHOWN))
    facts = f"{f'The first {_SHOWN} of {n:,}' if n > _SHOWN else f'{n:,}'} image{'s' * (n != 1)} in order, each with "
    facts += "the predicted class and its probability"
    if labels is not None:
        errors = int((p.argmax(axis=1) != truth)[chosen].sum())
        facts += f"; {errors or 'none'} wrong" + ", in red, with the true class and its own below" * (errors > 0)
    return _grid("predictions", given, p, truth, names, chosen, facts, title)


def mistakes(
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    class_names: Sequence[str] | None = None,
    title: str = "Worst mistakes",
) -> Figure:
    """The worst mistakes: up to 100 images, ten a row, the wrong answers with the highest probability first.

    Above each image stand the predicted class with its probability, in red where it is wrong, and then the true class
    with its own; below it stands its place in `images`. Where there are fewer than 100 errors, right answers fill the
    page, those with the lowest probability first. The arguments are those of `predictions`.
    """
    given, p, truth, names = _checked("mistakes", images, probabilities, labels, class_names)
    wrong = p.argmax(axis=1) != truth
    sure = p.max(axis=1)
    chosen = np.argsort(np.where(wrong, -sure, 1 + sure), kind="stable")[:_SHOWN]
    errors, n = int(wrong.sum()), len(given)
    facts = f"{errors:,} error{'s' * (errors != 1)} among {n:,} images"
    if errors:
        facts += f", {'here the 100' if errors > _SHOWN else 'the'} most confident first: "
        facts += "the predicted class in red, then the true one, each with its probability"
    facts += f". {_FILL * (errors < len(chosen))}{_PLACE}"
    return _grid("mistakes", given, p, truth, names, chosen, facts, title)


def probabilities_of(where: str, probabilities: npt.ArrayLike) -> Array:
    """Probabilities (n, k), also from (n,) or (n, 1), those of class 1 of two; ValueError for other numbers."""
    p = np.asarray(probabilities)
    p = numbers(f"{where}: probabilities", p[:, np.newaxis] if p.ndim == 1 else p, "n k")
    if p.min() < 0 or p.max() > 1 + 1e-6:
        bad = p.min() if p.min() < 0 else p.max()
        raise ValueError(f"{where}: probabilities must be from 0 to 1, got {bad:.6g}; logits need a softmax first")
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p


def percent(share: float) -> str:
    """A probability as "97 %", with a digit more below 1 % and above 99 %."""
    words = f"{100 * share:.0f}" if 0.01 <= share <= 0.99 else f"{100 * share:.1f}".removesuffix(".0")
    return f"{words} %"


def _checked(
    where: str,
    images: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike | None,
    class_names: Sequence[str] | None,
) -> tuple[Array, Array, Array, list[str]]:
    """Return images, probabilities (n, k), labels (the predicted classes if there are none) and names."""
    p = probabilities_of(where, probabilities)
    truth = p.argmax(axis=1) if labels is None else class_numbers(f"{where}: labels", labels, p.shape[1])
    given = np.atleast_1d(images)
    if not len(given) == len(p) == len(truth):
        raise ValueError(
            f"{where}: got {len(given)} images, {len(p)} rows of probabilities and {len(truth)} labels; "
            "needs as many of each"
        )
    return given, p, truth, names_for(where, class_names, p.shape[1])


def _grid(
    where: str, given: Array, p: Array, truth: Array, names: list[str], chosen: Array, facts: str, title: str
) -> Figure:
    """Draw the chosen images, ten a row, with their answers."""
    guess = p.argmax(axis=1)
    wrong = guess != truth
    shown, black, white = showable(f"{where}: images", given[chosen])
    tile = tile_size((shown.shape[1], shown.shape[2]), 112)
    room = tile[1] + 10
    short = [style.cut(name, style.TINY, room - style.text_width(": 99.9 %", style.TINY)) for name in names]
    shorter = [style.cut(name, style.TINY, room - style.text_width("true : 99.9 %", style.TINY)) for name in names]
    above = [f"{short[guess[i]]}: {percent(p[i, guess[i]])}" for i in chosen]
    below = [f"true {shorter[truth[i]]}: {percent(p[i, truth[i]])}" if wrong[i] else "" for i in chosen]
    size = style.fit_size([*above, *below], style.BODY, room)
    head = 44 if any(below) else 26
    mosaic = Mosaic(len(shown), min(10, len(shown)), tile, (head + 24, 24))
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
