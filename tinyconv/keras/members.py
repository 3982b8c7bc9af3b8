"""What layers, models and optimizers had besides before Keras 3: names of weights, lists of layers that may be cut."""

from typing import Any

import numpy as np

from ..layers import Layer
from ..layers.graph import flat
from ..layers.parameter import Parameter
from ..layers.weighted import Weighted
from ..models import Functional, Model, Sequential
from ..optimizers import Optimizer
from .eras import Era
from .spelling import Patch
from .tape import GradientTape

# Preparations that a script may ask for, and that are none here.
PREPARATIONS = (
    *("_make_predict_function", "_make_train_function", "_make_test_function"),
    *("make_predict_function", "make_train_function", "make_test_function", "reset_states"),
)


def patches(era: Era) -> list[Patch]:
    """Return the attributes that classes had in an era."""
    if not era.old:
        return []
    found: list[Patch] = [(Model, name, _nothing) for name in PREPARATIONS]
    found += [(Layer, f"get_{end}_shape_at", _shape_at(end)) for end in ("input", "output")]
    found.append((Optimizer, "minimize", minimize))
    if era.before(2):
        found += [(Weighted, "W", Alias("kernel")), (Weighted, "b", Alias("bias"))]
        found += [(Parameter, "get_value", _values), (Parameter, "set_value", Parameter.assign)]
    if era.before(3):
        found += [(Functional, "layers", property(_kept_layers)), (Functional, "outputs", property(_outputs, _end_at))]
    if era.before(2, 2):
        outputs = property(vars(Sequential)["outputs"].fget, _end_stack_at)
        found += [(Sequential, "layers", property(Stacked)), (Sequential, "outputs", outputs)]
    return found


def _nothing(self: Any, *_: Any, **__: Any) -> None:
    """Do nothing: operations run when they are called."""


def _values(self: Parameter, borrow: bool = False) -> np.ndarray:
    """Return the values of a weight: what Theano's shared variables have."""
    return self.numpy().copy()


class Alias:
    """An attribute under another name, unless an object has one of its own under that."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, holder: Any, kind: type | None = None) -> Any:
        return self if holder is None else getattr(holder, self.name)


def _shape_at(end: str) -> Any:
    def found(self: Layer, node_index: int = 0) -> Any:
        node = self.call_nodes[node_index]
        value: Any = node.given if end == "input" else node.result
        return [each.shape for each in value] if isinstance(value, list | tuple) else value.shape

    return found


class Stacked(list[Any]):
    """The layers of a Sequential, up to Keras 2.1 the model's own list: what is taken off it is taken off the model."""

    def __init__(self, model: Any) -> None:
        super().__init__(model._stack)
        self.model = model

    def pop(self, index: Any = -1) -> Any:
        """Take the top layer off the model, and return it."""
        if index not in (-1, len(self) - 1):
            raise ValueError(f"of a model's layers the last can be taken off, got index {index}")
        super().pop()
        return self.model.pop()


def _end_stack_at(self: Any, outputs: Any) -> None:
    """Take off what lies above the layer that `outputs`, a list of its symbol, comes from."""
    (symbol,) = outputs
    if symbol not in self._symbols:
        raise ValueError(f"outputs must be that of a layer of the model, got {symbol}")
    while self._symbols[-1] is not symbol:
        self.pop()


def _kept_layers(self: Any) -> list[Any]:
    """Return the layers in one list, from which a script may take the last: the model's own, up to Keras 2."""
    order, kept = vars(self).get("_shown_layers", (None, None))
    if order is not self._order:
        kept = _today(self)
        vars(self)["_shown_layers"] = self._order, kept
    return kept


_today: Any = vars(Functional)["layers"].fget


def _outputs(self: Any) -> Any:
    return vars(self)["outputs"]


def _end_at(self: Any, outputs: Any) -> None:
    """Have a model end at other symbols: what a script does that has taken layers off its list."""
    wanted = flat(outputs)
    if all(a is b for a, b in zip(wanted, flat(self._ends[1]), strict=False)):
        vars(self)["outputs"] = outputs
        return
    shown = vars(self).get("_shown_layers")
    self._take(self.input, wanted[0] if len(wanted) == 1 else wanted)
    if shown is not None:
        vars(self)["_shown_layers"] = self._order, shown[1]


def minimize(
    self: Optimizer, loss: Any, var_list: Any, grad_loss: Any = None, name: Any = None, tape: Any = None
) -> None:
    """Make one update that lowers a loss: a function that computes it, or a tensor with the tape that recorded it."""
    variables = list(var_list() if callable(var_list) else var_list)
    if callable(loss):
        tape = GradientTape()
        with tape:
            tape.watch(variables)
            value = loss()
    elif tape is None:
        raise ValueError("minimize needs a function that computes the loss, or tape=, which recorded it")
    else:
        value = loss
    self.apply_gradients(zip(tape.gradient(value, variables, grad_loss), variables, strict=True))
