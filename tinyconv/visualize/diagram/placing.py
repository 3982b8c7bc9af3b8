"""From the parts of a model to rectangles, words and lines on a sheet, in points from the top left corner."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from tinyconv.visualize import style
from tinyconv.visualize.diagram.layout import Point, arrange, turned
from tinyconv.visualize.diagram.parts import Box, Group

HEAD, BODY = 10.0, 8.5  # type sizes
_LINE = 1.9  # height of a row, in type sizes
_PAD, _SPACE = 7.0, 4.0  # beside the words of a cell, and between name and class
_GAP = (20.0, 26.0)  # between boxes, across and along
_INSIDE = 14.0  # between the frame of a group and what is in it
_LOOP = 16.0  # how far the line of a layer that takes its own output stands out


class Word(NamedTuple):
    """Words with their left end at x, vertically in the middle of y."""

    x: float
    y: float
    words: str
    size: float
    weight: str
    color: str


class Rectangle(NamedTuple):
    """A filled and outlined rectangle; `dashed` for the frame of a group."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    dashed: bool = False


class Line(NamedTuple):
    """A line through points, straight from an even to an odd one, and bent along the drawing's direction elsewhere."""

    points: list[Point]
    arrow: bool


@dataclass
class Sheet:
    """What is drawn, on `width` × `height` points. Lines run from one box to the next."""

    width: float
    height: float
    rectangles: list[Rectangle] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def put(self, other: Sheet, x: float, y: float) -> None:
        """Take over all that is on another sheet, whose corner comes to (x, y)."""
        self.rectangles += [each._replace(x=each.x + x, y=each.y + y) for each in other.rectangles]
        self.words += [each._replace(x=each.x + x, y=each.y + y) for each in other.words]
        for line in other.lines:
            self.lines.append(line._replace(points=[(a + x, b + y) for a, b in line.points]))


class Placed(NamedTuple):
    """A part on a sheet of its own, and where lines reach its border: at these places across, by input and output."""

    sheet: Sheet
    inputs: list[float]
    outputs: list[float]


def upright(rankdir: str) -> bool:
    """Return whether a drawing's edges run from top to bottom or back."""
    return rankdir in ("TB", "BT")


def place(part: Box | Group, rankdir: str, framed: bool = True) -> Placed:
    """Return a part drawn; a group with its frame and name, unless it is the whole model."""
    return _box(part, rankdir) if isinstance(part, Box) else _group(part, rankdir, framed)


def _box(box: Box, rankdir: str) -> Placed:
    title = [(box.name, "bold"), (f"({box.kind})", "normal")] if box.name else [(box.kind, "bold")]
    widths = [_width(words, HEAD, weight) for words, weight in title]
    rows = [[_width(cell, BODY, "normal") + 2 * _PAD for cell in row] for row in box.rows]
    whole = sum(widths) + _SPACE * (len(title) - 1)
    width = max([whole + 2 * _PAD, *(sum(row) for row in rows)])
    head, body = _LINE * HEAD, _LINE * BODY
    sheet = Sheet(width, head + body * len(rows))
    ink = style.PAPER if box.weighted else style.INK
    sheet.rectangles.append(Rectangle(0, 0, width, head, style.BLUE if box.weighted else style.EMPTY))
    x = (width - whole) / 2
    for (words, weight), advance in zip(title, widths, strict=True):
        sheet.words.append(Word(x, head / 2, words, HEAD, weight, ink))
        x += advance + _SPACE
    for index, (cells, row) in enumerate(zip(box.rows, rows, strict=True)):
        x, y = 0.0, head + index * body
        for words, wide in zip(cells, row, strict=True):
            full = wide * width / sum(row)
            sheet.rectangles.append(Rectangle(x, y, full, body, style.PAPER))
            start = x + (full - wide) / 2 + _PAD
            sheet.words.append(Word(start, y + body / 2, words, BODY, "normal", style.INK))
            x += full
    middle = (width if upright(rankdir) else sheet.height) / 2
    return Placed(sheet, [middle], [middle])


@cache
def _width(words: str, size: float, weight: str) -> float:
    return style.text_width(words, size, weight) * 72 / style.DPI


