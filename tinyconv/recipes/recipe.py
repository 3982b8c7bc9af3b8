"""Recipe: a network, its data and its training, as a document gives them, and what the document reached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..callbacks import Callback
from ..data import Dataset
from ..losses import Loss
from ..models import Model
from ..optimizers import Optimizer

if TYPE_CHECKING:
    from .config import Config

Arrays = tuple[np.ndarray, np.ndarray]
Part = Arrays | Dataset
History = dict[str, list[float]]


@dataclass(frozen=True)
class Data:
    """What to train on, to validate on after each epoch, and to test on at the end.

    Each is arrays, images (n, …) and one-hot targets (n, k), or a dataset that knows how many `samples` it has.
    """

    training: Part
    validation: Part
    test: Part

    @property
    def counts(self) -> tuple[int, int]:
        """How many images there are to train on, and to validate on."""
        return count(self.training), count(self.validation)


def count(part: Part) -> int:
    """Return how many images a part of the data has."""
    samples = part.samples if isinstance(part, Dataset) else len(part[0])
    assert samples is not None
    return samples


@dataclass(frozen=True)
class Figure:
    """A figure that a document prints: `value(history, test accuracy)` is this run's, None if it has none yet."""

    label: str
    document: str
    value: Callable[[History, float], float | None]
    write: Callable[[float], str]

    def measure(self, history: History, test: float) -> str | None:
        """Return this run's figure as the document would print it."""
        value = self.value(history, test)
        return None if value is None else self.write(value)


@dataclass(frozen=True)
class Recipe:
    """One training run of a document. What the command line may change (batch size, …) stands here as the default.

    `load(config)` returns the data, with at most `config.limit` images of each kind (None: all).
    `batches(x, y, batch_size)` cuts them up, None shuffling all of them anew each epoch as Keras's fit does.
    `image_shape` is (h, w, c), whatever shape the network takes. `listeners` hear training before anything is
    saved, so that what they add to an epoch's logs is kept; those in `watching` follow the history from epoch to epoch,
    and are told of it when a run is resumed. `metrics()` always has the accuracy among them.
    `photographs` says that the images come from a folder, `augments` that they can be varied at random; `variants` are
    the recipes that share the name, by what tells them apart.
    `prepare` makes what the network takes of images (n, h, w, c), float32 from 0 to 255, RGB where c is 3, as `load`
    does after it resized them by `interpolation`; `class_names` are those of the classes, in their order.
    `redraws_templates` asks for a picture of what the network sees after every epoch.
    """

    name: str
    document: str
    parameters: int
    build: Callable[[], Model]
    load: Callable[["Config"], Data]
    loss: Loss
    optimizer: Callable[[float], Optimizer]
    learning_rate: float
    batch_size: int
    epochs: int
    figures: tuple[Figure, ...]
    prepare: Callable[[np.ndarray], np.ndarray]
    class_names: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    seed: int = 0
    batches: Callable[[np.ndarray, np.ndarray, int], Dataset] | None = None
    listeners: tuple[type[Callback], ...] = ()
    watching: tuple[Callable[[], Callback], ...] = ()
    metrics: Callable[[], list[Any]] = lambda: ["accuracy"]
    image_shape: tuple[int, int, int] = (28, 28, 1)
    interpolation: str = "bilinear"
    redraws_templates: bool = False
    photographs: bool = False
    augments: bool = False
    variants: Mapping[str, "Recipe"] = field(default_factory=dict)

    @property
    def accuracy_figure(self) -> Figure:
        """The figure that stands for the document's result: on test images, else on validation images."""
        ranked = sorted(self.figures, key=lambda figure: figure.label.startswith("test"), reverse=True)
        return next(each for each in ranked if each.label.startswith(("test accuracy", "validation accuracy")))


def divided(images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w, c) of 0 to 255 as float32 from 0 to 1."""
    return np.divide(images, np.float32(255), dtype=np.float32)


def epochs_of(history: History) -> int:
    """Return how many epochs a history has."""
    return len(next(iter(history.values()), []))


def percent(share: float) -> str:
    """Format a share of 1: "99.06 %"."""
    return f"{100 * share:.2f} %"


def test_figure(document: float | None) -> Figure:
    """Return the accuracy on the test images at the end, `document` in percent, None where the document has none."""
    printed = "none given" if document is None else f"{document:.2f} %"
    return Figure("test accuracy", printed, lambda history, test: test, percent)


def epoch_figure(label: str, document: str, name: str, epoch: int, write: Callable[[float], str]) -> Figure:
    """Return the log `name` of an epoch, counted from 1; of the last if it is 0."""

    def value(history: History, test: float) -> float | None:
        values = history.get(name, [])
        return values[epoch - 1] if len(values) >= max(epoch, 1) else None

    return Figure(label, document, value, write)
