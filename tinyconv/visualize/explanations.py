"""Pictures of why a network answers what it does: saliency, Grad-CAM, and the images that units are excited by most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array, numbers, showable
from tinyconv.visualize.page import Mosaic, Page, columns_for, header_height, page_width, tile_size, wrap_notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 24  # images of a page, each with its map
_COLUMNS, _ROOM = 4, 150
_UNITS = 64  # exciting images of a page
_HEAT = "inferno"  # read from its lightness alone


def saliency(
    images: npt.ArrayLike, gradients: npt.ArrayLike, captions: Sequence[str], title: str = "Saliency"
) -> Figure:
    """Images with, at the right of each, how much every pixel matters: max over channels of |∂score/∂pixel|.

    images (n, h, w), (n, h, w, 1) or (n, h, w, 3); gradients of as many pixels, as `class_gradient` gives them; n
    captions. Up to 24 images are drawn. Each map has its own scale, from 0 (black) to where 99.5 % of its pixels lie.

    Raises
    ------
    ValueError
        If there are not as many of each, shapes differ, or a value is not finite.
    """
    shown, black, white = showable("saliency: images", images)
    slopes = np.asarray(gradients)
    slopes = numbers("saliency: gradients", slopes.reshape(len(slopes), *shown.shape[1:3], -1), "n h w c")
    maps = np.abs(slopes.astype(np.float64)).max(axis=3)
    _check_counts("saliency", shown, maps, captions)
    note = (
        "Right of each image: how much each pixel matters to the score of the class above, |∂score/∂pixel|, from none "
    )
    note += "(black) to much (bright), each map on its own scale"
    heats = [np.minimum(1, a / (float(np.quantile(a, 0.995)) or float(a.max()) or 1.0)) for a in maps]
    return _pairs(shown, black, white, heats, captions, title, note)


def grad_cam(images: npt.ArrayLike, maps: npt.ArrayLike, captions: Sequence[str], title: str = "Grad-CAM") -> Figure:
    """Images with, at the right of each, where the network saw what speaks for the class: Grad-CAM laid over it.

    images as for `saliency`; maps (n, h', w') of values from 0 on, as `grad_cam_maps` gives them, are enlarged to the
    images, each on its own scale. A map that is 0 everywhere leaves the image gray.

    Raises
    ------
    ValueError
        If there are not as many of each, or a value is negative or not finite.
    """
    shown, black, white = showable("grad_cam: images", images)
    found = numbers("grad_cam: maps", maps, "n h w")
    _check_counts("grad_cam", shown, found, captions)
    if found.min() < 0:
        raise ValueError(f"grad_cam: maps must be 0 or more, got {found.min():.3g}")
    note = (
        "Over a gray copy of each image: where the maps of the layer speak for the class above, from little (dark red) "
    )
    note += "to much (bright yellow), each on its own scale; gray where they do not"
    overlays = []
    for image, heat in zip(shown[:_SHOWN], found, strict=False):
        scaled = (image - black) / (white - black) if image.ndim == 2 or image.dtype == np.uint8 else image
        gray = scaled if image.ndim == 2 else scaled @ np.array([0.299, 0.587, 0.114])
        overlays.append(_laid_over(np.clip(gray, 0, 1), _enlarged(heat / (heat.max() or 1.0), gray.shape)))
    return _pairs(shown, black, white, overlays, captions, title, note)


def exciting(
    images: npt.ArrayLike, units: Sequence[int], means: npt.ArrayLike, title: str = "What excites the units most"
) -> Figure:
    """Images that excite units of a layer most, as `exciting_images` makes them, each over the number of its unit.

    images (u, h, w), (u, h, w, 1) or (u, h, w, 3), u at most 64; means (u,), 0 or less where a unit stayed silent.

    Raises
    ------
    ValueError
        If there are not as many of each, more than 64, or a value is not finite.
    """
    shown, black, white = showable("exciting: images", images)
    reached = numbers("exciting: means", means, "u")
    if not len(shown) == len(units) == len(reached) or len(shown) > _UNITS:
        raise ValueError(
            f"exciting: got {len(shown)} images, {len(units)} units and {len(reached)} means; needs as many of each, "
            f"at most {_UNITS}"
        )
    columns = columns_for(len(shown))
    mosaic = Mosaic(
        len(shown), columns, tile_size((shown.shape[1], shown.shape[2]), max(96, 1000 // columns)), (34, 14)
    )
    width = page_width(mosaic.width, title)
    note = "Gradient ascent from noise: each image makes the map of one unit as bright as it can. Below: the unit, and "
    note += "the mean of its map"
    notes = wrap_notes(note, width)
    top = header_height(len(notes))
    page = Page(width, top + mosaic.height + style.MARGIN - 6)
    page.header(title, notes)
    for i, image in enumerate(shown):
        box = mosaic.box(i, style.MARGIN, top)
        page.frame(box)
        page.image(image, box, style.GRAY, black, white)
        words = f"{units[i]}: {style.short(reached[i])}" if reached[i] > 0 else f"{units[i]}: silent"
        page.text(box[0] + box[2] / 2, box[1] + box[3] + 16, words, align="center")
    return page.figure


def _check_counts(where: str, shown: Array, maps: Array, captions: Sequence[str]) -> None:
    if not len(shown) == len(maps) == len(captions):
        raise ValueError(
            f"{where}: got {len(shown)} images, {len(maps)} maps and {len(captions)} captions; needs as many of each"
        )


def _enlarged(heat: Array, shape: tuple[int, ...]) -> Array:
    """Return a map (h', w') as (h, w), linear between the middles of its cells, as images are enlarged."""
    from scipy.ndimage import zoom

    factors = [to / n for to, n in zip(shape, heat.shape, strict=True)]
    return np.clip(zoom(heat.astype(np.float64), factors, order=1, mode="nearest", grid_mode=True), 0, 1)


def _laid_over(gray: Array, heat: Array) -> Array:
    """Return an RGB image (h, w, 3): a gray one under a map of 0 to 1, the more of the map the higher it is.

    Neither black nor white is left of the gray one, on which a dark red or a bright yellow would be lost.
    """
    from matplotlib import colormaps

    share = 0.9 * np.sqrt(heat)[..., np.newaxis]
    return (1 - share) * (0.2 + 0.5 * gray)[..., np.newaxis] + share * colormaps[_HEAT](0.3 + 0.7 * heat)[..., :3]


def _pairs(
    shown: Array, black: float, white: float, maps: Sequence[Array], captions: Sequence[str], title: str, note: str
) -> Figure:
    """Draw each image and, beside it, a map of 0 to 1 or an RGB image, with a caption above both."""
    count = min(len(shown), _SHOWN)
    tile = tile_size((shown.shape[1], shown.shape[2]), _ROOM if count > _COLUMNS else 2 * _ROOM)
    pair = (tile[0], 2 * tile[1] + 6)
    mosaic = Mosaic(count, min(_COLUMNS, count), pair, (44, 22))
    width = page_width(mosaic.width, title)
    notes = wrap_notes(note, width)
    top = header_height(len(notes)) + 26
    page = Page(width, top + mosaic.height + style.MARGIN - 44)
    page.header(title, notes)
    for i in range(count):
        x, y, _, height = mosaic.box(i, style.MARGIN, top)
        first, second = (x, y, tile[1], height), (x + tile[1] + 6, y, tile[1], height)
        page.frame(first)
        page.frame(second)
        page.image(shown[i], first, style.GRAY, black, white)
        page.image(maps[i], second, _HEAT, 0.0, 1.0)
        page.text(x, y - 14, style.cut(captions[i], style.BODY, pair[1]))
    return page.figure
