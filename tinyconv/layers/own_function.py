"""Lambda: any function of a tensor as a layer."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import registry
from ..structure import flat_shapes
from ..tensor import as_tensor
from .graph import Shape
from .layer import Layer


class Lambda(Layer):
    """y = function(x, **arguments), where x is a tensor or a list of them.

    The function gets `training`, too, if it has an argument of that name. `output_shape`, without the batch axis, or a
    function from the shape of the input to that of the output, states the shape; else it is found by trying the
    function on zeros. A file holds the function's name, and no code: it is found again if it is registered.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: None = None,
        arguments: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, input_shape=input_shape)
        if not callable(function):
            raise self.error(f"needs a function of a tensor, got {function!r}")
        if mask is not None:
            raise self.error("got a mask, which tinyconv has not: leave it out")
        self.function, self.stated_shape = function, output_shape
        self.arguments = {} if arguments is None else dict(arguments)
        self._passes_training = "training" in inspect.getfullargspec(function).args

    def call(self, x: Any, training: bool) -> Any:
        """Return what the function returns."""
        more = {"training": training} if self._passes_training else {}
        y = self.function(x, **self.arguments, **more)
        return [as_tensor(each) for each in y] if isinstance(y, list | tuple) else as_tensor(y)

    def _shape_by_trying(self, input_shape: Any) -> Any:
        """Return the output's shape as it was stated, or by trying."""
        stated = self.stated_shape
        if stated is None:
            return super()._shape_by_trying(input_shape)
        if callable(stated):
            return _tuples(stated(input_shape))
        several = any(isinstance(each, list | tuple) for each in stated)
        batch = flat_shapes(input_shape)[0][0]
        return [(batch, *each) for each in stated] if several else (batch, *stated)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; of functions their names."""
        return {
            **super().get_config(),
            "function": registry.serialize(self.function),
            "output_shape": registry.serialize(self.stated_shape),
            "arguments": registry.serialize(self.arguments),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Lambda":
        """Return the layer that `get_config` described. Raises ValueError for functions that are not registered."""
        found = {which: _registered(config.get(which), config) for which in ("function", "output_shape")}
        known = {key: value for key, value in config.items() if key in ("name", "trainable", "dtype", "arguments")}
        return super().from_config({**known, **found})


def _registered(described: Any, config: Mapping[str, Any]) -> Any:
    """Return the function that is described by its name; what is no function, as it is."""
    if isinstance(described, Mapping) or (isinstance(described, str) and described):
        name = described.get("config") if isinstance(described, Mapping) else described
        found = registry.get_registered_object(name) if isinstance(name, str) else None
        if found is None:
            raise ValueError(
                f'Lambda "{config.get("name")}" calls code that is not taken from files: make its function a layer of '
                f"your own, or give the function a name and {registry.REGISTER} it"
            )
        return found
    if isinstance(described, list) and described and isinstance(described[0], str):  # Keras 2's code in base64
        return _registered({"config": None}, config)
    return described


def _tuples(shape: Any) -> Shape | list[Shape]:
    several = any(isinstance(each, list | tuple) for each in shape)
    return [tuple(each) for each in shape] if several else tuple(shape)
