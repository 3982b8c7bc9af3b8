"""A machine's first run: a second process compiles kernels, too, so that the run waits three quarters of the time.

The run compiles what it comes to, first the kernels of the forward pass. The other process begins with the backward
pass. What one compiles the other finds on disk (`kernels/cpu/on_disk.py`).
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

import numpy as np

from ..data import Batch
from ..kernels import backend, cpus
from ..models import multiply_adds
from . import BY_NAME
from .config import Config, fresh, variant
from .recipe import Recipe
from .training import build

BATCH = 2  # images: textbook code is slow
MOST = 100_000_000  # multiply-adds of an image, likewise: some ten seconds
PROGRAM = "import sys; from tinyconv.recipes.ahead import main; main(sys.argv[1:])"


@contextmanager
def compiling_beside(recipe: Recipe, config: Config) -> Iterator[None]:
    """Compile kernels of the recipe's backward pass in another process inside the `with` block, if that helps.

    It does where none are on disk yet, there are two processors, and processes wait for each other. The process is
    ended with the block, and ends by itself when this one dies: its standard input closes.
    """
    if config.backend != "cpu" or cpus.usable() < 2 or not _nothing_on_disk():
        yield
        return
    command = [sys.executable, "-c", PROGRAM, recipe.name, *([config.variant] if config.variant else [])]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere) as process:
        try:
            yield
        finally:
            process.kill()


def _nothing_on_disk() -> bool:
    from ..kernels.cpu.compile import KERNELS, SharedCache

    caches = [kernel._cache for kernel in KERNELS]
    shared = SharedCache is not None and bool(caches) and all(isinstance(cache, SharedCache) for cache in caches)
    return shared and all(cache.is_empty() for cache in caches)


def main(names: Sequence[str]) -> None:
    """Be the other process: of a recipe, and a variant if there is one."""
    Thread(target=_end_with_the_parent, daemon=True).start()
    go_back(variant(BY_NAME[names[0]], names[1] if len(names) > 1 else None))


def go_back(recipe: Recipe) -> None:
    """Train a recipe's network for a step whose forward pass is the textbook's, which needs no compiled kernels.

    Where that would take too long, do nothing.
    """
    model = build(recipe, fresh(recipe, {}))
    if multiply_adds(model) > MOST:
        return
    x, y = (np.ones((BATCH, *shape[1:]), np.float32) for shape in (model.input_shape, model.output_shape))
    with backend("reference"):
        _, loss = model.outputs_and_loss(model.checked(Batch(x, y)), True)
    loss.backward()
    weights = model.trainable_weights
    assert model.optimizer is not None
    model.optimizer.apply([weight.grad for weight in weights], weights)


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)
