"""The pictures of a run: what it learnt and how."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import visualize
from ..autograd import no_grad
from ..layers import Conv2D, Dense
from ..models import Model
from ..tensor import Tensor, as_array
from .recipe import History, Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of all pictures; a run has those that its network gives.
NAMES = (
    *("curves.png", "predictions.png", "mistakes.png", "confusion.png"),
    *("filters.png", "activations.png"),
    *("templates.png", "hidden_units.png"),
)


def draw(
    folder: Path,
    recipe: Recipe,
    model: Model,
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
    recipe: Recipe, model: Model, history: History, test: tuple[np.ndarray, np.ndarray], p: np.ndarray
) -> Iterator[tuple[str, "Figure"]]:
    """Yield each picture when it is needed, with its file's name."""
    x, labels = test[0], test[1].argmax(axis=1)
    names = recipe.class_names

    def title(words: str) -> str:
        return f"{recipe.name}: {words}"

    yield "curves.png", visualize.curves(history, title("loss and accuracy"))
    images = x.reshape(-1, *recipe.image_shape)
    yield "predictions.png", visualize.predictions(images, p, labels, names, title("test images and answers"))
    yield "mistakes.png", visualize.mistakes(images, p, labels, names, title("worst mistakes"))
    yield "confusion.png", visualize.confusion_matrix(labels, p.argmax(axis=1), names, title("confusion matrix"))
    convolutions = [layer for layer in model.layers if isinstance(layer, Conv2D)]
    if convolutions:
        yield "filters.png", visualize.filters(convolutions[0].kernel.numpy(), title("first-layer filters"))
        maps = feature_maps(model, x[0])
        yield "activations.png", visualize.all_activations(maps, x[0], title("what each layer answers to this image"))
    else:
        chain, shape = [layer.kernel.numpy() for layer in model.layers if isinstance(layer, Dense)], recipe.image_shape
        yield "templates.png", visualize.class_templates(chain, shape, title("what the network sees"))
        yield "hidden_units.png", visualize.hidden_units(chain[0], shape, title=title("weights of hidden units"))


def feature_maps(model: Model, image: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each convolution of the model makes of one image (h, w, c): maps (h', w', k) by the layer's name."""
    maps = {}
    with no_grad():
        x = Tensor(as_array(image[np.newaxis], model.dtype))
        for layer in model.layers:
            x = layer(x)
            if isinstance(layer, Conv2D):
                maps[layer.name] = x.numpy()[0]
    return maps
