"""One filter's map redone with scipy.signal, to confirm that a layer convolves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinyconv.autograd import no_grad
from tinyconv.layers import Conv2D
from tinyconv.models import Functional, Model
from tinyconv.tensor import Tensor, as_array
from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array
from tinyconv.visualize.looking import symbol_of
from tinyconv.visualize.page import Page, header_height, page_width, tile_size, wrap_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROOM, _SIGN = 190, 34  # pixels: the longer side of a tile, and the room for a sign between two
_SIGN_SIZE = 15.0


def by_scipy(layer: Conv2D, image: npt.ArrayLike, unit: int) -> Array:
    """Return a unit's map (h', w') of an image (h, w, c), in float64: scipy.signal.correlate2d of each channel, summed.

    Padding, strides, dilation, groups and the activation are the layer's.
    """
    from scipy.signal import correlate2d

    x = np.asarray(image, np.float64)
    window, w = layer.window, layer.kernel.numpy().astype(np.float64)[..., unit]
    spread = np.zeros((*window.span, w.shape[2]))
    spread[:: window.dilation[0], :: window.dilation[1]] = w
    per_group = w.shape[2]
    first = unit // (layer.filters // layer.groups) * per_group
    padded = np.pad(x, (*window.pads(*x.shape[:2]), (0, 0)))
    y = sum(correlate2d(padded[..., first + c], spread[..., c], mode="valid") for c in range(per_group))
    y = y[:: window.strides[0], :: window.strides[1]]
    bias = 0.0 if layer.bias is None else float(layer.bias.numpy()[unit])
    return layer.activation(Tensor((y + bias)[np.newaxis, ..., np.newaxis])).numpy()[0, ..., 0]


def confirm_convolution(
    model: Model, image: npt.ArrayLike, layer: Conv2D | None = None, unit: int | None = None, about: str = ""
) -> Figure:
    """The input and the kernel of one unit, its map in the model, the map by scipy.signal, and their difference.

    image is what the model takes, without the batch axis; the layer is the first convolution unless given, the unit the
    one with the brightest map. Of several channels the mean is shown. `about` opens the title.

    Raises
    ------
    ValueError
        If the model has no such layer.
    """
    found: Any = layer or next((each for each in model.layers if isinstance(each, Conv2D)), None)
    if found is None:
        raise model.error("has no Conv2D to be confirmed")
    symbol = symbol_of(model, found)
    below = symbol.node.inputs[0]
    given = as_array(np.asarray(image)[np.newaxis], model.dtype)
    with no_grad():
        maps = Functional(model.inputs, symbol)(given, training=False).numpy()[0]
        entry = below.node.inputs and Functional(model.inputs, below)(given, training=False).numpy()[0]
    x = entry if below.node.inputs else given[0]
    unit = int(maps.max(axis=(0, 1)).argmax()) if unit is None else unit
    ours, theirs = maps[..., unit], by_scipy(found, x, unit)
    title = f"{f'{about}: ' if about else ''}filter {unit} of {found.name} convolves"
    return _draw(x, found, unit, ours, theirs, title)


def _draw(x: Array, layer: Conv2D, unit: int, ours: Array, theirs: Array, title: str) -> Figure:
    kernel = layer.kernel.numpy()[..., unit]
    c = kernel.shape[2]
    difference = ours - theirs
    worst, peak = float(np.abs(difference).max()), float(np.abs(theirs).max()) or 1.0
    name = getattr(layer.activation, "__name__", "activation")
    words = "" if name == "linear" else f", then {name}"
    note = f"Each of {c} channel{'s' * (c != 1)} correlated with its part of the kernel, summed, plus the bias{words}. "
    note += f"Largest difference: {worst:.1e}, of a map that peaks at {peak:.4g}: rounding in {ours.dtype}"
    mean = "" if c == 1 else f" (mean of {c} channels)"
    low = min(0.0, float(ours.min()), float(theirs.min()))
    scale = float(np.abs(kernel.mean(axis=2)).max()) or 1.0
    plain = x[..., 0] if x.shape[2] == 1 else x.mean(axis=2)
    panels: list[tuple[str, str, Array, str, float, float]] = [
        ("", f"what goes in{mean}", plain, style.GRAY, float(plain.min()), float(plain.max())),
        ("∗", f"kernel{mean}", kernel.mean(axis=2), style.DIVERGING, -scale, scale),
        ("=", "map in the model", ours, style.SEQUENTIAL, low, peak),
        ("≈", "by scipy.signal.correlate2d", theirs, style.SEQUENTIAL, low, peak),
        ("", f"difference, ±{worst:.1e}", difference, style.DIVERGING, -(worst or 1.0), worst or 1.0),
    ]
    tiles = [tile_size((a.shape[0], a.shape[1]), _ROOM if i != 1 else 90) for i, (_, _, a, *_) in enumerate(panels)]
    wide = [
        max(tile[1], int(style.text_width(words, style.SMALL)) + 4)
        for tile, (_, words, *_) in zip(tiles, panels, strict=True)
    ]
    content = sum(wide) + _SIGN * (len(panels) - 1)
    width = page_width(content, title)
    notes = wrap_notes(note, width)
    top, tall = header_height(len(notes)), max(tile[0] for tile in tiles)
    page = Page(width, top + tall + 30 + style.MARGIN - 6)
    page.header(title, notes)
    at = style.MARGIN
    for (sign, below, array, cmap, start, end), (height, across), room in zip(panels, tiles, wide, strict=True):
        if at > style.MARGIN:
            page.text(at + _SIGN / 2, top + tall / 2, sign, _SIGN_SIZE, style.MUTED, "center")
            at += _SIGN
        box = (at + (room - across) // 2, top + (tall - height) // 2, across, height)
        page.frame(box)
        page.image(array, box, cmap, start, end if end > start else start + 1)
        page.text(at + room / 2, top + tall + 18, below, style.SMALL, align="center")
        at += room
    return page.figure
