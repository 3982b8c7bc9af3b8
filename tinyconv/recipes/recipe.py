"""Recipe: a network, its data and its training, as a document gives them, and what the document reached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..callbacks import Callback
from ..data import Dataset
from ..losses import Loss
from ..models import Model
from ..optimizers import Optimizer

if TYPE_CHECKING:
    from .config import Config

Arrays = tuple[np.ndarray, np.ndarray]
History = dict[str, list[float]]


@dataclass(frozen=True)
class Data:
    """Images (n, …) and one-hot targets (n, k): to train on, to validate on after each epoch, to test on at the end."""

    training: Arrays
    validation: Arrays
    test: Arrays


@dataclass(frozen=True)
class Figure:
    """A figure that a document prints; `measure(history, test accuracy)` gives this run's, None if it has none yet."""

    label: str
    document: str
    measure: Callable[[History, float], str | None]


@dataclass(frozen=True)
class Recipe:
    """One training run of a document. What the command line may change (batch size, …) stands here as the default.

    `load(config)` returns the data, with at most `config.limit` images of each kind (None: all).
    `batches(x, y, batch_size)` cuts them up, None shuffling all of them anew each epoch as Keras's fit does.
    `image_shape` is (h, w, c), whatever shape the network takes. `listeners` hear training before anything is
    saved, so that what they add to an epoch's logs is kept. Metrics are always the loss and the accuracy.
    `prepare` makes what the network takes of images (n, h, w, c), float32 from 0 to 255, RGB where c is 3, as `load`
    does; `class_names` are those of the classes, in their order.
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
    image_shape: tuple[int, int, int] = (28, 28, 1)


def percent(share: float) -> str:
    """Format a share of 1: "99.06 %"."""
    return f"{100 * share:.2f} %"


def test_figure(document: float | None) -> Figure:
    """Return the accuracy on the test images at the end, `document` in percent, None where the document has none."""
    printed = "none given" if document is None else f"{document:.2f} %"
    return Figure("test accuracy", printed, lambda history, test: percent(test))


def epoch_figure(label: str, document: str, name: str, epoch: int, write: Callable[[float], str]) -> Figure:
    """Return the log `name` of an epoch, counted from 1."""

    def measure(history: History, test: float) -> str | None:
        values = history.get(name, [])
        return write(values[epoch - 1]) if len(values) >= epoch else None

    return Figure(label, document, measure)
