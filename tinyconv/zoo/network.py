"""What the named networks have in common: how images come in, how features go out, where weights come from."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..arguments import open_sizes
from ..initializers import blank
from ..layers import GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from ..layers.graph import SymbolicTensor, sources
from ..models import Functional
from ..names import look_up
from . import pretrained

Part = Callable[[SymbolicTensor], SymbolicTensor]


def images(
    input_tensor: SymbolicTensor | None,
    input_shape: Sequence[int | None] | None,
    side: int,
    least: int,
    include_top: bool = True,
) -> SymbolicTensor:
    """Return the symbol of the images: the one given, or an input of `input_shape`, or of (side, side, 3).

    Without its top a network takes images of any size, unless one is given. Raises ValueError for a shape that is not
    (h, w, c) with h and w at least `least`.
    """
    if input_shape is not None:
        shape = open_sizes("input_shape", input_shape)
        if include_top and None in shape:
            raise ValueError(f"input_shape must be settled for a network with its top, got {input_shape}")
        if len(shape) != 3 or min(length or least for length in shape[:2]) < least:
            raise ValueError(f"input_shape must be (h, w, c) with h and w at least {least}, got {input_shape}")
        if input_tensor is not None and input_tensor.shape[1:] != shape:
            raise ValueError(f"input_shape {shape} is not that of input_tensor, {input_tensor}: give one of the two")
    if input_tensor is not None:
        return input_tensor
    if input_shape is not None:
        return Input(input_shape)
    return Input((side, side, 3) if include_top else (None, None, 3))


def pooled(pooling: str | None, average: str | None = None, largest: str | None = None) -> Part:
    """Return what follows the features of a network without its top: nothing, or "avg" or "max" over all positions.

    The pooling layers are called `average` and `largest`, None by the automatic names.
    """
    if pooling is None:
        return lambda x: x
    kinds: dict[str, Any] = {"avg": (GlobalAveragePooling2D, average), "max": (GlobalMaxPooling2D, largest)}
    layer, name = look_up("pooling", pooling, kinds)
    return lambda x: layer(name=name)(x)


def assemble(
    name: str,
    x: SymbolicTensor,
    parts: Sequence[Part],
    weights: str | Path | None,
    files: pretrained.Files | None = None,
    include_top: bool = True,
    classes: int = pretrained.CLASSES,
) -> Functional:
    """Return the model that applies `parts` to the images `x` in turn, its weights read from the file `weights`.

    Without a file the weights are drawn as the layers' initialisers say. "imagenet" is the one of `files`, with
    `include_top` and `classes` or without, that Keras has published: see `pretrained`.
    """
    if weights == "imagenet":
        weights = pretrained.located(files, include_top, classes)
    if weights is not None and not Path(weights).is_file():
        raise ValueError(f'weights must be None, "imagenet" or the path of a file that is there, got {str(weights)!r}')
    inputs = sources(x)
    with blank() if weights else nullcontext():
        for part in parts:
            x = part(x)
    model = Functional(inputs[0] if len(inputs) == 1 else inputs, x, name=name)
    if weights is not None:
        pretrained.load(model, weights, files)
    return model
