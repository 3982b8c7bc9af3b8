"""What every engine is given: the same initial weights and the same batches in the same order."""

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from .models import Model, weights

SEED = 20170801
# Batches stay few enough to weigh little in a worker's memory, and many enough that a small network does not learn them
# by heart within a run (vanishing gradients would turn denormal and slow).
DATA_BYTES = 16 * 2**20
FEWEST_BATCHES = 4


@dataclass(frozen=True)
class Inputs:
    """`images` (s, n, *input shape) and `labels` (s, n) int64 in s batches; `weights` as `models.weights`.

    `source` says where the images come from: "mnist", or "synthetic" where the package's data cannot be had.
    """

    weights: list[NDArray[np.floating]]
    images: NDArray[np.floating]
    labels: NDArray[np.int64]
    source: str


def prepare(model: Model, batch: int) -> Inputs:
    """Weights from a fixed seed; as many whole batches of `batch` images as fit in `DATA_BYTES`."""
    size = 4 * batch * prod(model.input_shape)
    count = batch * max(FEWEST_BATCHES, DATA_BYTES // size)
    rng = np.random.default_rng(SEED)
    initial = initial_weights(model, rng)
    pixels, labels, source = _mnist(model, count) or _synthetic(model, count, rng)
    images = pixels.reshape(-1, batch, *model.input_shape).astype(np.float32) * np.float32(model.pixel_scale)
    return Inputs(initial, images, labels.reshape(-1, batch).astype(np.int64), source)


def initial_weights(model: Model, rng: np.random.Generator) -> list[NDArray[np.floating]]:
    """Kernels from the model's initializer: Glorot and Bengio 2010, or a normal cut at 2σ with σ = 1; even vectors."""
    drawn: list[NDArray[np.floating]] = []
    for weight in weights(model):
        shape = weight.shape
        if len(shape) == 1:
            values = np.full(shape, weight.start)
        elif model.initializer == "glorot_uniform":
            receptive = prod(shape[:-2])
            limit = sqrt(6 / (receptive * (shape[-2] + shape[-1])))
            values = rng.uniform(-limit, limit, shape)
        else:
            values = rng.standard_normal(shape)
            while (far := np.abs(values) > 2).any():
                values[far] = rng.standard_normal(np.count_nonzero(far))
        drawn.append(values.astype(np.float32))
    return drawn


def _mnist(model: Model, count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str] | None:
    """The first `count` training images, again from the start where there are fewer; None for another shape."""
    if prod(model.input_shape) != 784:
        return None
    try:
        from tinyconv.datasets import mnist
    except ImportError:
        return None
    (pixels, labels), _ = mnist.load_data()
    order = np.arange(count) % len(pixels)
    return pixels[order], labels[order], "mnist"


def _synthetic(model: Model, count: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64], str]:
    """Uniform pixels 0..255 and uniform labels."""
    pixels = rng.integers(0, 256, (count, *model.input_shape), dtype=np.uint8)
    return pixels, rng.integers(0, model.classes, count), "synthetic"
