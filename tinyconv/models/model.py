"""Model: layers that belong together, with one set of weights."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from .. import kernels, names
from ..layers import Layer
from ..objectives import make_objectives
from ..structure import flat_shapes
from ..training import Trainer
from .summary import summary_lines


class Model(Layer, Trainer):
    """Base of all models: has layers, knows their weights, and trains as `Trainer` says. Any model is a layer, too.

    `Model(inputs, outputs)` makes a `Functional` one. A model of your own is a subclass that makes its layers in
    `__init__`, as attributes, and calls them in `call(inputs)` or `call(inputs, training)`: see `Layer`.
    """

    takes_any = True
    layers_first: ClassVar[bool] = False  # whether files have the layers before those that are attributes, as Keras's
    inputs: Any  # the symbols of the inputs and outputs, as lists
    outputs: Any
    files: ClassVar[Any]  # the room above, `saving.files`, which reads and writes them

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """Return a functional model for `Model(inputs, outputs)`."""
        if cls is not Model:
            return super().__new__(cls)
        from .functional import Functional

        return super().__new__(Functional)

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "make_train_function" in vars(cls):
            raise TypeError(f"{cls.__name__} defines make_train_function, which tinyconv does not call: use train_step")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        if arguments or "inputs" in named:
            from .functional import Functional, made_functional

            made_functional(type(self))
            Functional.__init__(self, *arguments, **named)  # type: ignore[arg-type]
            return
        super().__init__(**named)

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss, what `compile` was given, as one metric, and the metrics that are attributes."""
        return [*self._compiled_measures(), *self._own_metrics()]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [metric.name for metric in self.metrics]

    def _own_metrics(self) -> list[Any]:
        found = [each for layer in self.every_layer() for each in layer._measures]
        return list({id(each): each for each in found}.values())

    def _settle_outputs(self) -> None:
        known = list(self.output_names)
        if self._compiled is None or not self._name_outputs():
            return
        if known != list(self.output_names) or not self.objectives:
            self.objectives = make_objectives(self.output_names, *self._compiled.values())

    def _name_outputs(self) -> bool:
        """Name the outputs of a subclass that has been called; return whether there are several, or they are named."""
        shape = self.output_shape if self.takes_any and self.built else None
        if not isinstance(shape, list | dict):
            return False
        names = [f"output_{number}" for number, _ in enumerate(flat_shapes(shape), 1)]
        self.output_names = sorted(shape) if isinstance(shape, dict) and len(shape) == len(names) else names
        return True

    @property
    def layers(self) -> list[Any]:
        """The layers, or models used as such, in order."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """Return a layer by its name or its index."""
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f'model "{self.name}" has {len(layers)} layers, got index {index}')
            return layers[index]
        return names.look_up("layer", str(name), {layer.name: layer for layer in layers})

    def error(self, message: str) -> ValueError:
        """Return a ValueError that names this model."""
        return ValueError(f'model "{self.name}" {message}')

    def last_activation(self) -> Any:
        """Return the name of the activation that the output comes from, or None if it is not known; or a list."""
        return None

    def require_built(self) -> None:
        """Raise ValueError when the model's input shape is not known yet, and a layer of it is not built."""
        if not self.built and not (self._layers and all(layer.built for layer in self._layers)):
            raise self.error("does not know its input shape: call it on data, or build(input_shape)")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the functional model that `get_config` described, with new weights."""
        if cls is not Model:
            return super().from_config(config)
        from .functional import Functional

        return Functional.from_config(config)

    def to(self, device: str) -> Self:
        """Move all weights, and the state of the optimizer, to `device`, "cpu" or "gpu"; return the model.

        Batches follow by themselves. Raises DeviceError when there is no GPU.
        """
        self.require_built()
        for weight in self.weights:
            weight.data, weight.grad = kernels.move(weight.data, device), None
        if self.optimizer is not None:
            self.optimizer.to(device)
        self.device = device
        return self

    def count_params(self) -> int:
        """Return the number of values in all weights."""
        self.require_built()
        return super().count_params()

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Replace all weights, in the order of `get_weights`; nothing changes unless every shape fits."""
        self.require_built()
        super().set_weights(weights)

    def save_weights(self, filepath: str, overwrite: bool = True, *, note: dict[str, Any] | None = None) -> None:
        """Write all weights to a ".weights.h5" file, with the state of optimizer and dropout; or without to ".h5".

        Without they also go to ".safetensors", under the names of layers and weights, which other frameworks read. The
        file is written aside and renamed; without `overwrite` one that is there stays, and FileExistsError is
        raised. `note`, anything that JSON can hold, travels with it.
        """
        Model.files.save_weights(self, filepath, overwrite, note=note)

    def load_weights(self, filepath: str, skip_mismatch: bool = False, *, by_name: bool = False) -> None:
        """Read the weights in a file of any Keras; nothing changes unless all of it fits: see `saving.load_weights`."""
        Model.files.load_weights(self, filepath, skip_mismatch, by_name)

    def save(self, filepath: str, overwrite: bool = True) -> None:
        """Write the model, its weights and its training's state to ".keras" or ".h5": see `saving.save_model`."""
        Model.files.save_model(self, filepath, overwrite)

    def export(self, filepath: str, format: str = "onnx") -> None:
        """Write the model as an ONNX file, which other programs run: see `saving.onnx`. No other format is offered."""
        if format != "onnx":
            raise ValueError(f'format must be "onnx", got {format!r}: save writes what Keras opens')
        Model.files.export_model(self, filepath)

    def to_json(self) -> str:
        """Return the layers as JSON, as Keras 3 describes them: `tinyconv.models.model_from_json` reads it."""
        return str(Model.files.to_json(self))

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the layers, their output shapes and parameter counts, and the totals.

        `line_length` and `positions`, where columns end in parts of it, set the table's width; `print_fn` takes the
        text in place of `print`. `expand_nested` lists the layers of models within, `show_trainable` says which layers
        are trained, and `layer_range`, two names or patterns, lists only the layers from one to the other. Of what is
        not built yet, shape and parameters are not known.
        """
        lines = summary_lines(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print if print_fn is None else print_fn)("\n".join(lines))

    def __repr__(self) -> str:
        size = f", {self.count_params():,} parameters" if self.built else ", not built"
        count = f"{len(self.layers)} layer{'' if len(self.layers) == 1 else 's'}"
        return f"<{type(self).__name__} {self.name}: {count}{size}>"
