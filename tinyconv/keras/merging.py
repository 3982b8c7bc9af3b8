"""Joining layers before Keras 3: `merge([a, b], mode="concat")`, `Merge`, and a dense layer of several maxima."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import functions as F
from .. import layers
from ..layers import Dense, Layer
from ..models import Functional
from ..saving.keras1 import MERGES
from ..tensor import Tensor
from .eras import Era
from .spelling import Spelling

MODES = {**MERGES, "cos": "Dot"}


def spelled_names(era: Era, spelled: Mapping[str, Any]) -> dict[str, Any]:
    """Return what joins tensors in an era, and other layers that only Keras 1 had."""
    found: dict[str, Any] = {"merge": merge, "Merge": Spelling("Merge", Layer, merged), "MaxoutDense": MaxoutDense}
    return {**found, "_Merge": Joining} if era.before(3) else {"_Merge": Joining}


def merged(
    layers: Sequence[Any] | None = None, mode: Any = "sum", concat_axis: int = -1, dot_axes: Any = -1, **more: Any
) -> Any:
    """Return the layer that `Merge(mode=…)` was; on top of models, the model that joins their outputs."""
    layer = _layer(mode, concat_axis, dot_axes, more.get("name"))
    return layer if not layers else _joined(layer, layers)


def _joined(layer: Any, models: Sequence[Any]) -> Any:
    """Return the model that joins the outputs of models: what a Sequential of Keras 1 could begin with."""
    inputs = [symbol for model in models for symbol in model.inputs]
    return Functional(inputs, layer([model.output for model in models]))


class Stack(Functional):
    """A Sequential of Keras 1 that begins with models side by side: layers are put on top of what joins them."""

    def add(self, layer: Any) -> None:
        """Put a layer, or a model, on top of the stack."""
        self._take(self.inputs, layer(self.output))


def begun_with(add: Callable[..., None]) -> Callable[..., None]:
    """Return `Sequential.add` for which a stack may begin with models that `Merge` joins."""

    def put(self: Any, layer: Any) -> None:
        if isinstance(layer, Functional) and len(layer.inputs) > 1 and not self._stack:
            name = self.name
            vars(self).clear()
            self.__class__ = Stack
            Stack.__init__(self, layer.inputs, layer.output, name=name)
            return
        add(self, layer)

    return put


def merge(
    inputs: Sequence[Any],
    mode: str | Callable[..., Any] = "sum",
    dot_axes: Any = -1,
    concat_axis: int = -1,
    output_shape: Any = None,
    output_mask: Any = None,
    arguments: Any = None,
    name: str | None = None,
) -> Any:
    """Return the symbol of tensors joined: `merge` of Keras 1."""
    return _layer(mode, concat_axis, dot_axes, name, output_shape)(list(inputs))


def _layer(mode: Any, concat_axis: int, dot_axes: Any, name: str | None, output_shape: Any = None) -> Any:
    if callable(mode):
        made: Callable[..., Any] = vars(layers)["Lambda"]
        return made(mode, output_shape=output_shape, name=name)
    if mode not in MODES:
        raise ValueError(f"merge has the modes {', '.join(MODES)}, got {mode!r}")
    kind = getattr(layers, MODES[mode])
    if mode == "concat":
        return kind(axis=concat_axis, name=name)
    if mode in ("dot", "cos"):
        axes = (
            dot_axes
            if not isinstance(dot_axes, Sequence) or isinstance(dot_axes[0], int)
            else [axis[0] for axis in dot_axes]
        )
        return kind(axes=axes, normalize=mode == "cos", name=name)
    return kind(name=name)


class MaxoutDense(Layer):
    """The largest of `nb_feature` dense outputs, for each of `output_dim` units: y = maxₖ (x·Wₖ + bₖ) (Keras 1)."""

    def __init__(self, output_dim: int, nb_feature: int = 4, init: Any = "glorot_uniform", **more: Any) -> None:
        dimension = more.pop("input_dim", None)
        if dimension is not None:
            more["input_shape"] = (dimension,)
        super().__init__(**more)
        self.output_dim, self.nb_feature = output_dim, nb_feature
        self.products = Dense(output_dim * nb_feature, kernel_initializer=init)

    def call(self, x: Tensor) -> Any:
        """Compute the output of the layer."""
        y = self.products(x)
        return F.max(F.reshape(y, (-1, self.nb_feature, self.output_dim)), axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape (batch, output_dim)."""
        return (None, self.output_dim)


class Joining(Layer):
    """The base of layers that join tensors of one shape: a subclass defines `_merge_function(inputs)` (Keras 2)."""

    def call(self, inputs: Sequence[Any]) -> Any:
        """Compute the output of the layer."""
        return self._merge_function(inputs)

    def _merge_function(self, inputs: Sequence[Any]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _merge_function(inputs)")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the first tensor."""
        return input_shape[0]
