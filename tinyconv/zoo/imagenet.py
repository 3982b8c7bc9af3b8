"""What goes into a network of ImageNet's classes, and what its answers mean: Keras's imagenet_utils."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import functions as F
from ..config import data_format_of, floatx
from ..names import look_up
from ..symbol import on_symbols
from ..tensor import Tensor

# The mean of ImageNet's training pixels, red, green, blue, from 0 to 255; and as shares of 1 with their deviation.
MEAN = (123.68, 116.779, 103.939)
MEAN_OF_1, DEVIATION_OF_1 = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

MODES: dict[str, Callable[[Any], Any]] = {
    "caffe": lambda x: (x - np.asarray(MEAN, x.dtype))[..., ::-1],
    "tf": lambda x: x / 127.5 - 1,
    "torch": lambda x: (x / 255 - np.asarray(MEAN_OF_1, x.dtype)) / np.asarray(DEVIATION_OF_1, x.dtype),
}


@on_symbols
def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Return RGB images (…, h, w, 3), pixels 0 to 255, as networks of that `mode` take them; x is not changed.

    Of an array that is an array, of a tensor a tensor, of a symbol, within a model, a symbol. With
    `data_format="channels_first"` images are (…, 3, h, w).

    "caffe": BGR, less ImageNet's mean; "tf": from −1 to 1; "torch": from 0 to 1, less the mean, over the deviation.
    """
    axis = -1 if data_format_of(data_format) == "channels_last" else -3
    change = look_up("mode", mode, MODES)
    x = x if isinstance(x, Tensor) else np.asarray(x)
    if x.ndim not in (3, 4) or x.shape[axis] != 3:
        shape = "h, w, 3" if axis == -1 else "3, h, w"
        raise ValueError(f"x must be an RGB image ({shape}) or several (n, {shape}), got shape {x.shape}")
    if isinstance(x, Tensor):
        last = tuple(range(x.ndim)) if axis == -1 else (*range(x.ndim - 3), -2, -1, -3)
        first = tuple(range(x.ndim)) if axis == -1 else (*range(x.ndim - 3), -1, -3, -2)
        return F.transpose(change(F.transpose(x, last)), first)
    x = np.moveaxis(x if x.dtype in (np.float32, np.float64) else x.astype(floatx()), axis, -1)
    return np.ascontiguousarray(np.moveaxis(change(x), -1, axis))


def caffe(x: Any, data_format: str | None = None) -> Any:
    """Return RGB images (…, h, w, 3), pixels 0 to 255, as BGR less ImageNet's mean; x itself is not changed."""
    return preprocess_input(x, data_format, "caffe")


def tf(x: Any, data_format: str | None = None) -> Any:
    """Return images (…, h, w, 3), pixels 0 to 255, as numbers from −1 to 1; x itself is not changed."""
    return preprocess_input(x, data_format, "tf")


def decode_predictions(
    predictions: Any, top: int = 5, class_index: str | Path | Sequence[str] | None = None
) -> list[list[tuple[str, str, float]]]:
    """Return the `top` likeliest classes of each row of `predictions` (n, classes): [(id, name, share), …].

    `class_index` is the path of a JSON file such as Keras's imagenet_class_index.json, {"0": ["n01440764", "tench"],
    …}, or a list of the classes' names, which then stand for their ids too. Of equals the first class comes first.
    """
    if class_index is None:
        raise ValueError(
            "decode_predictions needs class_index=, the path of ImageNet's class index (Keras keeps one as "
            "~/.keras/models/imagenet_class_index.json) or a list of names: it is a download, and tinyconv makes none"
        )
    p = predictions.numpy() if isinstance(predictions, Tensor) else np.asarray(predictions)
    classes = _classes(class_index)
    if p.ndim != 2 or p.shape[1] != len(classes):
        raise ValueError(f"predictions must have shape (n, {len(classes)}), as many as class_index has, got {p.shape}")
    order = np.argsort(-p, axis=1, kind="stable")[:, : max(0, top)]
    return [
        [(*classes[k], float(share)) for k, share in zip(row, shares, strict=True)]
        for row, shares in zip(order, np.take_along_axis(p, order, axis=1), strict=True)
    ]


def _classes(class_index: str | Path | Sequence[str]) -> list[tuple[str, str]]:
    """Return each class's id and name; raises ValueError if a file holds something else."""
    if not isinstance(class_index, str | Path):
        return [(str(name), str(name)) for name in class_index]
    try:
        found = json.loads(Path(class_index).read_bytes())
        if isinstance(found, list):
            return [(str(name), str(name)) for name in found]
        pairs = [found[str(number)] for number in range(len(found))]
        return [(str(identity), str(name)) for identity, name in pairs]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f'{class_index} is no class index {{"0": [id, name], …}}: {error!r}') from None
