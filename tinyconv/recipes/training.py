"""Training a recipe's network: from its settings and its data to a history, and to what the network answers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import functions, names, set_seed
from ..callbacks import Callback, EarlyStopping
from ..data import Dataset
from ..distributed import Communicator
from ..models import Model
from .config import Config
from .recipe import Data, History, Part, Recipe, count, epochs_of

MOST_SHOWN = 1000  # images of a dataset that pictures choose from


class Replay(Callback):
    """Tells callbacks, when training begins, of the epochs that a resumed run has behind it.

    What they know of training is a function of its history: so they go on as in a run that was never broken. The
    learning rate starts from where the run's settings have it.
    """

    def __init__(self, listeners: Sequence[Callback], history: History, learning_rate: float) -> None:
        self.listeners, self.history, self.learning_rate = listeners, history, learning_rate

    def on_train_begin(self, logs: Any = None) -> None:
        """Tell them: the end of one epoch after the other."""
        if self.listeners:
            self.model.optimizer.learning_rate = self.learning_rate
        for epoch, values in enumerate(zip(*self.history.values(), strict=True)):
            for listener in self.listeners:
                listener.on_epoch_end(epoch, dict(zip(self.history, values, strict=True)))


def build(recipe: Recipe, config: Config, ranks: Communicator | None = None) -> Model:
    """Return the recipe's network, compiled, with the first weights that the seed gives; to train with `ranks`."""
    names.clear_session()
    set_seed(config.seed)
    model = recipe.build()
    optimizer = recipe.optimizer(config.learning_rate)
    model.compile(optimizer, recipe.loss, metrics=recipe.metrics(), distributed=ranks)
    optimizer.build(model.trainable_weights)
    return model


def fit(
    recipe: Recipe,
    config: Config,
    model: Model,
    data: Data,
    history: History,
    before: Sequence[Callback] = (),
    after: Sequence[Callback] = (),
    verbose: int = 0,
) -> None:
    """Train the epochs that `history` lacks; the callbacks `before` and `after` hear of them around the recipe's own.

    A run that `early_stop` has ended is not trained any more.
    """
    done = epochs_of(history)
    if done >= config.epochs or ended_early(config, model, history):
        return
    watching = [watch() for watch in recipe.watching]
    if config.early_stop is not None:
        watching.append(EarlyStopping(patience=config.early_stop))
    source: tuple[Any, Any, int | None] = training_source(recipe, config, data)
    model.fit(
        *source,
        epochs=config.epochs,
        initial_epoch=done,
        validation_data=data.validation,
        verbose=verbose,
        callbacks=[
            *before,
            *(listener() for listener in recipe.listeners),
            *watching,
            Replay(watching, history, config.learning_rate),
            *after,
        ],
    )


def training_source(recipe: Recipe, config: Config, data: Data) -> tuple[Any, Any, int | None]:
    """Return what to give `fit` as x, y and batch_size."""
    if isinstance(data.training, Dataset):
        return data.training, None, None
    if recipe.batches is not None:
        return recipe.batches(*data.training, config.batch_size), None, None
    return *data.training, config.batch_size


def ended_early(config: Config, model: Model, history: History) -> bool:
    """Return whether a run with this history has been stopped by `early_stop`."""
    if config.early_stop is None:
        return False
    stopping = EarlyStopping(patience=config.early_stop)
    stopping.set_model(model)
    model.stop_training = False
    replay = Replay([stopping], history, config.learning_rate)
    replay.set_model(model)
    replay.on_train_begin()
    return model.stop_training


class Answers(NamedTuple):
    """What a network takes n images for: probabilities `p` (n, k), beside the right classes, `labels` (n,).

    `images` (m, …), as the network takes them, are all of them or a part: those at the places `shown` (m,).
    """

    p: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    shown: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of images whose most probable class is the right one."""
        return float((self.p.argmax(axis=1) == self.labels).mean())


def answers(model: Model, part: Part, batch_size: int) -> Answers:
    """Ask the model about all images of a part; of a dataset at most `MOST_SHOWN` images are kept, evenly spread."""
    if not isinstance(part, Dataset):
        return Answers(probabilities(model, part[0], batch_size), classes(part[1]), part[0], np.arange(len(part[0])))
    every = -(-count(part) // MOST_SHOWN)
    p, labels, images, shown, first = [], [], [], [], 0
    for batch in part.epoch(0):
        if not len(batch.x):  # none of its files can be read
            continue
        p.append(probabilities(model, batch.x, batch_size))
        labels.append(classes(batch.y))
        chosen = np.arange(-first % every, len(batch.x), every)
        images.append(batch.x[chosen])
        shown.append(first + chosen)
        first += len(batch.x)
    return Answers(*map(np.concatenate, (p, labels, images, shown)))


def classes(targets: np.ndarray) -> np.ndarray:
    """Return the numbers of the classes (n,) that targets mean: one-hot (n, k), or 0 and 1."""
    return targets.argmax(axis=1) if targets.ndim == 2 and targets.shape[1] > 1 else targets.reshape(-1).astype(int)


def probabilities(model: Model, x: np.ndarray, batch_size: int) -> np.ndarray:
    """Return what the model takes each image for: (n, k), rows that sum to 1; k is 2 for a model of one output."""
    p = model.predict(x, batch_size)
    if model.loss is not None and model.loss.from_logits:
        p = functions.softmax(p).numpy()
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p
