"""Weights of a script's own layers and metrics before Keras 3: `add_weight` with the name first, lists of weights."""

from typing import Any

from ..initializers import Initializer
from ..layers import Layer
from ..layers.holding import Holding
from ..metrics import Metric
from .eras import Era
from .spelling import Patch
from .tape import Variable

ORDER = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
OF_METRICS = ("name", "shape", "aggregation", "initializer")
DROPPED = ("partitioner", "use_resource", "synchronization", "aggregation", "experimental_autocast", "collections")


def patches(era: Era) -> list[Patch]:
    """Return how scripts of an era make weights."""
    if not era.old:
        return []
    today, of_metrics = Layer.add_weight, Metric.add_variable

    def add_weight(self: Layer, *given: Any, **named: Any) -> Any:
        """Make a weight of the layer; one that is set to be trained or not by None is trained."""
        if given and not isinstance(given[0], str) and given[0] is not None:  # Keras 1: the shape first
            return today(self, *given, **named)
        arguments = {**dict(zip(ORDER, given, strict=False)), **named}
        if arguments.get("trainable") is None:
            arguments.pop("trainable", None)
        if arguments.get("shape") is not None:
            arguments["shape"] = tuple(int(length) for length in arguments["shape"])
        # All weights of a layer have one dtype here.
        return today(self, **{name: value for name, value in arguments.items() if name not in (*DROPPED, "dtype")})

    def add_variable(self: Metric, *given: Any, **named: Any) -> Any:
        """Make a variable of the metric."""
        if given and not isinstance(given[0], str) and given[0] is not None:
            return of_metrics(self, *given, **named)
        arguments = {**dict(zip(OF_METRICS, given, strict=False)), **named}
        unused = (*DROPPED, "dtype")
        kept = {name: value for name, value in arguments.items() if name not in unused and value is not None}
        return of_metrics(self, **kept)

    def set_weights_to_train(self: Layer, weights: Any) -> None:
        """Take in the weights of a list: Keras 1's `self.trainable_weights = [self.W]`."""
        for weight in weights:
            self._hold(weight)

    def set_weights_to_keep(self: Layer, weights: Any) -> None:
        """Take in the weights of a list, which are not trained."""
        for weight in weights:
            weight.trainable = False
            self._hold(weight)

    initial = Initializer.__call__

    def variable(self: Initializer, shape: Any, *given: Any, name: str | None = None, **named: Any) -> Any:
        """Return first values; under a name, a variable that holds them: `self.init((3, 4), name="W")` of Keras 1."""
        if name is None:
            return initial(self, shape, *given, **named)
        return Variable(initial(self, tuple(shape)), name=name)

    return [
        (Initializer, "__call__", variable),
        (Layer, "trainable_weights", property(vars(Holding)["trainable_weights"].fget, set_weights_to_train)),
        (Layer, "non_trainable_weights", property(vars(Holding)["non_trainable_weights"].fget, set_weights_to_keep)),
        (Layer, "add_weight", add_weight),
        (Layer, "add_variable", add_weight),
        (Metric, "add_weight", add_variable),
        (Metric, "add_variable", add_variable),
    ]
