"""Pictures of what convolutions answer to one image: the maps of one layer, and those of all layers on one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array, numbers, showable
from tinyconv.visualize.page import (
    Mosaic,
    Page,
    columns_for,
    header_height,
    index_room,
    page_width,
    tile_size,
    wrap_notes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BAR = 3  # pixels: the height of the bar under a map
_MOST = 1024  # maps of a page, if each layer shows all of its own
_BAR_NOTE = "the bar under a map is its peak against the strongest map of the layer"


def activations(maps: npt.ArrayLike, title: str) -> Figure:
    """The k maps (h, w, k) of one image in one layer, as a grid in the order of the units, row by row.

    Each map has its own scale, from 0 (black) to its peak (bright), or, where a layer has negative values, from −peak
    (blue) through 0 (white) to peak (red), peak = max|map|. The bar under a map is its peak against the highest peak of
    the layer, so that a faint map is not taken for a strong one. A map that is zero everywhere is gray and crossed out.

    Raises
    ------
    ValueError
        If maps is not (h, w, k), is empty, or holds NaN or infinity.
    """
    a = numbers("activations: maps", maps, "h w k")
    h, w, k = a.shape
    columns = columns_for(k)
    room = max(36, 1152 // max(columns, 8)) if max(h, w) <= 72 else max(36, min(96, 1152 // columns))
    mosaic = Mosaic(k, columns, tile_size((h, w), room), (4 + _BAR + 6, 6))
    left = style.MARGIN + index_room(k)
    width = page_width(mosaic.width + left - style.MARGIN, title)
    scale = "−peak (blue) to peak (red)" if a.min() < 0 else "0 (black) to its peak"
    notes = wrap_notes(f"{_facts(a)}. Each map on its own scale, {scale}; {_BAR_NOTE}", width)
    top = header_height(len(notes))
    page = Page(width, top + mosaic.height + style.MARGIN - 6)
    page.header(title, notes)
    _draw_maps(page, a, mosaic, left, top)
    return page.figure


def all_activations(
    layers: Mapping[str, npt.ArrayLike], image: npt.ArrayLike, title: str = "What each layer answers to this image"
) -> Figure:
    """One page: the image, (h, w), (h, w, 1) or (h, w, 3), and under it the maps (h, w, k) of each layer, in order.

    Maps are drawn as `activations` draws them. The longer side of every tile is 72 pixels, 16 tiles a row, on a page of
    up to 256 maps, and 36 pixels, 32 a row, beyond. Of more than 1,024 maps, each layer shows its first 64.

    Raises
    ------
    ValueError
        If there is no layer, a layer's maps are not (h, w, k), or a value is NaN or infinite. The message names the
        layer.
    """
    if not layers:
        raise ValueError("all_activations: layers is empty; pass {layer name: maps (h, w, k)}")
    arrays = {name: numbers(f"all_activations: maps of {name!r}", maps, "h w k") for name, maps in layers.items()}
    pictures, black, white = showable("all_activations: image", np.asarray(image)[np.newaxis])
    total = sum(a.shape[2] for a in arrays.values())
    columns = 16 if total <= 256 else 32
    room = 1152 // columns
    facts = {name: _facts(a) for name, a in arrays.items()}
    if total > _MOST:
        facts = {name: f"{facts[name]}{', the first 64 here' * (a.shape[2] > 64)}" for name, a in arrays.items()}
        arrays = {name: a[:, :, :64] for name, a in arrays.items()}
    mosaics = {name: Mosaic(a.shape[2], columns, _fitted(a, room), (2 + _BAR + 4, 4)) for name, a in arrays.items()}
    left = style.MARGIN + max(index_room(a.shape[2]) for a in arrays.values())
    shown = tile_size((pictures.shape[1], pictures.shape[2]), 160)
    heading = 44
    top = style.MARGIN + shown[0] + 8
    after = {name: left + int(style.text_width(name, style.HEADING, "bold")) + 14 for name in arrays}
    right = max(after[name] + int(style.text_width(facts[name], style.BODY)) for name in arrays)
    beside = left + shown[1] + 20
    right = max(right, beside + int(style.text_width(title, style.TITLE, "bold")))
    width = max(left + columns * (room + 4) - 4, right) + style.MARGIN
    page = Page(width, top + sum(heading + m.height for m in mosaics.values()) + style.MARGIN - 6)
    box = (left, style.MARGIN, shown[1], shown[0])
    page.frame(box)
    page.image(pictures[0], box, style.GRAY, black, white)
    page.text(beside, style.MARGIN + 14, title, size=style.TITLE, weight="bold")
    note = "Each map on its own scale, from 0 (black) to its peak or from −peak (blue) to peak (red); "
    note += f"{_BAR_NOTE}. Crossed out: zero everywhere"
    for i, line in enumerate(style.wrap(note, style.BODY, page.width - style.MARGIN - beside)):
        page.text(beside, style.MARGIN + 44 + 21 * i, line, color=style.MUTED)
    for name, a in arrays.items():
        page.text(left, top + 24, name, size=style.HEADING, weight="bold")
        page.text(after[name], top + 24, facts[name], color=style.MUTED)
        _draw_maps(page, a, mosaics[name], left, top + heading)
        top += heading + mosaics[name].height
    return page.figure


def _facts(a: Array) -> str:
    """How many maps of which size, how many are dead, and how sparse they are."""
    h, w, k = a.shape
    dead = int(np.count_nonzero(~a.any(axis=(0, 1))))
    zeros = np.count_nonzero(a == 0) / a.size
    return f"{k} maps of {h}×{w}, {dead or 'none'} dead, {100 * zeros:.0f} % of the values zero"


def _fitted(a: Array, room: int) -> tuple[int, int]:
    """Height and width of a tile whose longer side is exactly `room` pixels."""
    scale = room / max(a.shape[:2])
    return max(1, round(a.shape[0] * scale)), max(1, round(a.shape[1] * scale))


def _draw_maps(page: Page, a: Array, mosaic: Mosaic, left: int, top: int) -> None:
    from matplotlib.colors import ListedColormap

    empty = ListedColormap([style.EMPTY])
    peaks = np.abs(a.astype(np.float64)).max(axis=(0, 1))
    strongest = float(peaks.max()) or 1.0
    signed = bool(a.min() < 0)
    for i, peak in enumerate(peaks.tolist()):
        box = mosaic.box(i, left, top)
        x, y, width, height = box
        page.frame(box)
        if peak == 0:
            page.image(a[:, :, i], box, empty, 0.0, 1.0)
            page.line([x, x + width], [y + height, y], style.FAINT)
            page.line([x, x + width], [y, y + height], style.FAINT)
        else:
            cmap = style.DIVERGING if signed else style.SEQUENTIAL
            page.image(a[:, :, i], box, cmap, -peak if signed else 0.0, peak)
            page.rectangle((x, y + height + 3, width * peak / strongest, _BAR), style.BLUE)
        if i % mosaic.columns == 0:
            page.index(i, box)


def sparsity(layers: Mapping[str, npt.ArrayLike], title: str = "Sparsity by depth") -> Figure:
    """How sparse each layer's activations are, in the order of depth: bars of the share of zeros, and of silent maps.

    layers are maps (n, h, w, k) of n images, or (h, w, k) of one, by the layer's name. A map is silent where it is zero
    for every image.

    Raises
    ------
    ValueError
        If there is no layer, maps have other axes, or a value is NaN or infinite. The message names the layer.
    """
    if not layers:
        raise ValueError("sparsity: layers is empty; pass {layer name: maps (n, h, w, k)}")
    arrays = {name: np.asarray(maps) for name, maps in layers.items()}
    arrays = {name: a[np.newaxis] if a.ndim == 3 else a for name, a in arrays.items()}
    arrays = {name: numbers(f"sparsity: maps of {name!r}", a, "n h w k") for name, a in arrays.items()}
    n, row, scale = max(len(a) for a in arrays.values()), 34, 460
    facts = {name: f"{a.shape[3]} maps of {a.shape[1]}×{a.shape[2]}" for name, a in arrays.items()}
    left = style.MARGIN + max(int(style.text_width(name, style.BODY)) for name in arrays) + 16
    beside = left + scale + 76
    width = beside + max(int(style.text_width(words, style.SMALL)) for words in facts.values()) + 130 + style.MARGIN
    width = max(width, page_width(0, title))
    notes = wrap_notes(
        f"Bars: the share of a layer's values that are zero, over {n:,} image{'s' * (n != 1)}, the first layer on "
        "top. Silent maps are zero everywhere in all of them",
        width,
    )
    top = header_height(len(notes)) + 8
    bottom = top + row * len(arrays)
    page = Page(width, bottom + 34 + style.MARGIN // 2)
    page.header(title, notes)
    for tick in range(0, 101, 25):
        x = left + scale * tick / 100
        page.rectangle((x - 0.5, top, 1, bottom - top), style.FAINT, behind=True)
        page.text(x, bottom + 16, f"{tick} %", style.SMALL, style.MUTED, "center")
    for i, (name, a) in enumerate(arrays.items()):
        y = top + row * (i + 0.5)
        share = 1 - np.count_nonzero(a) / a.size
        silent = int(np.count_nonzero(~a.any(axis=(0, 1, 2))))
        page.text(left - 12, y, name, align="right")
        page.rectangle((left, y - 10, scale * share, 20), style.BLUE)
        page.text(left + scale + 58, y, f"{100 * share:.0f} %", align="right")
        page.text(beside, y, f"{facts[name]}, {silent or 'none'} silent", style.SMALL, style.MUTED)
    return page.figure
