"""The input of a model: InputLayer, and Input, which makes one and returns its symbol."""

from collections.abc import Sequence
from typing import Any, Self

from ..arguments import size
from ..tensor import Tensor
from .graph import Node, SymbolicTensor
from .layer import OneInput


class InputLayer(OneInput):
    """States the shape of a model's input, without the batch axis, or with it as `batch_shape`; passes tensors through.

    A batch of any size fits, whatever `batch_size` or `batch_shape` say.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: None = None,
        optional: bool = False,
        name: str | None = None,
    ) -> None:
        for argument, value in {
            "sparse": sparse,
            "ragged": ragged,
            "input_tensor": input_tensor,
            "optional": optional,
        }.items():
            if value is not None and value is not False:
                raise ValueError(f"{argument} is not offered, inputs are whole arrays, each given to fit: leave it out")
        if batch_shape is not None:
            if shape is not None:
                raise ValueError(f"one of shape and batch_shape may be given, got {shape} and {batch_shape}")
            shape = batch_shape[1:]
        if shape is None:
            raise ValueError("Input needs shape, that of one sample, such as (28, 28, 1)")
        if batch_size is not None:
            size("batch_size", batch_size)
        super().__init__(name=name, dtype=dtype, input_shape=shape)
        self.prepare(self.batch_input_shape)
        Node(self, [], self.output_shape)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        Node(self, [], self.output_shape)

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Return the input."""
        return x

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {"batch_shape": self.batch_input_shape, "dtype": self.dtype, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer that `get_config` described."""
        return cls(config["batch_shape"][1:], name=config["name"], dtype=config["dtype"])


def Input(  # noqa: N802
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Return the input of a model, a symbol: `shape` is that of one sample, such as (28, 28, 1).

    A length that is None is open: (None, None, 3) is an image of any size. `batch_shape` has the batch axis in front.
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
