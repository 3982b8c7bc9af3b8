"""Weights of samples: how they meet the values that they multiply, and the weights that classes give."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def aligned(weights: Any, shape: tuple[int, ...]) -> Any:
    """Return weights (n,), (n,1), …, (n, …) with axes of length 1 so that they multiply values of `shape` (n, …).

    Nothing grows by it: weights (n,1) of values (n,) become (n,), where plain arrays would make (n,n) of them. Raises
    ValueError for weights that do not fit. Values of no axes, a loss of the whole batch, are multiplied by all weights.
    """
    if not shape:
        return weights
    fitting = weights
    while fitting.ndim > len(shape) and fitting.shape[-1] == 1:
        fitting = fitting.reshape(fitting.shape[:-1])
    fitting = fitting.reshape(fitting.shape + (1,) * (len(shape) - fitting.ndim))
    if fitting.ndim > len(shape) or any(own not in (1, n) for own, n in zip(fitting.shape, shape, strict=True)):
        raise ValueError(
            f"sample_weight of shape {weights.shape} does not fit losses of shape {shape}: give a weight for each "
            f"sample, ({shape[0]},)"
        )
    return fitting


def class_weights(labels: np.ndarray, class_weight: Mapping[int, float]) -> np.ndarray:
    """Return the weight of each label (any shape): its class's, 1 for a class that `class_weight` does not name.

    Labels are rounded to whole numbers, as in Keras: a soft binary target counts for the nearer class. Raises
    ValueError for what is no class or no weight, TypeError for what is no dict.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict such as {{0: 1.0, 1: 2.5}}, got {type(class_weight).__name__}")
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not (isinstance(label, int | np.integer) and label >= 0):
            raise ValueError(f"class_weight maps classes 0, 1, … to weights, got the key {label!r}")
        if not (isinstance(weight, int | float | np.number) and np.isfinite(weight)):
            raise ValueError(f"class_weight must hold finite numbers, got {weight!r} for class {label}")
    labels = np.round(labels).astype(np.int64)
    table = np.ones(max([*class_weight, int(labels.max())]) + 1)
    table[list(class_weight)] = list(class_weight.values())
    return table[labels]