def _group(group: Group, rankdir: str, framed: bool) -> Placed:
    placed = [place(part, rankdir) for part in group.parts]
    across, along = (0, 1) if upright(rankdir) else (1, 0)
    loops = {link.source for link in group.links if link.source == link.target}
    sizes = []
    for index, each in enumerate(placed):
        size = (each.sheet.width, each.sheet.height)
        sizes.append((size[across] + 2 * _LOOP * (index in loops), size[along]))
    # The border's inputs and outputs, and those of each group within, are points of the layout, or lie on its boxes.
    inputs, outputs = _ports(group)
    first = list(range(len(placed), len(placed) + inputs))
    last = list(range(len(placed) + inputs, len(placed) + inputs + outputs))
    edges = []
    links = [link for link in group.links if link.source is None or link.source != link.target]
    for link in links:
        source = first[link.input if link.target is None else link.output] if link.source is None else link.source
        target = last[link.input] if link.target is None else link.target
        edges.append((source, target))
    layout = arrange([*sizes, *[(0.0, 0.0)] * (inputs + outputs)], edges, _GAP, first, last)
    seen = turned(rankdir, layout.size)
    corner = seen(layout.size) if rankdir in ("TB", "LR") else seen((layout.size[0], 0.0))
    sheet = Sheet(*corner)
    for index, each in enumerate(placed):
        x, y = seen(layout.places[index])
        each_x, each_y = x - each.sheet.width / 2, y - each.sheet.height / 2
        sheet.put(each.sheet, each_x, each_y)
        if index in loops:
            sheet.lines.append(Line(_loop(each.sheet, each_x, each_y, rankdir), True))
    for link, route in zip(links, layout.routes, strict=True):
        for end, part, port in ((0, link.source, link.output), (-1, link.target, link.input)):
            if part is not None:  # from the middle of the part to its input or output
                each = placed[part]
                extent = (each.sheet.width, each.sheet.height)[across]
                at = layout.places[part][0] - extent / 2 + (each.inputs if end else each.outputs)[port]
                for index in (-1, -2) if end else (0, 1):
                    route[index] = (at, route[index][1])
        arrow = link.target is not None and not isinstance(group.parts[link.target], Group)
        sheet.lines.append(Line(list(map(seen, route)), arrow))
    ports = [layout.places[port][0] for port in first], [layout.places[port][0] for port in last]
    if not framed:
        return Placed(sheet, *ports)
    return _frame(group.name, sheet, ports, rankdir)


def _ports(group: Group) -> tuple[int, int]:
    """Return how many inputs and outputs the border of a group has."""
    inputs = [link.output for link in group.links if link.source is None]
    outputs = [link.input for link in group.links if link.target is None]
    return max(inputs, default=-1) + 1, max(outputs, default=-1) + 1


def _loop(sheet: Sheet, x: float, y: float, rankdir: str) -> list[Point]:
    """Return the line from a box back to itself, on its right or, where the drawing runs across, below."""
    w, h = sheet.width, sheet.height
    if upright(rankdir):
        return [(x + w, y + 0.75 * h), (x + w + _LOOP, y + 0.75 * h), (x + w + _LOOP, y + h / 4), (x + w, y + h / 4)]
    return [(x + 0.6 * w, y + h), (x + 0.6 * w, y + h + _LOOP), (x + 0.4 * w, y + h + _LOOP), (x + 0.4 * w, y + h)]


def _frame(name: str, inner: Sheet, ports: tuple[list[float], list[float]], rankdir: str) -> Placed:
    """Return a group within its frame, with the name in a corner that no line crosses."""
    label, line = _width(name, BODY, "bold"), _LINE * BODY
    shift = 0.0
    if upright(rankdir):  # lines come in beside the name
        ends = ports[0] if rankdir == "TB" else ports[1]
        shift = max(0.0, label + 2 * _PAD - _INSIDE - min(ends, default=0.0)) if ends else 0.0
    x, y = _INSIDE + shift, _INSIDE + line
    width, height = max(inner.width + x + _INSIDE, label + 2 * _PAD), inner.height + y + _INSIDE
    sheet = Sheet(width, height, [Rectangle(0, 0, width, height, style.PAPER, dashed=True)])
    sheet.words.append(Word(_PAD, line / 2 + 2, name, BODY, "bold", style.MUTED))
    sheet.put(inner, x, y)
    moved = x if upright(rankdir) else y
    inputs, outputs = ([place + moved for place in each] for each in ports)
    low, high = (inputs, outputs) if rankdir in ("TB", "LR") else (outputs, inputs)
    for at in low:  # from the frame to what is within
        sheet.lines.append(Line([(at, 0), (at, y)] if upright(rankdir) else [(0, at), (x, at)], False))
    for at in high:
        ends_at = [(at, y + inner.height), (at, height)], [(x + inner.width, at), (width, at)]
        sheet.lines.append(Line(ends_at[not upright(rankdir)], False))
    return Placed(sheet, inputs, outputs)
