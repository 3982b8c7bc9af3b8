"""The micro-kernels of depthwise convolution: what an output position sees of a channel, and the code that adds it up.

A vector is LANES neighbouring channels at one position; neighbouring positions are `c` numbers apart. A window's
weights for LANES channels lie together, tap after tap. Which taps find a cell is listed before, in pairs of the cell's
place in the image and the tap's among the weights: for a block, those of the rows in reach; for a single position, all.
`kw` and `sw` are tuples as long as the window is wide and as the stride across, both known when the code is compiled.
"""

from typing import Any

from .compile import helper
from .epilogue import finished
from .vectors import LANES, in_registers, repeat

# Positions that a block computes, or adds up, at once.
BLOCK = 4


@in_registers
def forward_block(x, x0, rows, count, w, w0, c, epilogue, k0, y, y0, kw, sw):
    """y = Σ x·w, finished, at BLOCK positions side by side from y0 on; x0 is the first's first cell in a row."""

    def add(t: Any, *sums: Any) -> Any:
        start, tap = x0 + rows.each(t * 2), w0 + rows.each(t * 2 + 1)
        cells = [x[start + c * i] for i in range((BLOCK - 1) * sw + kw)]
        for j in range(kw):
            weight = w[tap + j * LANES]
            sums = tuple(cells[p * sw + j] * weight + total for p, total in enumerate(sums))
        return sums

    for p, total in enumerate(repeat(count, add, [x.zero()] * BLOCK)):
        y[y0 + c * p] = finished(total, epilogue, k0)


@in_registers
def input_gradient_block(dy, d0, rows, count, w, w0, c, dx, x0, kw, sw):
    """dx = Σ dy·w of BLOCK·sw cells side by side from x0 on; d0 is, in a row, the last output that sees the first."""
    before = (kw - 1) // sw

    def add(t: Any, *sums: Any) -> Any:
        start, tap = d0 + rows.each(t * 2), w0 + rows.each(t * 2 + 1)
        gradients = [dy[start + c * (i - before)] for i in range(before + BLOCK)]
        totals = list(sums)
        for j in range(kw):
            weight = w[tap + j * LANES]
            for p in range(j % sw, BLOCK * sw, sw):
                totals[p] = gradients[(p - j) // sw + before] * weight + totals[p]
        return totals

    for p, total in enumerate(repeat(count, add, [dy.zero()] * (BLOCK * sw))):
        dx[x0 + c * p] = total


@in_registers
def forward_single(x, x0, taps, count, w, w0, epilogue, k0, y, y0):
    """y[y0] = Σ x·w over the taps listed, finished."""

    def add(t: Any, total: Any) -> Any:
        return [x[x0 + taps.each(t * 2)] * w[w0 + taps.each(t * 2 + 1)] + total]

    (total,) = repeat(count, add, [x.zero()])
    y[y0] = finished(total, epilogue, k0)


@in_registers
def kernel_gradient_blocks(dy, d0, x, x0, rows, count, blocks, c, dw, w0, kw, sw):
    """Add Σ x·dy over `blocks` times BLOCK positions to dw at each tap of the rows listed.

    Even and odd positions are summed apart: one sum alone would wait for its own last addition.
    """

    def add_row(t: Any) -> list[Any]:
        def add(number: Any, *sums: Any) -> Any:
            d, start = d0 + number * c * BLOCK, x0 + rows.each(t * 2) + number * c * (BLOCK * sw)
            gradients = [dy[d + c * p] for p in range(BLOCK)]
            cells = [x[start + c * i] for i in range((BLOCK - 1) * sw + kw)]
            totals = list(sums)
            for p in range(BLOCK):
                for j in range(kw):
                    n = p % 2 * kw + j
                    totals[n] = cells[p * sw + j] * gradients[p] + totals[n]
            return totals

        totals = repeat(blocks, add, [dy.zero()] * (2 * kw))
        for j in range(kw):
            at = w0 + rows.each(t * 2 + 1) + j * LANES
            dw[at] = dw[at] + (totals[j] + totals[kw + j])
        return []

    repeat(count, add_row, [])


@in_registers
def kernel_gradient_single(dy, d0, x, x0, taps, count, dw, w0):
    """Add x·dy at one position to dw at each tap listed."""
    gradient = dy[d0]

    def add(t: Any) -> list[Any]:
        at = w0 + taps.each(t * 2 + 1)
        dw[at] = x[x0 + taps.each(t * 2)] * gradient + dw[at]
        return []

    repeat(count, add, [])


@helper
def list_cells_seen(output: int, axis: Any, cells: int, step: int, wide: int, found: Any) -> int:
    """List the cells that an output sees along one axis; return how many.

    `axis` is the window's size, stride, dilation and padding before; there are `cells` cells, `step` numbers and `wide`
    taps from one to the next.
    """
    size, stride, dilation, before = axis
    count = 0
    for i in range(size):
        cell = output * stride + i * dilation - before
        if cell >= 0 and cell < cells:
            found[2 * count], found[2 * count + 1] = cell * step, i * wide * LANES
            count += 1
    return count


@helper
def list_outputs_seeing(cell: int, axis: Any, outputs: int, step: int, wide: int, found: Any) -> int:
    """List the outputs, of `outputs`, that see a cell along one axis; return how many. See `list_cells_seen`."""
    size, stride, dilation, before = axis
    count = 0
    for i in range(size):
        ahead = cell + before - i * dilation
        if ahead >= 0 and ahead % stride == 0 and ahead // stride < outputs:
            found[2 * count], found[2 * count + 1] = ahead // stride * step, i * wide * LANES
            count += 1
    return count


@helper
def list_pairs(rows: Any, down: int, columns: Any, across: int, found: Any) -> int:
    """List the taps of every row with every column of two lists; return how many."""
    count = 0
    for i in range(down):
        for j in range(across):
            found[2 * count] = rows[2 * i] + columns[2 * j]
            found[2 * count + 1] = rows[2 * i + 1] + columns[2 * j + 1]
            count += 1
    return count
