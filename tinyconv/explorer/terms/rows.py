"""Terms of what takes a channel or a row as a whole: normalization, softmax, cross-entropies on it."""

import numpy as np

from ...functions.cross_entropy import SoftmaxCrossEntropy, SparseSoftmaxCrossEntropy
from ...functions.normalization import BatchNorm
from ..recording import Operation, Recording
from . import elements
from .term import Cell, Terms, cells, made, named


def batch_norm(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[i] = γ/√(σ² + ε)·(dy[i] − mean dy − x̂[i]·mean(dy·x̂)): a gradient returns by three paths.

    Each y[j] of the channel depends on x[i] directly if it is the same cell, by the mean and by the variance:

        ∂y[j]/∂x[i] = γ/√(σ² + ε)·([i = j] − 1/n − x̂[i]·x̂[j]/n)

    The note has the three sums over j, one for each path.
    """
    function = operation.function
    assert isinstance(function, BatchNorm)
    if function.ceiling is not None:  # a rectifier in the same pass, which a recording keeps apart
        return elements.by_differences(recording, operation, place, cell)
    x = recording.values[operation.inputs[0]].array.astype(np.float64)
    axes = [np.arange(n) for n in x.shape[:-1]]
    outputs = cells(*axes, cell[-1])
    count = len(outputs)
    mean, inverse = (float(each[cell[-1]]) for each in (function.mean, function.inverse))
    normalized = (x[..., cell[-1]].reshape(-1) - mean) * inverse
    if place > 0 and (place > 1 or not function.scaled):
        return made(recording, operation, place, cell, outputs, np.ones(count))
    if place == 1:
        return made(recording, operation, 1, cell, outputs, normalized, lambda at: named("x̂", outputs[at]))
    gamma = 1.0 if function.learnt[0] is None else float(function.learnt[0][cell[-1]])
    own = (x[cell] - mean) * inverse
    same = (outputs == np.asarray(cell)).all(axis=1)
    scale = gamma * inverse
    slopes = scale * (same - 1 / count - own * normalized / count)
    found = made(recording, operation, 0, cell, outputs, slopes, lambda at: "γ/√(σ²+ε)·([same] − 1/n − x̂·x̂/n)")
    direct = scale * float(found.dy[same].sum())
    by_mean = -scale * float(found.dy.mean())
    by_variance = -scale * own * float((found.dy * normalized).mean())
    found.note = (
        f"directly {direct:+.6g}, by way of the mean {by_mean:+.6g}, by way of the variance {by_variance:+.6g}, "
        f"with γ/√(σ² + ε) = {scale:.6g}, x̂ = {own:.6g}, n = {count}"
    )
    return found


def softmax(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[i] = Σ dy[j]·y[j]·([i = j] − y[i]) over the row: raising one share lowers all others."""
    y = recording.values[operation.output].array.astype(np.float64)
    outputs = cells(*cell[:-1], np.arange(y.shape[-1]))
    row = y[cell[:-1]]
    slopes = row * ((np.arange(len(row)) == cell[-1]) - row[cell[-1]])
    return made(recording, operation, place, cell, outputs, slopes, lambda at: f"y[{at}]·([same] − y[{cell[-1]}])")


def softmax_cross_entropy(recording: Recording, operation: Operation, place: int, cell: Cell) -> Terms:
    """dx[n,k] = dy[n]·(p[n,k]·Σ t − t[n,k]): what the network says less what is true."""
    function = operation.function
    assert isinstance(function, SoftmaxCrossEntropy | SparseSoftmaxCrossEntropy)
    p = float(np.asarray(function.probabilities)[cell])
    if isinstance(function, SoftmaxCrossEntropy):
        row = np.asarray(function.targets, np.float64)[cell[:-1]]
        t, total = float(row[cell[-1]]), float(row.sum())
    else:
        t, total = float(np.asarray(function.labels)[cell[:-1]] == cell[-1]), 1.0
    note = f"p − t: the softmax says {p:.6g}, the target is {t:.6g}"
    return made(recording, operation, place, cell, cells(*cell[:-1]), [p * total - t], lambda at: "(p − t)", note)
