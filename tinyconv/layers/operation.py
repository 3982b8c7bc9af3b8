"""Operation: the call of a function on symbols, `x + y` or `F.mean(x, axis=1)`, as a layer of the model it becomes."""

from collections.abc import Callable
from typing import Any

from .. import names
from ..structure import flat
from ..symbol import symbols_in
from ..tensor import Tensor, as_tensor
from .building import tried_shape
from .calling import Calling
from .graph import Node, SymbolicTensor, is_symbolic
from .layer import Layer

# Keras's names of operations that go by another here.
TITLES = {"getitem": "GetItem", "divide": "TrueDivide", "to_device": "ToDevice"}


class Place:
    """Where, among the arguments of a call, the tensor stands that comes as number `index`."""

    def __init__(self, index: int) -> None:
        self.index = index


class Operation(Layer):
    """A layer that calls `function` with the arguments that it was called with, tensors in the place of symbols.

    It is made by the call: `result` is the symbol of what the function returns, or a list of them. The shape is found
    by trying the function on zeros. Weights among the arguments are used, and not the layer's: the model that it is a
    part of does not train them.
    """

    arguments: tuple[Any, Any]
    side_by_side: list[tuple[int, Any]] | None

    def __init__(self, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> None:
        name = str(getattr(function, "__name__", type(function).__name__)).strip("_<>")
        self.title = TITLES.get(name, "".join(word[:1].upper() + word[1:] for word in name.split("_")))
        symbols: list[Any] = list(symbols_in((given, named)))
        super().__init__(name=names.automatic(names.snake_case(self.title)), dtype=symbols[0].dtype)
        self.input_dtypes = [symbol.dtype for symbol in symbols]
        self.function = function
        places = iter(range(len(symbols)))
        # Past `__setattr__`, which would make weights among them the layer's own.
        vars(self)["arguments"] = _replaced((given, named), SymbolicTensor, lambda _: Place(next(places)))
        # Where all tensors stand side by side: of each argument its tensor's index, or −1 and its value.
        inside = (
            next(symbols_in([each for each in given if not isinstance(each, SymbolicTensor)] + [named]), None)
            is not None
        )
        given = vars(self)["arguments"][0]
        plain = [(each.index, None) if isinstance(each, Place) else (-1, each) for each in given]
        vars(self)["side_by_side"] = None if inside else plain
        one = symbols[0] if len(symbols) == 1 else symbols
        node = Node(self, one, self.prepare(_mapped(one)))
        for symbol, dtype in zip(node.outputs, self.output_dtypes, strict=True):
            symbol.dtype = dtype
        self.dtype = self.output_dtypes[0]

    @property
    def result(self) -> Any:
        """The symbol of the first call's result, or a list of them."""
        return self.call_nodes[0].result

    def call(self, x: Any, training: bool = False) -> Any:
        """Return what the function returns with the tensors `x`, one or a list, in the places of the symbols."""
        tensors = [x] if isinstance(x, Tensor) else flat(x)
        given, named = self.arguments
        if self.side_by_side is not None:
            given = [value if index < 0 else tensors[index] for index, value in self.side_by_side]
        else:
            given, named = _replaced((given, named), Place, lambda place: tensors[place.index])
        result = self.function(*given, **named)
        if isinstance(result, Tensor):
            return result
        if isinstance(result, list | tuple):
            return [_tensor(each, self.title) for each in result]
        return _tensor(result, self.title)

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Call the function on tensors; on symbols, return the symbol of the result, or a list of them."""
        if is_symbolic(inputs):
            return Node(self, inputs, self.prepare(_mapped(inputs)), training).result
        with Calling(self, training):
            return self.call(inputs)

    def prepare(self, input_shape: Any) -> Any:
        """Return the shape of the result, or a list of them, for tensors of these shapes."""
        if self.built and input_shape == self.input_shape:
            return self.output_shape

        def noted(x: Any) -> Any:
            result = self.call(x)
            self.output_dtypes = [each.dtype.name for each in flat(result)]
            return result

        try:
            shape = tried_shape(noted, input_shape, self.input_dtypes)
        except Exception as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{self.title} of symbols of shape {input_shape}: {error}") from error
        if not self.built:
            self.input_shape, self.output_shape, self.built = input_shape, shape, True
        return shape

    def checked_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the result, or a list of them, for tensors of these shapes."""
        return self.prepare(input_shape)


def _tensor(result: Any, title: str) -> Tensor:
    if not hasattr(result, "dtype"):
        raise TypeError(f"returns a {type(result).__name__}, {title} of symbols must return tensors or arrays")
    return as_tensor(result)


def _mapped(symbols: Any) -> Any:
    """Return the shape of a symbol, or a list of them, for a list."""
    return [symbol.shape for symbol in symbols] if isinstance(symbols, list) else symbols.shape


def _replaced(value: Any, kind: type, replacement: Callable[[Any], Any]) -> Any:
    """Return a value, of lists, tuples and dicts a copy, in which what is of a kind is replaced."""
    if isinstance(value, kind):
        return replacement(value)
    if isinstance(value, list | tuple):
        return type(value)([_replaced(each, kind, replacement) for each in value])
    if isinstance(value, dict):
        return {name: _replaced(each, kind, replacement) for name, each in value.items()}
    return value
