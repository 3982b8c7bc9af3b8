"""Pictures of weights: first-layer filters, hidden units, and the templates that a chain of dense layers comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array, numbers
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

_GRAY_NOTE = "Blue negative, white zero, red positive; one scale for all"
_MOST_NOTE = "on which 99.5 % of the weights lie"
_RGB_NOTE = "Each as an RGB image on its own scale; middle gray is zero"


def filters(kernel: npt.ArrayLike, title: str = "First-layer filters") -> Figure:
    """Mosaic of the k filters of a first convolution, kernel (kh, kw, c, k), in order; rows begin with their number.

    With one input channel the weights are shown about zero (blue negative, white zero, red positive), one scale for all
    filters, with a color bar. With three channels each filter is an RGB image, 0.5 + w / (2 max|w|) by its own largest
    weight, so that zero is middle gray. A network that was fed BGR images needs `kernel[:, :, ::-1]`.

    Raises
    ------
    ValueError
        If the kernel has other axes, 2 or more than 3 input channels, no weights, or values that are not finite.
    """
    w = numbers("filters: kernel", kernel, "kh kw c k")
    kh, kw, c, k = w.shape
    if c not in (1, 3):
        raise ValueError(
            f"filters: kernel must have 1 or 3 input channels to be seen as images, got {c} in shape {w.shape}; "
            "pass the kernel of the first layer"
        )
    note = f"{k} filters of {kh}×{kw}" + (f"×3. {_RGB_NOTE}" if c == 3 else f". {_GRAY_NOTE}")
    return _mosaic(np.moveaxis(w, 3, 0), title, note, columns_for(k), 96, float(np.abs(w).max()), [])


def hidden_units(
    kernel: npt.ArrayLike,
    image_shape: Sequence[int],
    grid: tuple[int, int] = (15, 15),
    title: str = "Weights of hidden units",
) -> Figure:
    """The weights of the first rows × columns hidden units of a dense layer on images, each as an image.

    Each row begins with the number of its first unit.

    kernel (m, k) with m = h·w·c, image_shape (h, w), (h, w, 1) or (h, w, 3), grid (rows, columns). A layer of fewer
    units fills fewer rows. All units share one scale, −s to s, with 99.5 % of the weights within it, so that a few
    extreme ones do not turn the rest white. RGB units each have their own, as in `filters`.

    Raises
    ------
    ValueError
        If the kernel is not (m, k) for such images, is not finite, or the grid has no cell.
    """
    w = numbers("hidden_units: kernel", kernel, "m k")
    shape = _image_shape("hidden_units", image_shape, w.shape[0])
    if len(grid) != 2 or min(grid) < 1:
        raise ValueError(f"hidden_units: grid must be (rows, columns), each at least 1, got {tuple(grid)}")
    units = min(w.shape[1], grid[0] * grid[1])
    facts = f"The first {units:,} of {w.shape[1]:,} units" if units < w.shape[1] else f"{units:,} units"
    images = w.T[:units].reshape(units, *shape)
    note = f"{facts}. {_RGB_NOTE}" if shape[2] == 3 else f"{facts}. {_GRAY_NOTE}, {_MOST_NOTE}"
    return _mosaic(images, title, note, min(grid[1], units), max(28, 1120 // grid[1]), _most(images), [])


def class_templates(
    kernels: Iterable[npt.ArrayLike], image_shape: Sequence[int], title: str = "What the network sees"
) -> Figure:
    """What the network sees: the product W1·W2·… of the dense kernels, one image a class, under it the class number.

    The kernels are (m, ·), (·, ·), …, (·, k), in the order of the layers, and m = h·w·c of image_shape. Where the
    hidden layers are linear, template j is exactly ∂logit_j/∂image; where they are not, it is what they would be if
    every ReLU passed its input on. All classes share one scale, −s to s, with 99.5 % of the weights within it.

    Raises
    ------
    ValueError
        If the kernels do not chain, do not start from such images, or are not finite.
    """
    if isinstance(kernels, np.ndarray) and kernels.ndim == 2:
        raise ValueError("class_templates: kernels must be a sequence of matrices, got one array; pass [kernel]")
    chain = [numbers(f"class_templates: kernel {i + 1}", w, "m k") for i, w in enumerate(kernels)]
    if not chain:
        raise ValueError("class_templates: kernels is empty; pass the dense kernels in the order of the layers")
    product = chain[0].astype(np.float64)
    for i, w in enumerate(chain[1:], start=2):
        if w.shape[0] != product.shape[1]:
            raise ValueError(
                f"class_templates: kernel {i} of shape {w.shape} cannot follow a kernel of {product.shape[1]:,} outputs"
            )
        product = product @ w
    shape = _image_shape("class_templates", image_shape, product.shape[0])
    images = product.T.reshape(product.shape[1], *shape)
    note = " · ".join(f"W{i + 1}" for i in range(len(chain)))
    note += (
        f". {_RGB_NOTE}"
        if shape[2] == 3
        else f": red pixels speak for the class, blue ones against it; one scale for all, {_MOST_NOTE}"
    )
    captions = [str(i) for i in range(len(images))]
    return _mosaic(images, title, note, columns_for(len(images)), 224, _most(images), captions)


def _image_shape(where: str, image_shape: Sequence[int], size: int) -> tuple[int, int, int]:
    """(h, w, c) of the images that a dense kernel of `size` rows looks at."""
    shape = tuple(int(n) for n in image_shape)
    full = (*shape, 1) if len(shape) == 2 else shape
    if len(full) != 3 or full[2] not in (1, 3) or min(full) < 1:
        raise ValueError(f"{where}: image_shape must be (h, w), (h, w, 1) or (h, w, 3), got {shape}")
    pixels = full[0] * full[1] * full[2]
    if pixels != size:
        raise ValueError(f"{where}: image_shape {shape} has {pixels:,} values, but the kernel has {size:,} rows")
    return full[0], full[1], full[2]


def _most(weights: Array) -> float:
    """The magnitude that 99.5 % of the weights stay below."""
    return float(np.quantile(np.abs(weights), 0.995))


def _mosaic(
    images: Array, title: str, note: str, columns: int, room: int, scale: float, captions: Sequence[str]
) -> Figure:
    """Weights (k, h, w, c) as tiles of about `room` pixels; with one channel, from −scale to scale, and a color bar.

    Without captions each row begins with the number of its first tile.
    """
    k, h, w, c = images.shape
    bar = c == 1
    mosaic = Mosaic(k, columns, tile_size((h, w), room), (34, 14) if captions else (6, 6))
    left = style.MARGIN + (0 if captions else index_room(k))
    width = page_width(mosaic.width + left - style.MARGIN, title, bar)
    notes = wrap_notes(note, width, bar)
    top = header_height(len(notes), bar)
    page = Page(width, top + mosaic.height + style.MARGIN - 6)
    page.header(title, notes)
    scale = scale or float(np.abs(images).max()) or 1.0
    for i, image in enumerate(images):
        box = mosaic.box(i, left, top)
        page.frame(box)
        if bar:
            shown = page.image(image[..., 0], box, style.DIVERGING, -scale, scale)
        else:
            peak = float(np.abs(image).max()) or 1.0
            page.image(0.5 + image.astype(np.float64) / (2 * peak), box)
        if captions:
            page.text(box[0] + box[2] / 2, box[1] + box[3] + 16, captions[i], align="center")
        elif i % columns == 0:
            page.index(i, box)
    if bar:
        page.color_bar(shown, -scale, scale)
    return page.figure
