"""Losses that are computed from any symbols of a functional model, before Keras 3.

`model.add_loss(symbol)` adds one; and a loss function of a script's own may compute with symbols that it finds around
it, as those of variational autoencoders do.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import FunctionType
from typing import Any

from .. import functions as F
from ..layers import Layer
from ..layers.graph import SymbolicTensor, flat
from ..models import Functional
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
    """Return the method `add_loss` of functional models."""
    if not era.old:
        return []
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

    return [(Functional, "add_loss", add_loss), (Functional, "_total_loss", _remembering(Functional._total_loss))]


def _remembering(total_loss: Callable[..., Any]) -> Callable[..., Any]:
    """Return the computation of a batch's loss, during which the model knows the batch."""

    def remembering(self: Any, batch: Any, training: bool, running: Any) -> Any:
        vars(self)["_at_hand"] = batch.x, training
        try:
            return total_loss(self, batch, training, running)
        finally:
            del self._at_hand

    return remembering


def with_symbols(model: Any, loss: Any) -> Any:
    """Return what `compile` was given as a loss, so that functions among it may return symbols of the model."""
    if isinstance(loss, Mapping):
        return {name: with_symbols(model, each) for name, each in loss.items()}
    if isinstance(loss, list | tuple):
        return [with_symbols(model, each) for each in loss]
    if not isinstance(loss, FunctionType) or loss.__module__.startswith("tinyconv."):
        return loss

    @wraps(loss)
    def computed(y_true: Any, y_pred: Any) -> Any:
        found = loss(y_true, y_pred)
        if not isinstance(found, SymbolicTensor):
            return found
        inputs, training = model._at_hand
        return Functional(model.input, found)(inputs, training=training)

    return computed
