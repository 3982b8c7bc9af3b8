"""What a model computes inside, and the gradients that say why: the numbers behind the pictures.

Scores are logits: where a model ends in softmax or sigmoid, its input, whose gradient does not vanish when the model is
sure. All is computed as in `predict`, without dropout, and leaves the model's weights and their gradients as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from tinyconv import functions as F
from tinyconv.autograd import no_grad
from tinyconv.config import fusion
from tinyconv.layers import Conv2D, Conv2DTranspose, DepthwiseConv2D, Layer, SeparableConv2D
from tinyconv.layers.graph import SymbolicTensor, map_graph
from tinyconv.models import Functional, Model
from tinyconv.structure import flat
from tinyconv.tensor import Tensor, as_array
from tinyconv.visualize.arrays import Array, class_numbers

CONVOLUTIONS = (Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D)


def convolutions(model: Model) -> list[Any]:
    """Return the layers of a model that convolve, in order."""
    return [layer for layer in model.layers if isinstance(layer, CONVOLUTIONS)]


def feature_maps(model: Model, images: npt.ArrayLike) -> dict[str, Array]:
    """Return what each convolution of the model makes of inputs (n, …): maps (n, h, w, k) by the layer's name."""
    layers = convolutions(model)
    if not layers:
        return {}
    inner = Functional(model.inputs, [symbol_of(model, layer) for layer in layers])
    with no_grad():
        found = inner(as_array(images, model.dtype), training=False)
    return {layer.name: _channels_last(maps).numpy() for layer, maps in zip(layers, flat(found), strict=True)}


def _channels_last(maps: Tensor) -> Tensor:
    """Return maps as (n, h, w, k), those of a layer whose channels are first as they stand in memory."""
    return maps.last if isinstance(maps, F.ChannelsFirst) else maps


def symbol_of(model: Model, layer: Layer | str) -> SymbolicTensor:
    """Return the symbol of a layer's output in the model, that of the last call if there are several.

    Raises ValueError if the model has no such layer, or the layer has several outputs.
    """
    model.require_built()
    found = model.get_layer(layer) if isinstance(layer, str) else layer
    nodes, _ = map_graph(model.inputs, model.outputs)
    calls = [node for node in nodes if node.operation is found]
    if not calls:
        raise model.error(f'does not have the layer "{found.name}": name one of its own, not of a model within')
    if len(calls[-1].outputs) > 1:
        raise model.error(f'has a layer "{found.name}" of several outputs: name one that has a single one')
    return calls[-1].outputs[0]


def class_gradient(model: Model, images: npt.ArrayLike, classes: npt.ArrayLike | None = None) -> Array:
    """Return ∂score/∂image for inputs (n, …) and the score of a class number each; None: of the class predicted.

    Source: Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks (arXiv:1312.6034), section 3.
    """
    with _weights_fixed(model):
        x, scores = _scores(model, images, None)
        scores.backward(_one_hot(scores, classes))
    return x.grad if x.grad is not None else np.zeros_like(x.data)


def grad_cam_maps(
    model: Model, images: npt.ArrayLike, layer: Layer | str | None = None, classes: npt.ArrayLike | None = None
) -> Array:
    """Return where a layer's maps speak for a class: (n, h, w), ReLU(Σₖ αₖ Aₖ), αₖ the mean of ∂score/∂Aₖ over h, w.

    `layer` is the last convolution unless given; classes are class numbers (n,), None those predicted. Source:
    Selvaraju et al., Grad-CAM (arXiv:1610.02391), equations 1 and 2.
    """
    if layer is None:
        layers = convolutions(model)
        if not layers:
            raise model.error("has no convolution whose maps could be weighed")
        layer = layers[-1]
    symbol = symbol_of(model, layer)
    if len(symbol.shape) != 4:
        raise model.error(f'has no maps (n, h, w, k) in "{symbol.node.operation.name}", whose shape is {symbol.shape}')
    found: list[Array] = []
    with _weights_fixed(model):
        maps, scores = _scores(model, images, symbol)
        maps = _channels_last(maps)
        creator = maps.creator

        def observe(function: Any, inputs: Any, dy: Any, gradients: Any) -> None:
            if function is creator:
                found.append(dy.copy())

        scores.backward(_one_hot(scores, classes), observe)
    a = maps.numpy()
    if not found:  # the score does not depend on the maps
        return np.zeros(a.shape[:3], a.dtype)
    alpha = found[0].mean(axis=(1, 2))
    return np.maximum(np.einsum("nhwk,nk->nhw", a, alpha), 0)


