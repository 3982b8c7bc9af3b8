"""What convolutions meant before Keras 3: `Conv2D(n, 3, 3)`, and the fans of the first Glorot initializers."""

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import Any

import numpy as np

from ..initializers import RandomNormal, RandomUniform
from .eras import Era

WINDOWED = ("Conv2D", "SeparableConv2D", "Conv2DTranspose")
TODAY = ("padding", "strides", "data_format")


def window(name: str, given: Sequence[Any], named: dict[str, Any], era: Era) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the arguments of a call with rows and columns, `Conv2D(n, 3, 3)`, as those of one with a kernel (3, 3).

    So Keras 2.0 to 2.3 reads it, and refuses it beside one of its own words for padding, strides or data_format.
    """
    if era.before(2):
        if len(given) >= 2 and (not isinstance(given[1], int | np.integer) or "kernel_size" in named):
            return _as_keras_2(given, named)
        return given, named
    rows_and_columns = len(given) == 3 and all(isinstance(each, int | np.integer) for each in given[1:])
    if not rows_and_columns:
        return given, named
    said = next((word for word in TODAY if word in named), None)
    if said:
        raise TypeError(
            f"Keras {'.'.join(map(str, era.version))} reads {name}{tuple(given)} as {given[1]} rows and {given[2]} "
            f"columns, and takes no {said} beside them: write {name}({given[0]}, ({given[1]}, {given[2]}), …)"
        )
    return (given[0], (given[1], given[2])), named


def _as_keras_2(given: Sequence[Any], named: dict[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the arguments of a call in the words of Keras 2 under the positions of Keras 1."""
    words = dict(zip(("filters", "kernel_size", "strides", "padding"), given, strict=False))
    return (), {**words, **named}


def early(given: Any) -> Any:
    """Return a Glorot initializer that takes the filters alone, without the window, for fan_out: Keras up to 1.0.3."""
    draws: dict[Any, Callable[[float], Any]] = {
        "glorot_uniform": lambda total: RandomUniform(-sqrt(6 / total), sqrt(6 / total)),
        "glorot_normal": lambda total: RandomNormal(stddev=sqrt(2 / total)),
    }
    if not isinstance(given, str) or given not in draws:
        return given

    def values(shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        made: np.ndarray = draws[given](prod(shape[:-1]) + shape[-1])(shape, dtype)
        return made

    return values
