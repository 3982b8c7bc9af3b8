"""One training of a recipe, by tinyconv or by live Keras, in a process of its own: `python -m benchmarks.seed_run`.

The request comes as JSON on standard input, the outcome goes as JSON to standard output. Keras gets the same network,
compiled the same way, from tinyconv's configuration of it; its own initial weights, unless it is to start from
tinyconv's; the same images; and shuffles arrays itself.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from tinyconv.data import Dataset
from tinyconv.data.dataset import as_batch
from tinyconv.models import Sequential
from tinyconv.recipes import BY_NAME, Recipe
from tinyconv.recipes.config import Config, fresh, variant
from tinyconv.recipes.mnist_sgd import FirstLoss
from tinyconv.recipes.recipe import Data
from tinyconv.recipes.training import answers, build, fit, training_source


def ours(recipe: Recipe, config: Config, data: Data) -> dict[str, Any]:
    """Train with tinyconv, exactly as the command line does, without writing a folder."""
    model = build(recipe, config)
    begun = time.perf_counter()
    fit(recipe, config, model, data, {})
    seconds = time.perf_counter() - begun
    assert model.history is not None
    accuracy = answers(model, data.test, config.batch_size).accuracy
    return {"seconds": seconds, "history": model.history.history, "accuracy": accuracy}


def keras(recipe: Recipe, config: Config, data: Data, same_weights: bool) -> dict[str, Any]:
    """Train with Keras."""
    import keras

    keras.utils.set_random_seed(config.seed)
    twin = build(recipe, config)
    kind = keras.Sequential if isinstance(twin, Sequential) else keras.Model
    model = kind.from_config(twin.get_config())
    model.compile_from_config(twin.get_compile_config())
    if same_weights:
        model.set_weights(twin.get_weights())
    listeners = [getattr(keras.callbacks, watch.__name__)() for watch in recipe.watching]
    if FirstLoss in recipe.listeners:

        class First(keras.callbacks.Callback):
            """The loss of an epoch's first batch, added to its logs."""

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if batch == 0:
                    self.loss = logs["loss"]

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                logs["first_loss"] = self.loss

        listeners.append(First())
    x, y, batch_size = training_source(recipe, config, data)
    history: dict[str, list[float]] = {}
    begun = time.perf_counter()
    for epochs, given in _stretches(x, y, batch_size, config.epochs):
        if isinstance(data.validation, Dataset):
            held = {"validation_data": _endless(data.validation, None), "validation_steps": len(data.validation)}
        else:
            held = {"validation_data": data.validation}
        stretch = {"epochs": epochs.stop, "initial_epoch": epochs.start, "verbose": 0, "callbacks": listeners}
        for name, values in model.fit(**given, **held, **stretch).history.items():
            history.setdefault(name, []).extend(map(float, values))
    seconds = time.perf_counter() - begun
    right = total = 0
    for images, targets in _batches(data.test, config.batch_size):
        p = model.predict_on_batch(images)
        taken = p.argmax(axis=1) if p.shape[1] > 1 else p[:, 0] > 0.5
        meant = targets.argmax(axis=1) if targets.ndim == 2 and targets.shape[1] > 1 else targets.reshape(-1)
        right, total = right + int((taken == meant).sum()), total + len(images)
    return {"seconds": seconds, "history": history, "accuracy": right / total}


def _stretches(x: Any, y: Any, batch_size: int | None, epochs: int) -> Iterator[tuple[range, dict[str, Any]]]:
    """Yield epochs that can go into one call of Keras's `fit`, with what to give it: they must have the same length."""
    if not isinstance(x, Dataset):
        yield range(epochs), {"x": x, "y": y, "batch_size": batch_size}
        return
    for steps, group in groupby(range(epochs), x.steps):
        numbers = list(group)
        batches = {"x": _endless(x, numbers[0]), "steps_per_epoch": steps, "shuffle": False}
        yield range(numbers[0], numbers[-1] + 1), batches


def _endless(data: Dataset, first: int | None) -> Iterator[tuple[Any, Any]]:
    """Yield the batches of epoch `first` and those after it; of epoch 0 again and again if it is None."""
    number = first or 0
    while True:
        for given in data.epoch(number):
            batch = as_batch(given)
            yield batch.x, batch.y
        number += first is not None


def _batches(part: Any, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the images and targets of a part of the data, in batches."""
    if isinstance(part, Dataset):
        yield from ((batch.x, batch.y) for batch in map(as_batch, part.epoch(0)))
        return
    x, y = part
    for start in range(0, len(x), batch_size):
        yield x[start : start + batch_size], y[start : start + batch_size]


def main() -> None:
    """Answer one request: engine, recipe, same_weights, and the options that change the recipe's settings."""
    request = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to standard error
    config = fresh(BY_NAME[request["recipe"]], request["options"])
    recipe = variant(BY_NAME[config.recipe], config.variant)
    data = recipe.load(config)
    if request["engine"] == "tinyconv":
        outcome = ours(recipe, config, data)
    else:
        outcome = keras(recipe, config, data, request["same_weights"])
    json.dump({**outcome, "images": data.counts}, answer)
    answer.close()


if __name__ == "__main__":
    main()