def exciting_images(
    model: Model,
    layer: Layer | str,
    units: Sequence[int],
    low: float,
    high: float,
    steps: int = 40,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Return inputs (u, h, w, c) from low to high that excite units of a layer, and the mean of each one's map, if > 0.

    Each starts as noise about the middle and climbs `steps` times along the gradient of Σ ½ max(a, 0)² over its unit's
    map a, so that it answers more strongly where it answers at all; of a unit that is silent, along that of its highest
    a, before the ReLU. A step moves pixels by 1 % of the range on average; every fourth is followed by a slight blur,
    without which the images end as noise of high frequency. Source: Erhan et al., Visualizing Higher-Layer Features of
    a Deep Network (2009).
    """
    symbol = symbol_of(model, layer)
    inner, shape = Functional(model.inputs, symbol), model.input_shape[1:]
    if len(shape) != 3 or None in shape:
        raise model.error(f"takes inputs of shape {shape}, needs images (h, w, c) of a known size to make some")
    last = (symbol.shape[-1] or 0) - 1
    if not units or not 0 <= min(units) <= max(units) <= last:
        raise ValueError(f'units of "{symbol.node.operation.name}" are from 0 to {last}, got {list(units)}')
    draw = np.random.default_rng(seed)
    x = (low + high) / 2 + 0.05 * (high - low) * draw.standard_normal((len(units), *shape))
    for step in range(steps + 1):
        images = Tensor(as_array(np.clip(x, low, high), model.dtype), requires_grad=True)
        with _weights_fixed(model), fusion(False):
            maps = inner(images, training=False)
            if getattr(symbol.node.operation, "activation", None) in (F.relu, F.relu6):
                maps = maps.creator.inputs[0]
            answers = [maps.numpy()[row, ..., unit] for row, unit in enumerate(units)]
            if step == steps:
                break
            dy = np.zeros(maps.shape, maps.dtype)
            for row, (unit, a) in enumerate(zip(units, answers, strict=True)):
                dy[row, ..., unit] = np.maximum(a, 0) if a.max() > 0 else a == a.max()
            maps.backward(dy)
        size = np.abs(images.grad).mean(axis=(1, 2, 3), keepdims=True)
        x = np.clip(x + 0.01 * (high - low) * images.grad / np.maximum(size, np.finfo(size.dtype).tiny), low, high)
        x = _blurred(x) if step % 4 == 3 and step < steps - 4 else x
    return images.numpy(), np.array([np.maximum(a, 0).mean() for a in answers])


def _blurred(images: Array) -> Array:
    """Return images (n, h, w, c), each pixel averaged with its neighbours, whose share is that of a Gaussian of 0.5."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, (0, 0.5, 0.5, 0), mode="nearest")


def _scores(model: Model, images: npt.ArrayLike, symbol: SymbolicTensor | None) -> tuple[Tensor, Tensor]:
    """Return a tensor whose gradient is wanted, the images' or that of the symbol, and the scores (n, k)."""
    model.require_built()
    if len(model.inputs) > 1 or len(model.outputs) > 1:
        raise model.error("has several inputs or outputs: gradients are of the one score by the one image")
    x = Tensor(as_array(images, model.dtype), requires_grad=True)
    with fusion(False):
        inner = model if symbol is None else Functional(model.inputs, [symbol, model.outputs[0]])
        found = inner(x, training=False)
    y = found if symbol is None else found[1]
    scores = y if y.logits is None else y.logits
    if scores.ndim != 2:
        raise model.error(f"gives outputs of shape {scores.shape}, needs one score a class: (n, k)")
    return (x if symbol is None else found[0]), scores


def _one_hot(scores: Tensor, classes: npt.ArrayLike | None) -> Array:
    """Return ∂(the wanted score)/∂scores; of one score, that of class 1 of two, class 0 is the negative."""
    n, k = scores.shape
    if classes is None:
        classes = scores.numpy()[:, 0] > 0 if k == 1 else scores.numpy().argmax(axis=1)
    wanted = class_numbers("classes", np.asarray(classes).astype(int), max(2, k))
    if len(wanted) != n:
        raise ValueError(f"got {n} images and {len(wanted)} classes; needs as many of each")
    if k == 1:
        return np.where(wanted, 1, -1)[:, np.newaxis].astype(scores.dtype)
    return np.eye(k, dtype=scores.dtype)[wanted]


@contextmanager
def _weights_fixed(model: Model) -> Iterator[None]:
    """Record inside the `with` block nothing about weights: their gradients would cost as much again."""
    before = [(weight, weight.requires_grad) for weight in model.weights]
    try:
        for weight, _ in before:
            weight.requires_grad = False
        yield
    finally:
        for weight, needed in before:
            weight.requires_grad = needed
