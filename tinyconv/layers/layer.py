"""Layer: owns weights and state, calls functions. Names, arguments and weight order are Keras's."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from .. import config, constraints, initializers, names, regularizers
from ..arguments import flag, open_sizes, sizes
from ..registry import describe
from ..structure import dict_like, flat, flat_shapes, is_structure
from ..tensor import Tensor, as_array
from .building import building, by_arguments, once, open_batch, tried_shape, with_batch
from .calling import Calling, arguments_of, calling_on_several, on_several
from .graph import Node, Shape, connect, is_symbolic, shapes_of
from .holding import Holding
from .input_spec import check_inputs
from .parameter import Parameter
from .tracking import watch_for


class Layer(Holding):
    """Base of all layers, Keras's and your own.

    A subclass sets its arguments in `__init__`, after `super().__init__()`, makes weights with `add_weight` in `build`
    (called once, when the input's shape is known), and computes in `call(inputs)` or `call(inputs, training)`. Layers
    that it has as attributes, alone or in lists and dicts, belong to it: their weights are its weights. It may state
    its output's shape in `compute_output_shape`; else `call` is tried on zeros. Shapes start with the batch axis, which
    is None, as is any other length that is open.
    """

    name: str
    dtype: str
    call_nodes: list[Node]
    input_shape: Any = None  # a Shape, or a list of them; None until the layer is built
    output_shape: Any = None
    checks_shapes: ClassVar[bool] = False  # whether `checked_output_shape` is quick, and looks at every input
    _calls_with_training: ClassVar[bool] = True
    _default_training: ClassVar[bool] = False
    further_arguments: ClassVar[tuple[str, ...]] = (
        *("activity_regularizer", "autocast", "input_dim", "input_shape", "trainable"),
    )
    _takes_several: ClassVar[Any] = None  # the class whose `call` has several arguments

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "build" in vars(cls):
            cls.build = once(cls.build)  # type: ignore[method-assign]
        if "call" in vars(cls):
            training = inspect.signature(cls.call).parameters.get("training")
            cls._calls_with_training = training is not None
            cls._default_training = training is not None and training.default is True
            if len(arguments_of(cls.call)) > 1:
                cls.call = on_several(cls.call)  # type: ignore[method-assign]
                cls._takes_several = cls
                cls.__call__ = calling_on_several(cls.call)  # type: ignore[method-assign]
        if "compute_output_shape" in vars(cls):
            cls.compute_output_shape = by_arguments(cls.compute_output_shape)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        if isinstance(dtype, Mapping):  # Keras 3 describes a policy: {…, "config": {"name": "float32"}}
            dtype = dtype["config"]["name"]
        if dtype not in (None, "float32", "float64"):
            raise ValueError(f'dtype must be "float32" or "float64", got {dtype!r}')
        # What the layer owns itself: weights to be learnt, state, and layers within, each in the order it came.
        vars(self).update(_learnt=[], _state=[], _layers=[], _measures=[], call_nodes=[])
        self.name = name or names.automatic(type(self).__name__)
        self.dtype = dtype or config.floatx()
        self.batch_input_shape: Shape | None = (
            None if input_shape is None else (None, *open_sizes("input_shape", input_shape))
        )
        self._trainable = flag("trainable", trainable)

    def take_further(
        self,
        activity_regularizer: Any = None,
        autocast: bool = True,
        input_dim: int | None = None,
        input_shape: Sequence[int | None] | None = None,
        trainable: bool = True,
    ) -> None:
        """Take those of Keras's arguments of every layer that its class does not list itself.

        `input_dim` is the length of `input_shape` where that is one; there is nothing to cast, whatever `autocast` is.
        """
        shape = (input_dim,) if input_dim is not None else input_shape
        if shape is not None:
            self.batch_input_shape = (None, *open_sizes("input_shape", shape))
        if activity_regularizer is not None:
            self.activity_regularizer = activity_regularizer
        flag("autocast", autocast)
        if not flag("trainable", trainable):
            self.trainable = False

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for a copy or a pickle, without the calls on symbols, which belong to their model."""
        own = {name: list(vars(self)[name]) for name in ("_learnt", "_state", "_layers", "_measures")}
        return {**vars(self), **own, "call_nodes": [], "_added": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for value in state.values():
            watch_for(self, value)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of `input_shape`. Built once, a layer only checks that the shape fits."""
        self._build_by(lambda shape: None, input_shape)

    def _build_by(self, make: Callable[[Any], Any], input_shape: Any) -> None:
        """Build once, by `make`, unless this is a part of building that has begun."""
        with building():
            if self._building:
                make(input_shape)
                return
            shape = open_batch(input_shape)
            if self.built:
                self.checked_output_shape(shape)
                return
            check_inputs(self, shape)
            before = list(self._learnt), list(self._state), list(self._layers)
            self._building = True
            try:
                output_shape = self.checked_output_shape(shape) if self.checks_shapes else None
                make(shape)
                if not self.checks_shapes:
                    output_shape = self._shape_by_trying(shape)
            except BaseException:
                self._learnt[:], self._state[:], self._layers[:] = before
                self.built = False
                raise
            finally:
                self._building = False
            self.input_shape, self.output_shape = shape, output_shape
            self.built = True

    def _shape_by_trying(self, input_shape: Any) -> Any:
        """Return the output's shape by `compute_output_shape`, or by `call`, which also builds the layers within."""
        stated = type(self).compute_output_shape is not Layer.compute_output_shape
        if stated and all(layer.built for layer in self._layers):
            return self.compute_output_shape(input_shape)
        try:
            found = tried_shape(self._call_at_rest, input_shape, self.dtype)
        except Exception as error:
            raise self.error(
                f"could not be tried on zeros of shape {input_shape} ({error}): mend its call, or build its layers in "
                "build(input_shape) and state the output's shape in compute_output_shape(input_shape)"
            ) from error
        return self.compute_output_shape(input_shape) if stated else found

    def _call_at_rest(self, x: Any) -> Any:
        with Calling(self, False):
            return self.call(x, training=False) if self._calls_with_training else self.call(x)

    def call(self, *inputs: Any, **arguments: Any) -> Any:
        """Compute the output of the layer: a subclass defines `call(inputs)` or `call(inputs, training)`."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for inputs of `input_shape`."""
        shape = open_batch(input_shape)
        if not self.built:
            self.build(shape)
        found = self.output_shape if shape == self.input_shape else self._shape_by_trying(shape)
        return with_batch(found, flat_shapes(input_shape)[0][0])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer, under Keras's names."""
        own = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        penalty = self._activity_regularizer
        return own if penalty is None else {**own, "activity_regularizer": describe(penalty)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the layer that `get_config` described, here or in Keras 3, with new weights."""
        given = {name: value for name, value in config.items() if name not in ("trainable", "activity_regularizer")}
        layer = cls(**names.known_arguments(cls, given))
        layer.trainable = config.get("trainable", True)
        if config.get("activity_regularizer") is not None:
            layer.activity_regularizer = config["activity_regularizer"]
        return layer

    def checked_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for inputs of `input_shape`; an error names this layer."""
        if self.built and input_shape == self.input_shape:
            return self.output_shape
        return self.compute_output_shape(input_shape)

    def prepare(self, input_shape: Any) -> Any:
        """Check the shape of the input, or a list of them, build what is not built, return that of the output."""
        if not self.built:
            self.build(input_shape)
        return self.checked_output_shape(input_shape)

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Apply the layer to a tensor or an array; `training` is for dropout and batch normalization: see `calling`.

        On symbols, as `Input` makes them, return the symbol of the output: see `graph.py`.
        """
        if is_symbolic(inputs):
            return connect(self, inputs, training)
        x = inputs if isinstance(inputs, Tensor) else self._tensors(inputs)
        if self.checks_shapes or not self.built:
            self.prepare(shapes_of(x))
        self.check(x)
        with Calling(self, training, self._default_training) as call:
            y = self.call(x, training=call.training) if self._calls_with_training else self.call(x)
            return y if self._activity_regularizer is None else self.penalized(y)

    def _tensors(self, x: Any) -> Any:
        """Return an array as a tensor; a list or dict of tensors or arrays as one of tensors."""
        if isinstance(x, list | tuple) and any(hasattr(each, "shape") or is_structure(each) for each in x):
            return [each if isinstance(each, Tensor) else self._tensors(each) for each in x]
        if isinstance(x, dict):
            made = {name: each if isinstance(each, Tensor) else self._tensors(each) for name, each in x.items()}
            return dict_like(x, made.items())
        return Tensor(as_array(x, self.dtype))

    def check(self, x: Any) -> None:
        """Refuse a tensor, or one in a list, that the built layer cannot take."""
        for tensor in (x,) if isinstance(x, Tensor) else flat(x):
            if tensor.dtype != self.dtype:
                raise self.error(
                    f"got a tensor of {tensor.dtype}, its weights are {self.dtype}: convert with .astype(...)"
                )
            for weight in (*self._learnt[:1], *self._state[:1]):
                if weight.device != tensor.device:
                    raise self.error(
                        f"got a tensor on the {tensor.device}, its weights are on the {weight.device}: move one with "
                        '.to("cpu") or .to("gpu")'
                    )

    def error(self, message: str) -> ValueError:
        """Return a ValueError that names this layer."""
        return ValueError(f'layer "{self.name}" ({type(self).__name__}) {message}')

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: str | None = None,
        *,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Parameter:
        """Make a weight, register it and return it; one that is not `trainable` is state, and never learnt.

        `initializer` ("glorot_uniform" if None), `regularizer` and `constraint` are names or objects; a weight without
        a shape is a single number.
        """
        if isinstance(shape, str):
            raise self.error(f"makes a weight whose first argument is {shape!r}: give its name as name={shape!r}")
        if dtype not in (None, self.dtype):
            raise self.error(f"makes a weight of dtype {dtype}, but all of its weights are {self.dtype}")
        lengths = () if shape is None else sizes("shape", shape)
        first = initializers.get("glorot_uniform" if initializer is None else initializer)
        values = initializers.first_values(first, lengths, self.dtype)
        path = f"{self.name}/{name or names.automatic('variable')}"
        parameter = Parameter(values, path, trainable, regularizers.get(regularizer), constraints.get(constraint))
        self._hold(parameter)
        parameter.trainable = trainable and self.trainable
        return parameter

    @property
    def input(self) -> Any:
        """The symbol, or the list of them, that the layer was first called on; raises ValueError if there is none."""
        return self._first_node().given

    @property
    def output(self) -> Any:
        """The symbol, or the list of them, that the first call on symbols returned."""
        return self._first_node().result

    def _first_node(self) -> Node:
        if not self.call_nodes:
            raise self.error("is not a part of a model yet, so it has no input and output")
        return self.call_nodes[0]

    def __repr__(self) -> str:
        shape = f", output_shape={self.output_shape}" if self.built else ""
        return f"<{type(self).__name__} {self.name}{shape}>"


class OneInput(Layer):
    """Base of layers that take one tensor and, unless `compute_output_shape` says otherwise, keep its shape.

    `rank`, if set, is the number of axes that the input must have, batch axis included.
    """

    rank: ClassVar[int | None] = None
    checks_shapes = True

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layer."""
        raise NotImplementedError(f"{type(self).__name__} defines no call")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of `input_shape`."""
        return input_shape

    def checked_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the output for inputs of `input_shape`; an error names this layer."""
        if self.built and input_shape == self.input_shape:
            return self.output_shape
        if isinstance(input_shape, list | dict):
            several = f"a {type(input_shape).__name__} of {len(input_shape)}"
            raise self.error(f"takes one tensor, got {several}: join them first, with Concatenate")
        if self.rank is not None and len(input_shape) != self.rank:
            first = getattr(self, "data_format", None) == "channels_first"
            images = "(batch, channels, height, width)" if first else "(batch, height, width, channels)"
            axes = images if self.rank == 4 else "(batch, features)"
            raise self.error(f"got an input of shape {input_shape}, needs {self.rank} axes {axes}")
        try:
            return self.compute_output_shape(input_shape)
        except ValueError as error:
            raise self.error(f"got an input of shape {input_shape}: {error}") from None
