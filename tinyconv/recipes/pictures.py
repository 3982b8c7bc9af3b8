"""The pictures of a run: what it learnt and how."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import visualize
from ..autograd import no_grad
from ..layers import Conv2D, Dense
from ..models import Sequential
from ..tensor import Tensor, as_array
from .recipe import History, Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    folder: Path,
    recipe: Recipe,
    model: Sequential,
    history: History,
    test: tuple[np.ndarray, np.ndarray],
    p: np.ndarray,
) -> list[str]:
    """Write a run's pictures as PNG files and return their names; raises OSError if one cannot be written.

    `test` are images and one-hot targets, `p` (n, k) the probabilities that the model gives them.
    """
    names = []
    for name, figure in _figures(recipe, model, history, test, p):
        visualize.save(figure, folder / name)
        names.append(name)
    return names


def _figures(
    recipe: Recipe, model: Sequential, history: History, test: tuple[np.ndarray, np.ndarray], p: np.ndarray
) -> Iterator[tuple[str, "Figure"]]:
    """Yield each picture when it is needed, with its file's name."""
    x, labels = test[0], test[1].argmax(axis=1)
    digits = [str(k) for k in range(p.shape[1])]
    yield "curves.png", visualize.curves(history, f"{recipe.name}: loss and accuracy")
    yield "predictions.png", visualize.predictions(x[:100].reshape(-1, *recipe.image_shape), p[:100], labels[:100])
    yield "confusion.png", visualize.confusion_matrix(labels, p.argmax(axis=1), digits)
    convolutions = [layer for layer in model.layers if isinstance(layer, Conv2D)]
    if convolutions:
        yield "filters.png", visualize.filters(convolutions[0].kernel.numpy())
        yield "activations.png", visualize.all_activations(feature_maps(model, x[0]), x[0])
    else:
        chain = [layer.kernel.numpy() for layer in model.layers if isinstance(layer, Dense)]
        yield "templates.png", visualize.class_templates(chain, recipe.image_shape)
        yield "hidden_units.png", visualize.hidden_units(chain[0], recipe.image_shape)


def feature_maps(model: Sequential, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each convolution of the model makes of one image (h, w, c): maps (h', w', k) by the layer's name."""
    maps = {}
    with no_grad():
        x = Tensor(as_array(image[np.newaxis], model.dtype))
        for layer in model.layers:
            x = layer(x)
            if isinstance(layer, Conv2D):
                maps[layer.name] = x.numpy()[0]
    return maps
