"""Losses that are computed from any symbols of a functional model, before Keras 3.

`model.add_loss(symbol)` adds one; and a loss function of a script's own may compute with symbols that it finds around
it, as those of variational autoencoders do.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import FunctionType
from typing import Any

from .. import functions as F
from ..layers import Input, Layer
from ..layers.graph import SymbolicTensor, flat
from ..losses import Loss
from ..models import Functional
from ..symbol import on_symbols
from .eras import Era
from .spelling import Patch


class AddLoss(Layer):
    """Passes its first input on, and adds the mean of each other to what training is to minimise."""

    def call(self, inputs: Sequence[Any]) -> Any:
        """Return the first input."""
        y, *losses = inputs
        for loss in losses:
            self.add_loss(F.mean(loss) if loss.shape else loss)
        return y

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the first input."""
        return input_shape[0]


def patches(era: Era) -> list[Patch]:
    """Return how losses are called, and the method `add_loss` of functional models."""
    found: list[Patch] = [(Loss, "__call__", on_symbols(Loss.__call__))]
    if not era.old:
        return found
    of_tensors = Functional.add_loss

    def add_loss(self: Any, losses: Any, inputs: Any = None) -> None:
        """Add losses, tensors or symbols of this model."""
        symbols = [each for each in flat(losses) if isinstance(each, SymbolicTensor)]
        if not symbols:
            of_tensors(self, losses)
            return
        names, (first, *others) = self.output_names, self.outputs
        outputs = [AddLoss()([first, *symbols]), *others]
        self._take(self.input, outputs if isinstance(self.output, list | tuple) else outputs[0])
        self.output_names = names

    remembering = _remembering(Functional._total_loss)
    return [*found, (Functional, "add_loss", add_loss), (Functional, "_total_loss", remembering)]


def _remembering(total_loss: Callable[..., Any]) -> Callable[..., Any]:
    """Return the computation of a batch's loss, during which the model knows the batch."""

    def remembering(self: Any, batch: Any, training: bool, running: Any) -> Any:
        vars(self)["_at_hand"] = batch.x, training
        try:
            return total_loss(self, batch, training, running)
        finally:
            del self._at_hand

    return remembering


def with_symbols(model: Any, loss: Any, place: int = 0) -> Any:
    """Return what `compile` was given as a loss, so that functions among it may compute with symbols of the model.

    `place` is that of the output.
    """
    if isinstance(loss, Mapping):
        names = list(model.output_names)
        return {
            name: with_symbols(model, each, names.index(name) if name in names else 0) for name, each in loss.items()
        }
    if isinstance(loss, list | tuple):
        return [with_symbols(model, each, number) for number, each in enumerate(loss)]
    if not isinstance(loss, FunctionType) or loss.__module__.startswith("tinyconv."):
        return loss
    graph: list[Functional] = []  # from the inputs and the targets to the loss, once it is known that it has symbols

    @wraps(loss)
    def computed(y_true: Any, y_pred: Any) -> Any:
        if not graph:
            try:
                found = loss(y_true, y_pred)
            except Exception:
                if not isinstance(model, Functional) or not _on_symbols(model, loss, y_true, place, graph):
                    raise
            else:
                if not isinstance(found, SymbolicTensor):
                    return found
                _on_symbols(model, loss, y_true, place, graph)
        inputs, training = model._at_hand
        return graph[0]([*flat(inputs), y_true], training=training)

    return computed


def _on_symbols(model: Any, loss: Any, y_true: Any, place: int, graph: list[Functional]) -> bool:
    """Compute a loss on the symbols of the targets and of an output; return whether that works, and keep the graph."""
    targets = Input(y_true.shape[1:], dtype=str(y_true.dtype))
    try:
        found = loss(targets, model.outputs[place])
        graph.append(Functional([*model.inputs, targets], found))
    except Exception:
        return False
    return True
