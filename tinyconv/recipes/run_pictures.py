"""Every picture of a run that is over: those that training ends with, and why its network answers as it does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .. import visualize
from ..models import multiply_adds
from ..visualize.answers import percent
from . import pictures
from .opening import Opened
from .pictures import Figures, saved, shown
from .recipe import Part
from .training import answers, probabilities

EXPLAINED = 24  # test images that are explained
EXCITED, FEWEST = 32, 4  # units of a layer, at most and at least
STEPS = 40  # of gradient ascent
WORK = 2e12  # multiplications that exciting images may take, where that makes no fewer units than FEWEST


def of_run(folder: Path, opened: Opened, test: Part | None) -> Iterator[str]:
    """Write every picture of a run, and yield each one's name; without `test` images those that need none."""
    recipe, model = opened.recipe, opened.model
    if test is None:
        yield from saved(folder, pictures.of_training(recipe, opened.history))
        yield from pictures.saved_diagram(folder, model)
        yield from saved(folder, pictures.of_weights(recipe, model))
    else:
        found = answers(model, test, opened.config.batch_size)
        x = found.images
        yield from pictures.draw(folder, recipe, model, opened.history, found)
        yield from saved(folder, every_map(opened, x[:1], recipe.name))
        yield from saved(folder, reasons(opened, x[:EXPLAINED], recipe.name))
    yield from saved(folder, excitement(opened))


def of_image(folder: Path, opened: Opened, file: Path, images: np.ndarray) -> Iterator[str]:
    """Write what the network makes of an image file, given as (1, h, w, c) from 0 to 255; yield each picture's name."""
    x = opened.recipe.prepare(images)
    about = f"{file.name}, taken for {in_words(opened, x)[0].partition(':')[0]}"
    yield from saved(folder, _named(file.stem, pictures.of_maps(opened.recipe, opened.model, x, about)))
    yield from saved(folder, _named(file.stem, every_map(opened, x, about)))
    yield from saved(folder, _named(file.stem, reasons(opened, x, about)))


def every_map(opened: Opened, x: np.ndarray, about: str) -> Figures:
    """Yield the maps of each convolution for the first input, on a page each."""
    for number, (name, maps) in enumerate(visualize.feature_maps(opened.model, x[:1]).items(), start=1):
        yield f"activations/{number:02}-{name}.png", visualize.activations(maps[0], f"{about}: what {name} answers")


def reasons(opened: Opened, x: np.ndarray, about: str) -> Figures:
    """Yield saliency, and Grad-CAM of the last convolution, for the class that each input is taken for."""
    images, captions = shown(opened.recipe, x), in_words(opened, x)
    slopes = visualize.class_gradient(opened.model, x)
    yield "saliency.png", visualize.saliency(images, slopes, captions, f"{about}: the pixels that matter")
    found = visualize.convolutions(opened.model)
    if found:
        maps = visualize.grad_cam_maps(opened.model, x, found[-1])
        title = f"{about}: where {found[-1].name} finds the class (Grad-CAM)"
        yield "grad_cam.png", visualize.grad_cam(images, maps, captions, title)


def excitement(opened: Opened) -> Figures:
    """Yield, for each convolution, the images that excite its first units most: 32, fewer in a large network."""
    recipe, model = opened.recipe, opened.model
    work = 3 * STEPS * multiply_adds(model) * len(visualize.convolutions(model))  # of one unit a layer, at most
    high = float(recipe.prepare(np.full((1, *recipe.image_shape), 255, np.float32)).max())
    for number, layer in enumerate(visualize.convolutions(model), start=1):
        units = range(min(layer.output_shape[-1], EXCITED, max(FEWEST, int(WORK / work))))
        images, means = visualize.exciting_images(model, layer, units, 0.0, high, STEPS)
        title = f"{recipe.name}: what excites the units of {layer.name} most"
        yield f"exciting/{number:02}-{layer.name}.png", visualize.exciting(shown(recipe, images), units, means, title)


def in_words(opened: Opened, x: np.ndarray) -> list[str]:
    """Return the class that each input is taken for, with its probability, in words."""
    names, found = opened.recipe.class_names, probabilities(opened.model, x, opened.config.batch_size)
    return [f"{names[p.argmax()]}: {percent(p.max())}" for p in found]


def _named(stem: str, figures: Figures) -> Figures:
    """Put the name of an image before those of its pictures: "cat-activations.png", "cat-activations/…"."""
    for name, figure in figures:
        yield f"{stem}-{name}", figure
