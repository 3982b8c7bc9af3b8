"""Layered drawing of a directed graph: boxes in ranks, few crossings, edges that pass by every box.

The steps are those of Sugiyama, Tagawa and Toda, Methods for Visual Understanding of Hierarchical System Structures
(IEEE Trans. SMC 11, 1981): reverse the edges that close cycles, give every node a rank below those that it needs, put a
point on each rank that an edge crosses, order the ranks by the mean place of their neighbours, and shift nodes towards
theirs. "Along" is the direction of the edges, "across" that of a rank; who draws turns them into x and y.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

Edge = tuple[int, int]
Point = tuple[float, float]  # across, along

_ORDERINGS, _SHIFTS = 12, 24  # sweeps over all ranks, down and up
_STRAIGHT, _FREE = 8.0, 0.1  # how much a line keeps its place when boxes push; and a box without neighbours


class Layout(NamedTuple):
    """Where everything is: `places` of the nodes' centers, `routes` of the edges, and the `size` of all, from (0, 0).

    A route is a list of (across, along) from the border of the first node to that of the second: between two points of
    odd and even number, counted from 0, it runs straight along, and elsewhere from one rank to the next.
    """

    places: list[Point]
    routes: list[list[Point]]
    size: Point


def arrange(
    sizes: Sequence[Point],
    edges: Sequence[Edge],
    gap: Point,
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> Layout:
    """Lay out nodes of `sizes` (across, along) and `edges` between them, none from a node to itself, `gap` apart.

    Nodes of `first` and `last` stand on the first and the last rank.
    """
    forward = _without_cycles(len(sizes), edges)
    ranks = _ranks(len(sizes), forward, first, last)
    boxes = list(sizes)
    paths = []  # of every edge: its nodes, with a point on each rank between
    for source, target in forward:
        path = [source]
        for rank in range(ranks[source] + 1, ranks[target]):
            path.append(len(boxes))
            boxes.append((0.0, 0.0))
            ranks.append(rank)
        paths.append([*path, target])
    links = sorted({link for path in paths for link in pairwise(path)})
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=0) + 1)]
    for node, rank in enumerate(ranks):
        rows[rank].append(node)
    above, below = _neighbours(len(boxes), links)
    _order(rows, above, below)
    across = _shift(rows, boxes, gap[0], above, below, len(sizes))
    heights = [max(boxes[node][1] for node in row) for row in rows]
    starts = [sum(heights[:rank]) + rank * gap[1] for rank in range(len(rows))]

    def route(path: list[int], edge: Edge) -> list[Point]:
        points = []
        for node in path:
            start, end = starts[ranks[node]], starts[ranks[node]] + heights[ranks[node]]
            middle, half = (start + end) / 2, boxes[node][1] / 2
            entry, leave = (middle - half, middle + half) if node < len(sizes) else (start, end)
            if node != path[0]:
                points += [(across[node], start), (across[node], entry if node == path[-1] else end)]
            else:
                points += [(across[node], leave), (across[node], end)]
        return points if edge[0] == path[0] else points[::-1]

    places = [(across[node], starts[ranks[node]] + heights[ranks[node]] / 2) for node in range(len(sizes))]
    width = max((across[node] + boxes[node][0] / 2 for node in range(len(boxes))), default=0.0)
    routes = [route(path, edge) for path, edge in zip(paths, edges, strict=True)]
    return Layout(places, routes, (width, starts[-1] + heights[-1] if rows[0] else 0.0))


def _without_cycles(count: int, edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges, turned round where a walk from the first nodes on comes back to where it passed."""
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        targets[source].append(target)
    open_, done, back = set[int](), set[int](), set[Edge]()
    entered = {target for _, target in edges}
    for start in [*(node for node in range(count) if node not in entered), *range(count)]:
        stack = [(start, False)]
        while stack:
            node, left = stack.pop()
            if left:
                open_.discard(node)
                done.add(node)
            elif node not in done and node not in open_:
                open_.add(node)
                stack.append((node, True))
                for target in reversed(targets[node]):
                    if target in open_:
                        back.add((node, target))
                    elif target not in done:
                        stack.append((target, False))
    return [(target, source) if (source, target) in back else (source, target) for source, target in edges]


