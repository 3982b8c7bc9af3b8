"""plot_model: the picture of a model's layers, in a file."""

from __future__ import annotations

import io
import sys
import warnings
from contextlib import AbstractContextManager
from math import isfinite, sqrt
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyconv.files import replace_file
from tinyconv.models import Model
from tinyconv.names import look_up
from tinyconv.offered import explained
from tinyconv.visualize import style
from tinyconv.visualize.diagram.layout import Point
from tinyconv.visualize.diagram.parts import Showing, parts_of
from tinyconv.visualize.diagram.placing import Line, Sheet, place, upright

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 12.0  # points
_ARROW = 5.0
_OUTLINE = "#8c959f"
_SIDE, _AREA = 32_767, 2**27  # pixels of a PNG, at most: what common viewers open
_FORMATS = (".png", ".svg", ".pdf")


@explained
def plot_model(
    model: Model,
    to_file: str | PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Any:
    """Draw the layers of a model and what leads to what, and write it to a ".png", ".svg" or ".pdf" file.

    Layers with weights have a blue head. `show_…` write into each box the shapes that it takes and gives, its dtype,
    its name, its activation, and whether it is trained. A layer that is called more than once is one box with as many
    lines. `expand_nested` draws the layers of models within, each in a dashed frame; `rankdir` is "TB", from top to
    bottom, "LR", from left to right, "BT" or "RL". `dpi` are the pixels of a PNG per inch, letters being 10 points
    high; where that makes more than 32,767 pixels a side, or 134 million in all, they are fewer, and a warning says so.

    Returns the picture where IPython runs, for a notebook to show, else None. Raises ValueError for a model that is not
    built, or another kind of file; OSError if it cannot be written.
    """
    path = Path(to_file)
    kind = path.suffix.lower() or ".png"
    if kind not in _FORMATS:
        raise ValueError(f"plot_model: to_file must end in {', '.join(_FORMATS[:-1])} or .pdf, got {str(path)!r}")
    showing = Showing(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    figure = draw_model(model, showing, expand_nested, rankdir)
    options: dict[str, Any] = {"dpi": _fitting(figure, dpi) if kind == ".png" else 72}
    if kind == ".svg":
        options["metadata"] = {"Date": None}  # the same model gives the same file
    if kind == ".pdf":
        options["metadata"] = {"CreationDate": None}
    written = io.BytesIO()
    with settings():
        figure.savefig(written, format=kind[1:], **options)
    replace_file(path, [written.getbuffer()])
    return _shown(path, kind)


def draw_model(model: Model, showing: Showing, expand_nested: bool = False, rankdir: str = "TB") -> Figure:
    """Return the picture of a model as a figure of its own size; see `plot_model`."""
    if not isinstance(model, Model):
        raise TypeError(f"plot_model draws a model, got {model!r}: put layers into tc.Sequential([…])")
    model.require_built()
    look_up("rankdir", rankdir, dict.fromkeys(("TB", "LR", "BT", "RL")))
    sheet = place(parts_of(model, showing, expand_nested), rankdir, framed=False).sheet
    return _draw(sheet, upright(rankdir))


def settings() -> AbstractContextManager[None]:
    """Let matplotlib draw letters as wide at any dpi, and write the same bytes each time, inside the `with` block."""
    from matplotlib import rc_context

    return rc_context({"svg.hashsalt": "tinyconv", "text.hinting": "no_hinting"})


def _fitting(figure: Figure, dpi: float) -> float:
    """Return the dots per inch, fewer where the picture would have too many pixels."""
    if not (isfinite(dpi) and dpi > 0):
        raise ValueError(f"plot_model: dpi must be a number above 0, got {dpi}")
    width, height = figure.get_size_inches()
    most = min(_SIDE / max(width, height), sqrt(_AREA / (width * height)))
    if dpi > most:
        warnings.warn(
            f"plot_model: at dpi={dpi:g} the picture would have {width * dpi:,.0f}×{height * dpi:,.0f} pixels, it is "
            f"drawn at dpi={most:.0f}; an .svg file is sharp at any size",
            stacklevel=3,
        )
    return min(dpi, most)


def _draw(sheet: Sheet, vertical: bool) -> Figure:
    style.need_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.patches import Rectangle as Patch

    page = Sheet(sheet.width + 2 * _MARGIN, sheet.height + 2 * _MARGIN)
    page.put(sheet, _MARGIN, _MARGIN)
    figure = Figure(figsize=(page.width / 72, page.height / 72), dpi=72)
    figure.set_facecolor(style.PAPER)
    FigureCanvasAgg(figure)
    axes: Axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, page.width)
    axes.set_ylim(page.height, 0)
    axes.set_autoscale_on(False)
    for x, y, width, height, fill, dashed in page.rectangles:
        frame = Patch((x, y), width, height, facecolor=fill, edgecolor=_OUTLINE, linewidth=0.8)
        frame.set_linestyle("--" if dashed else "-")
        frame.set_zorder(0 if dashed else 2)
        axes.add_patch(frame)
    for line in page.lines:
        axes.add_patch(
            PathPatch(_path(line, vertical), facecolor="none", edgecolor=style.MUTED, linewidth=1.1, snap=False)
        )
        if line.arrow:
            axes.add_patch(Polygon(_arrow(line, vertical), facecolor=style.MUTED, linewidth=0, zorder=1.5))
    for x, y, words, size, weight, color in page.words:
        text = axes.text(x, y, words, fontsize=size, color=color, fontweight=weight, parse_math=False, zorder=3)
        text.set_verticalalignment("center_baseline")
    return figure


def _path(line: Line, vertical: bool) -> Any:
    """Return the line as matplotlib has it: cubic curves that leave and arrive along the drawing's direction."""
    from matplotlib.path import Path as Curve

    points, codes = [line.points[0]], [Curve.MOVETO]
    for index, (x, y) in enumerate(line.points[1:], start=1):
        if index % 2:
            points.append((x, y))
            codes.append(Curve.LINETO)
        else:
            before, after = points[-1]
            middle = (after + y) / 2 if vertical else (before + x) / 2
            bends = [(before, middle), (x, middle)] if vertical else [(middle, after), (middle, y)]
            points += [*bends, (x, y)]
            codes += [Curve.CURVE4] * 3
    return Curve(points, codes)


def _arrow(line: Line, vertical: bool) -> list[Point]:
    """Return the corners of the arrow's head at the end of a line."""
    x, y = line.points[-1]
    before = next((at for at in line.points[::-1] if max(abs(at[0] - x), abs(at[1] - y)) > 1e-6), (x - 1, y - 1))
    straight = line.points[-2] == before
    across, down = x - before[0], y - before[1]
    if not straight:  # at the end of a curve
        across, down = (0.0, down) if vertical else (across, 0.0)
    length = sqrt(across**2 + down**2)
    u, v = across / length * _ARROW, down / length * _ARROW
    return [(x, y), (x - u - 0.45 * v, y - v + 0.45 * u), (x - u + 0.45 * v, y - v - 0.45 * u)]


def _shown(path: Path, kind: str) -> Any:
    """Return the picture for a notebook, None outside IPython."""
    if "IPython" not in sys.modules or kind == ".pdf":
        return None
    from IPython import display, get_ipython

    if get_ipython() is None:
        return None
    return display.SVG(filename=str(path)) if kind == ".svg" else display.Image(filename=str(path))
