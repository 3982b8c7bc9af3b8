"""The picture of a training run: loss and metrics over the epochs, training and validation together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tinyconv.metrics import direction
from tinyconv.visualize import style
from tinyconv.visualize.page import Page, header_height, page_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 560, 380  # the axes of one panel
_LEFT, _ABOVE, _BELOW = 76, 44, 58  # room for tick labels, for the name and the best epoch, for the epochs
_GAP = 24
_SPAN = 15.0  # a positive curve that spans more than this factor is drawn on a log scale
_SQUEEZE = 3.0  # a first epoch that stretches a linear axis by more than this factor is cut off
_FEWEST = 4  # epochs, from which on that is done


def curves(history: Mapping[str, Sequence[float]], title: str) -> Figure:
    """One panel a metric, loss first: training in blue, validation (`val_…`) in orange, over epochs 1, 2, ….

    history is Keras's `History.history`; any key may be missing. The best epoch, lowest for a loss or an error and
    highest for an accuracy, of validation where there is one, is ringed and written above the panel. Epochs that are
    NaN or infinite are gaps. Accuracies are in percent; anything else that spans more than a factor of 15 is on a log
    scale. From four epochs on, a first one that would press all others into less than a third of a linear axis is
    cut off, with its value written at the edge.

    Raises
    ------
    ValueError
        If history has no epoch, or two of its lists have different lengths.
    """
    values = {key: np.asarray(list(v), np.float64) for key, v in history.items()}
    lengths = {key: len(v) for key, v in values.items()}
    if not lengths or max(lengths.values()) == 0:
        raise ValueError(f"curves: history must hold at least one epoch, got {dict(history)!r}")
    if min(lengths.values()) != max(lengths.values()):
        raise ValueError(f"curves: every list of history must have the same number of epochs, got {lengths}")
    names = list(dict.fromkeys(key.removeprefix("val_") for key in values))
    names.sort(key=lambda name: (name != "loss", name == "learning_rate"))
    if len(names) > 1 and names[-1] == "learning_rate" and np.ptp(values["learning_rate"]) == 0:
        names.pop()  # it never changed

    columns = len(names) if len(names) <= 3 else 2
    across, down = _LEFT + _WIDTH + _GAP, _ABOVE + _HEIGHT + _BELOW
    top = header_height(1)
    width = page_width(columns * across - _GAP, title)
    page = Page(width, top + -(-len(names) // columns) * down + style.MARGIN // 2)
    page.header(title, [])
    validation = any(key.startswith("val_") for key in values)
    _legend(page, [("training", style.BLUE)] + [("validation", style.ORANGE)] * validation)
    for i, name in enumerate(names):
        x, y = style.MARGIN + i % columns * across + _LEFT, top + i // columns * down + _ABOVE
        _panel(page, x, y, name, values.get(name), values.get(f"val_{name}"))
    return page.figure


def _legend(page: Page, entries: list[tuple[str, str]]) -> None:
    x, y = float(style.MARGIN), header_height(1) - 24
    for words, color in entries:
        page.line([x, x + 30], [y, y], color, 2.0)
        page.text(x + 38, y, words, color=style.MUTED)
        x += 38 + style.text_width(words, style.BODY) + 28


def _panel(
    page: Page,
    left: int,
    top: int,
    name: str,
    training: npt.NDArray[np.float64] | None,
    validation: npt.NDArray[np.float64] | None,
) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = page.inset((left, top, _WIDTH, _HEIGHT))
    pairs = ((training, style.BLUE), (validation, style.ORANGE))
    lines = [(np.where(np.isfinite(v), v, np.nan), color) for v, color in pairs if v is not None]
    epochs = np.arange(1, len(lines[0][0]) + 1)
    dots = 4 if len(epochs) <= 30 else 0
    for v, color in lines:
        axes.plot(epochs, v, color=color, linewidth=1.8, marker="o", markersize=dots, clip_on=False)
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch", fontsize=style.BODY, color=style.MUTED)
    axes.tick_params(labelsize=style.SMALL, labelcolor=style.MUTED, length=0)
    axes.grid(color=style.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(style.FAINT)
    _scale(axes, np.concatenate([v for v, _ in lines]), _is_share(name))
    if axes.get_yscale() == "linear":
        _cut_first_epoch(axes, lines, _is_share(name))

    page.text(left, top - 20, name.replace("_", " ").capitalize(), size=style.HEADING, weight="bold")
    v, color = lines[-1]
    best = _best(name, v)
    if best is None:
        return
    ring = axes.plot(epochs[best], v[best], marker="o", markersize=10, markeredgewidth=1.6, clip_on=False)[0]
    ring.set_markerfacecolor("none")
    ring.set_markeredgecolor(color)
    kind = "training" if validation is None else "validation"
    words = f"best {kind} {_number(v[best], _is_share(name))} in epoch {best + 1}"
    page.text(left + _WIDTH, top - 20, words, color=color, align="right")


def _scale(axes: Axes, values: npt.NDArray[np.float64], share: bool) -> None:
    """Ticks in percent, on a log scale where the values span it, or plain."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    finite = values[np.isfinite(values)]
    if share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g} %"))
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, 0.0), min(high, 1.0))
    elif len(finite) and finite.min() > 0 and finite.max() > _SPAN * finite.min():
        axes.set_yscale("log")
        subs = (1.0, 2.0, 5.0) if finite.max() < 1000 * finite.min() else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.short(value)))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", "−")))


def _cut_first_epoch(axes: Axes, lines: list[tuple[npt.NDArray[np.float64], str]], share: bool) -> None:
    """End the axis short of a curve's first epoch that squeezes all later ones, and write its value at that edge."""
    later = np.concatenate([v[1:] for v, _ in lines])
    later = later[np.isfinite(later)]
    if len(lines[0][0]) < _FEWEST or not len(later) or later.min() == later.max():
        return
    low, high = float(later.min()), float(later.max())
    most = _SQUEEZE * (high - low)
    first = [float(v[0]) for v, _ in lines if np.isfinite(v[0])]
    near = [value for value in first if max(high, value) - min(low, value) <= most]
    if len(near) == len(first):
        return
    low, high = min([low, *near]), max([high, *near])
    margin = 0.08 * (high - low)
    axes.set_ylim(low - margin, min(high + margin, 1.0) if share else high + margin)
    for line in axes.lines:
        line.set_clip_on(not low <= line.get_ydata()[0] <= high)  # type: ignore[operator, index]
    edges = {"↓": 0.03, "↑": 0.97}
    for v, color in lines:
        if low <= v[0] <= high or not np.isfinite(v[0]):
            continue
        arrow, step = ("↓", 0.06) if v[0] < low else ("↑", -0.06)
        words = f"{arrow} {_number(v[0], share)}"
        clear = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.0}  # of the line that leads there
        axes.text(
            *(0.01, edges[arrow], words),
            fontsize=style.SMALL,
            color=color,
            va="center",
            transform=axes.transAxes,
            bbox=clear,
        )
        edges[arrow] += step


def _number(value: float, share: bool) -> str:
    """A value as it is written beside the curves."""
    return f"{100 * value:.2f} %" if share else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _is_share(name: str) -> bool:
    """Whether a metric is a share of right answers, to be read in percent."""
    return "acc" in name


def _best(name: str, values: npt.NDArray[np.float64]) -> int | None:
    """Index of the best epoch; None where no value is a number, or neither high nor low is known to be good."""
    finite = np.isfinite(values)
    if not finite.any():
        return None
    find = {"max": np.nanargmax, "min": np.nanargmin, None: None}[direction(name)]
    return None if find is None else int(find(values))