def _ranks(count: int, edges: Sequence[Edge], first: Collection[int], last: Collection[int]) -> list[int]:
    """Return the rank of every node: as near to the first as its inputs let it, but inputs beside what they feed."""
    above, below = _neighbours(count, edges)
    waiting = [len(nodes) for nodes in above]
    ranks = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for target in below[node]:
            ranks[target] = max(ranks[target], ranks[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in last:
        ranks[node] = max(ranks)
    for node in reversed(order):
        if below[node] and len(below[node]) > len(above[node]) and node not in first:
            ranks[node] = min(ranks[target] for target in below[node]) - 1
    return ranks


def _neighbours(count: int, edges: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    """Return for every node those that lead to it, and those that it leads to."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    return above, below


def _order(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> None:
    """Order each row so that few edges cross: the best of the orders that sweeps down and up come to."""
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(_ORDERINGS):
        if not fewest:
            break
        neighbours = below if sweep % 2 else above
        for row in rows[::-1] if sweep % 2 else rows:
            place = {node: index for other in rows for index, node in enumerate(other)}

            def mean(node: int, place: dict[int, int] = place, neighbours: list[list[int]] = neighbours) -> float:
                near = neighbours[node]
                return sum(place[other] for other in near) / len(near) if near else place[node]

            row.sort(key=mean)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    """Count the pairs of edges that cross."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {node: index for index, node in enumerate(lower)}
        passed: list[int] = []
        for node in upper:
            ends = sorted(place[target] for target in below[node])
            total += sum(len(passed) - bisect(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return total


def _shift(
    rows: Sequence[Sequence[int]],
    boxes: Sequence[Point],
    gap: float,
    above: Sequence[Sequence[int]],
    below: Sequence[Sequence[int]],
    real: int,
) -> list[float]:
    """Return the centers across, from 0 on: each row in its order, as near to its neighbours as the boxes allow."""
    across = [0.0] * len(boxes)
    for row in rows:
        end = 0.0
        for node in row:
            across[node] = end + boxes[node][0] / 2
            end += boxes[node][0] + gap
    for sweep in range(_SHIFTS + 1):  # the last one goes down
        near = (above, below)[sweep % 2]
        for row in rows[::-1] if sweep % 2 else rows:
            wanted, pull = [], []
            for node in row:
                wanted.append(_median([across[other] for other in near[node]], across[node]))
                pull.append(_STRAIGHT if node >= real else max(len(near[node]), _FREE))
            halves = [boxes[node][0] / 2 for node in row]
            apart = [left + gap + right for left, right in pairwise(halves)]
            for node, place in zip(row, _apart(wanted, pull, apart), strict=True):
                across[node] = place
    start = min((across[node] - boxes[node][0] / 2 for node in range(len(boxes))), default=0.0)
    return [place - start for place in across]


def _median(places: Sequence[float], none: float) -> float:
    """Return the median; `none` where there are no places."""
    return median(places) if places else none


def _apart(wanted: Sequence[float], pull: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Return places in order, at least `apart`, that minimise Σ pull·(place − wanted)².

    Less what must lie between, the places need only not decrease: pooling neighbours that do solves that (Ayer et al.
    1955).
    """
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, float, int]] = []  # mean, pull, count
    for value, weight, offset in zip(wanted, pull, offsets, strict=True):
        pools.append((value - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (m, p, n), (other, q, k) = pools.pop(), pools.pop()
            pools.append(((m * p + other * q) / (p + q), p + q, n + k))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def turned(rankdir: str, size: Point) -> Callable[[Point], Point]:
    """Return what makes (x, y), y downwards, of (across, along) in a layout of `size` whose edges go as `rankdir` says.

    "TB" is from top to bottom, "LR" from left to right, "BT" and "RL" the other way.
    """
    along = size[1]
    return {
        "TB": lambda at: at,
        "BT": lambda at: (at[0], along - at[1]),
        "LR": lambda at: (at[1], at[0]),
        "RL": lambda at: (along - at[1], at[0]),
    }[rankdir]
