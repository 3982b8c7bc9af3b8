"""A page laid out in whole pixels, the grid of tiles on it, and saving."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tinyconv.files import replace_file
from tinyconv.visualize import style
from tinyconv.visualize.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Box = tuple[float, float, float, float]  # x, y of the top left corner, width, height

_TITLE_LINE, _BODY_LINE, _BELOW_HEADER = 34, 21, 14
_BAR_WIDTH, _BAR_HEIGHT, _BAR_ROOM = 220, 12, 52  # the color bar in the header, and the height it needs with its ticks


class Page:
    """A white page of exactly `width` × `height` pixels; one axes covers it, in pixels from the top left corner."""

    def __init__(self, width: int, height: int) -> None:
        style.need_matplotlib()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width = width
        self.height = height
        self.figure: Figure = Figure(figsize=(width / style.DPI, height / style.DPI), dpi=style.DPI)
        self.figure.set_facecolor(style.PAPER)
        FigureCanvasAgg(self.figure)
        self.axes: Axes = self.inset((0, 0, width, height))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.set_autoscale_on(False)

    def inset(self, box: Box) -> Axes:
        """New axes in a box of the page."""
        x, y, width, height = box
        corner = (x / self.width, 1 - (y + height) / self.height)
        return self.figure.add_axes((*corner, width / self.width, height / self.height))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = style.BODY,
        color: str = style.INK,
        align: Literal["left", "center", "right"] = "left",
        weight: str = "normal",
        rotation: float = 0.0,
    ) -> None:
        """Write one line, vertically centered on `y`; no character is taken for mathematics."""
        line = self.axes.text(x, y, words, fontsize=size, color=color, ha=align, fontweight=weight, parse_math=False)
        line.set_verticalalignment("center" if rotation else "center_baseline")
        line.set_rotation(rotation)
        line.set_rotation_mode("anchor")

    def image(
        self,
        data: Array,
        box: Box,
        cmap: str | Colormap | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> AxesImage:
        """Show `data` (h, w) or (h, w, 3) in a box: as squares where enlarged by whole numbers, smoothly otherwise."""
        x, y, width, height = box
        whole = width % data.shape[1] == 0 and height % data.shape[0] == 0
        image = self.axes.imshow(
            data, cmap=cmap, vmin=low, vmax=high, aspect="auto", origin="upper", extent=(x, x + width, y + height, y)
        )
        image.set_interpolation("nearest" if whole else "antialiased")
        return image

    def rectangle(self, box: Box, color: str, behind: bool = False) -> None:
        """Fill a box, above the images or behind them."""
        from matplotlib.patches import Rectangle

        x, y, width, height = box
        self.axes.add_patch(Rectangle((x, y), width, height, facecolor=color, linewidth=0, zorder=-1 if behind else 1))

    def frame(self, box: Box, color: str = style.FAINT, width: int = 1) -> None:
        """Outline a box on the outside; what is shown in the box must cover it."""
        x, y, across, down = box
        self.rectangle((x - width, y - width, across + 2 * width, down + 2 * width), color, behind=True)

    def line(self, x: Sequence[float], y: Sequence[float], color: str, width: float = 1.0) -> None:
        """Draw a line through points, `width` in points."""
        self.axes.plot(x, y, color=color, linewidth=width, solid_capstyle="butt")

    def index(self, i: int, box: Box) -> None:
        """Write the number of a tile left of it, as the first of its row."""
        self.text(box[0] - 8, box[1] + box[3] / 2, str(i), size=style.SMALL, color=style.MUTED, align="right")

    def header(self, title: str, notes: Sequence[str]) -> None:
        """Write the title and the lines under it at the top left."""
        self.text(style.MARGIN, style.MARGIN + 14, title, size=style.TITLE, weight="bold")
        for i, note in enumerate(notes):
            self.text(style.MARGIN, style.MARGIN + _TITLE_LINE + (i + 0.4) * _BODY_LINE, note, color=style.MUTED)

    def color_bar(self, image: AxesImage, low: float, high: float, unit: str = "") -> None:
        """Draw the scale of an image at the top right, with its ends and its middle written under it, and the unit."""
        box = (self.width - style.MARGIN - _BAR_WIDTH, style.MARGIN + 4, _BAR_WIDTH, _BAR_HEIGHT)
        bar = self.figure.colorbar(image, cax=self.inset(box), orientation="horizontal", ticks=[])
        bar.outline.set_visible(False)
        y = box[1] + _BAR_HEIGHT + 14
        ends: list[tuple[float, float, Literal["left", "center", "right"]]] = [
            (0.0, low, "left"),
            (0.5, (low + high) / 2, "center"),
            (1.0, high, "right"),
        ]
        for at, value, align in ends:
            self.text(box[0] + at * _BAR_WIDTH, y, style.short(value) + unit, style.SMALL, style.MUTED, align)


def header_height(notes: int, bar: bool = False) -> int:
    """Pixels from the top of the page to what stands under a header of a title and `notes` lines."""
    lines = _TITLE_LINE + notes * _BODY_LINE
    return style.MARGIN + max(lines, _BAR_ROOM if bar else 0) + _BELOW_HEADER


def page_width(content: int, title: str, bar: bool = False) -> int:
    """Width of a page that holds the content, and the title beside the color bar, between two margins."""
    beside = _BAR_WIDTH + 2 * style.MARGIN if bar else 0
    return max(content, 420, int(style.text_width(title, style.TITLE, "bold")) + 1 + beside) + 2 * style.MARGIN


def wrap_notes(notes: str, width: int, bar: bool = False) -> list[str]:
    """Lines under the title on a page of that width, as few as fit and of about the same length."""
    room = width - 2 * style.MARGIN - (_BAR_WIDTH + 2 * style.MARGIN if bar else 0)
    lines = style.wrap(notes, style.BODY, room)
    for share in (0.9, 0.8, 0.7, 0.6):
        narrower = style.wrap(notes, style.BODY, share * room)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


@dataclass(frozen=True)
class Mosaic:
    """Where `count` tiles stand, row by row: `tile` = (height, width), `gap` = (below, beside), all in pixels."""

    count: int
    columns: int
    tile: tuple[int, int]
    gap: tuple[int, int]

    @property
    def width(self) -> int:
        """Pixels across, without a gap at the right."""
        return self.columns * (self.tile[1] + self.gap[1]) - self.gap[1]

    @property
    def height(self) -> int:
        """Pixels down, with the gap below the last row (a caption may stand there)."""
        return -(-self.count // self.columns) * (self.tile[0] + self.gap[0])

    def box(self, i: int, left: int, top: int) -> Box:
        """Box of tile `i` of the mosaic whose corner is at (left, top)."""
        row, column = divmod(i, self.columns)
        height, width = self.tile
        return left + column * (width + self.gap[1]), top + row * (height + self.gap[0]), width, height


def index_room(count: int) -> int:
    """Pixels left of `count` tiles for the number of the first one of each row."""
    return int(style.text_width(str(count - 1), style.SMALL)) + 10


def columns_for(count: int) -> int:
    """Columns for `count` tiles: the smallest divisor from √count to 2√count (32 -> 8, 128 -> 16), else ⌈√count⌉."""
    root = int(np.ceil(np.sqrt(count)))
    whole = [c for c in range(root, int(2 * np.sqrt(count)) + 1) if count % c == 0]
    return whole[0] if whole else root


def tile_size(image: tuple[int, int], room: int) -> tuple[int, int]:
    """Size of a tile for an image (height, width): enlarged by a whole number to about `room`, or shrunk to it."""
    longer = max(image)
    scale = max(1, round(room / longer)) if longer <= 1.25 * room else room / longer
    return max(1, round(image[0] * scale)), max(1, round(image[1] * scale))


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as a PNG file, in all its colors.

    `path` never holds half a picture, and keeps what it held when the disk is full or the process is killed.

    Raises
    ------
    ValueError
        If the path does not end in ".png".
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"save: the picture is written as PNG; the path must end in .png, got {str(path)!r}")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi="figure")
    replace_file(path, [png.getbuffer()])
