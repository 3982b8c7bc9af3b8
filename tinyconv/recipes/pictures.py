"""The pictures that training ends with: how it went, what the network answers, its weights, what its layers make of."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import visualize
from ..callbacks import Callback
from ..layers import Conv2D, Dense
from ..models import Model
from .folder import writing
from .recipe import History, Recipe
from .training import Answers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of all pictures, with the folder of those that are drawn while a network trains; a run has those that it gives.
NAMES = (
    *("curves.png", "predictions.png", "mistakes.png", "confusion.png", "precision_recall.png", "model.png"),
    *("filters.png", "activations.png", "sparsity.png", "convolution.png"),
    *("templates.png", "hidden_units.png", "templates"),
)
VALUES = 20_000_000  # of maps, at most, that sparsity is measured on: 80 MB

Figures = Iterator[tuple[str, "Figure"]]


class Templates(Callback):
    """Draws what the network sees, class by class, before training and after each epoch: templates/step-00500.png."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder / "templates", recipe

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Draw the first weights."""
        if epoch == 0:
            self.draw()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Draw the weights after the epoch's last step."""
        self.draw()

    def draw(self) -> None:
        """Draw the templates of the present weights."""
        step = self.model.optimizer.iterations
        title = f"{self.recipe.name}: what the network sees after step {step:,}"
        figure = visualize.class_templates(_dense_kernels(self.model), self.recipe.image_shape, title)
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            visualize.save(figure, self.folder / f"step-{step:05}.png")


def while_training(folder: Path, recipe: Recipe) -> list[Callback]:
    """Return the callbacks that draw while a network of the recipe trains."""
    return [Templates(folder, recipe)] if recipe.redraws_templates else []


def draw(folder: Path, recipe: Recipe, model: Model, history: History, found: Answers) -> list[str]:
    """Write a run's pictures as PNG files and return their names; raises OSError if one cannot be written.

    `found` is what the model answers to the test images.
    """
    return [
        *saved(folder, of_training(recipe, history)),
        *saved(folder, of_answers(recipe, found)),
        *saved_diagram(folder, model),
        *saved(folder, of_weights(recipe, model)),
        *saved(folder, of_maps(recipe, model, found.images, recipe.name)),
    ]


def saved(folder: Path, figures: Figures) -> Iterator[str]:
    """Write each picture as it comes, and yield its name, which may begin with a folder to be made."""
    for name, figure in figures:
        (folder / name).parent.mkdir(exist_ok=True)
        visualize.save(figure, folder / name)
        yield name


def saved_diagram(folder: Path, model: Model) -> Iterator[str]:
    """Write the diagram of the model, and yield its name."""
    visualize.plot_model(
        model,
        folder / "model.png",
        show_shapes=True,
        show_layer_names=True,
        show_layer_activations=True,
        dpi=110,
    )
    yield "model.png"


def of_training(recipe: Recipe, history: History) -> Figures:
    """Yield the curves, if there was an epoch."""
    if any(history.values()):
        yield "curves.png", visualize.curves(history, f"{recipe.name}: training and validation")


def of_answers(recipe: Recipe, found: Answers) -> Figures:
    """Yield what the network answers to images, and how often it is right, class by class."""
    names, guess = recipe.class_names, found.p.argmax(axis=1)
    images, p, labels = shown(recipe, found.images), found.p[found.shown], found.labels[found.shown]
    some, title = np.arange(min(100, len(p))), f"{recipe.name}: what images are taken for"
    if recipe.photographs:  # they come class by class
        some, title = some * len(p) // len(some), f"{title}, of all classes"
    yield "predictions.png", visualize.predictions(images[some], p[some], labels[some], names, title)
    yield "mistakes.png", visualize.mistakes(images, p, labels, names, f"{recipe.name}: worst mistakes")
    title = f"{recipe.name}: confusion matrix"
    yield "confusion.png", visualize.confusion_matrix(found.labels, guess, names, title)
    title = f"{recipe.name}: precision and recall"
    yield "precision_recall.png", visualize.precision_recall(found.labels, guess, names, title)


def of_weights(recipe: Recipe, model: Model) -> Figures:
    """Yield the filters of the first convolution or, of a network without one, what its units and classes look for."""
    first = next((layer for layer in model.layers if isinstance(layer, Conv2D)), None)
    if first is not None:
        kernel = first.kernel.numpy()
        kernel = kernel[:, :, ::-1] if takes_bgr(recipe) else kernel
        yield "filters.png", visualize.filters(kernel, f"{recipe.name}: first-layer filters")
    else:
        chain, shape = _dense_kernels(model), recipe.image_shape
        yield "templates.png", visualize.class_templates(chain, shape, f"{recipe.name}: what the network sees")
        title = f"{recipe.name}: weights of hidden units"
        yield "hidden_units.png", visualize.hidden_units(chain[0], shape, title=title)


def of_maps(recipe: Recipe, model: Model, x: np.ndarray, about: str) -> Figures:
    """Yield what the convolutions make of the first of the inputs, and how sparse their maps are for a hundred."""
    found = visualize.convolutions(model)
    if not found:
        return
    values = sum(prod(layer.output_shape[1:]) for layer in found)
    maps = visualize.feature_maps(model, x[: max(1, min(100, VALUES // values))])
    image, first = shown(recipe, x[:1])[0], {name: each[0] for name, each in maps.items()}
    yield "activations.png", visualize.all_activations(first, image, f"{about}: what each layer answers to this image")
    yield "sparsity.png", visualize.sparsity(maps, f"{about}: sparsity by depth")
    if any(isinstance(layer, Conv2D) for layer in found):
        yield "convolution.png", visualize.confirm_convolution(model, x[0], about=about)


def shown(recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Return inputs of the network as images (n, h, w, c) to look at, RGB where c is 3."""
    images = x.reshape(-1, *recipe.image_shape)
    return images[..., ::-1] if takes_bgr(recipe) else images


def takes_bgr(recipe: Recipe) -> bool:
    """Return whether the network takes colors as BGR: a red pixel, when it is prepared, ends in the last channel."""
    if recipe.image_shape[2] != 3:
        return False
    red = np.zeros((1, *recipe.image_shape), np.float32)
    red[..., 0] = 255
    return bool(recipe.prepare(red)[0, 0, 0].argmax() == 2)


def _dense_kernels(model: Model) -> list[np.ndarray]:
    return [layer.kernel.numpy() for layer in model.layers if isinstance(layer, Dense)]
