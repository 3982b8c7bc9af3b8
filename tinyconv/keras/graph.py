"""`Graph`: models of Keras 0.x, whose nodes, inputs and outputs are known by their names."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import layers
from ..models import Model
from .merging import MODES


class Graph:
    """A model that is put together by names: `add_input`, `add_node`, `add_output`, then `compile` and `fit`.

    Data are dicts by the names of inputs and outputs, and so is what `predict` returns.
    """

    def __init__(self) -> None:
        self.symbols: dict[str, Any] = {}
        self.input_order: list[str] = []
        self.output_order: list[str] = []
        self.nodes: dict[str, Any] = {}
        self.model: Any = None

    def add_input(self, name: str, input_shape: Sequence[int] | None = None, **more: Any) -> None:
        """Add an input of a shape without its batch axis."""
        shape = more.get("batch_input_shape", (None, *(input_shape or ())))[1:]
        self.symbols[name] = layers.Input(tuple(shape), name=name)
        self.input_order.append(name)

    def add_node(
        self,
        layer: Any,
        name: str,
        input: str | None = None,
        inputs: Sequence[str] = (),
        merge_mode: str = "concat",
        concat_axis: int = -1,
        create_output: bool = False,
        **more: Any,
    ) -> None:
        """Add a layer on top of one node, or of several that `merge_mode` joins."""
        below = self._joined(inputs, merge_mode, concat_axis) if inputs else self.symbols[str(input)]
        self.nodes[name] = layer
        if isinstance(below, list) and isinstance(layer, layers.Lambda):
            function = layer.function  # which takes the tensors by their names
            layer.function = lambda tensors: function(
                dict(enumerate(tensors)) if len(inputs) != len(tensors) else dict(zip(inputs, tensors, strict=True))
            )
        self.symbols[name] = layer(below)
        if create_output:
            self.add_output(name, input=name)

    def add_shared_node(
        self,
        layer: Any,
        name: str,
        inputs: Sequence[str] = (),
        merge_mode: str | None = None,
        concat_axis: int = -1,
        outputs: Sequence[str] = (),
        create_output: bool = False,
        **more: Any,
    ) -> None:
        """Add a layer that several nodes go through: its outputs get names of their own, or are joined."""
        self.nodes[name] = layer
        for place, each in enumerate(inputs):
            self.symbols[outputs[place] if outputs else f"{name}_{place}"] = layer(self.symbols[each])
        if merge_mode:
            made = [f"{name}_{place}" for place in range(len(inputs))] if not outputs else list(outputs)
            self.symbols[name] = self._joined(made, merge_mode, concat_axis)
            if create_output:
                self.add_output(name, input=name)

    def add_output(
        self, name: str, input: str | None = None, inputs: Sequence[str] = (), merge_mode: str = "concat", **more: Any
    ) -> None:
        """Add an output: a node, or several joined."""
        joined = self._joined(inputs, merge_mode, more.get("concat_axis", -1)) if inputs else self.symbols[str(input)]
        self.symbols[name] = layers.Activation("linear", name=f"{name}_" if name in self.symbols else name)(joined)
        self.output_order.append(name)

    def _joined(self, names: Sequence[str], mode: str, axis: int) -> Any:
        if mode == "join":  # for a Lambda of a list
            return [self.symbols[name] for name in names]
        kind = getattr(layers, MODES[mode])
        return (kind(axis=axis) if mode == "concat" else kind())([self.symbols[name] for name in names])

    def compile(self, optimizer: Any, loss: Mapping[str, Any], **more: Any) -> None:
        """Choose how to learn: a loss for each output by its name."""
        inputs, outputs = ([self.symbols[name] for name in order] for order in (self.input_order, self.output_order))
        self.model = Model(inputs, outputs[0] if len(outputs) == 1 else outputs)
        self.model.compile(optimizer, [loss[name] for name in self.output_order], **more)

    def fit(self, data: Mapping[str, Any], batch_size: int = 128, nb_epoch: int = 100, **more: Any) -> Any:
        """Train on a dict of arrays by the names of inputs and outputs."""
        held_out = more.get("validation_data")
        if isinstance(held_out, Mapping):
            more["validation_data"] = self._inputs(held_out), self._outputs(held_out)
        given = self._inputs(data), self._outputs(data)
        return self.model.fit(*given, batch_size=batch_size, nb_epoch=nb_epoch, **more)

    def evaluate(self, data: Mapping[str, Any], batch_size: int = 128, **more: Any) -> Any:
        """Return the loss on a dict of arrays."""
        return self.model.evaluate(self._inputs(data), self._outputs(data), batch_size=batch_size, **more)

    def predict(self, data: Mapping[str, Any], batch_size: int = 128, **more: Any) -> dict[str, Any]:
        """Return a dict of outputs by their names."""
        found = self.model.predict(self._inputs(data), batch_size=batch_size, **more)
        return dict(zip(self.output_order, found if isinstance(found, list) else [found], strict=True))

    def train_on_batch(self, data: Mapping[str, Any], **more: Any) -> Any:
        """Make one update on a dict of arrays."""
        return self.model.train_on_batch(self._inputs(data), self._outputs(data), **more)

    def _inputs(self, data: Mapping[str, Any]) -> Any:
        return self._of(data, self.input_order)

    def _outputs(self, data: Mapping[str, Any]) -> Any:
        return self._of(data, self.output_order)

    @staticmethod
    def _of(data: Mapping[str, Any], names: Sequence[str]) -> Any:
        found = [data[name] for name in names]
        return found[0] if len(found) == 1 else found

    def __getattr__(self, name: str) -> Any:
        if name == "model" or vars(self).get("model") is None:
            raise AttributeError(f"a Graph has no {name} before compile")
        return getattr(self.model, name)
