"""InputSpec: what a layer of one's own says of its inputs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self


class InputSpec:
    """What an input must be: its shape, or the number of its axes, exact or in bounds, and lengths of some `axes`.

    A layer that has one as `input_spec`, or a list of them for several inputs, is built only for inputs that fit.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype, self.shape = dtype, None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim, self.min_ndim, self.name, self.optional = max_ndim, min_ndim, name, optional
        self.axes = {int(axis): length for axis, length in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze

    def misfit(self, shape: Sequence[int | None]) -> str | None:
        """Return what an input of `shape` lacks, in a few words; None if it fits. Open lengths could be any."""
        rank = len(shape)
        for wanted, fits, word in (
            (self.ndim, rank == self.ndim, ""),
            (self.min_ndim, rank >= (self.min_ndim or 0), "at least "),
            (self.max_ndim, self.max_ndim is None or rank <= self.max_ndim, "at most "),
        ):
            if wanted is not None and not fits:
                return f"needs {word}{wanted} axes"
        lengths = {**dict(enumerate(self.shape or ())), **self.axes}
        for axis, length in lengths.items():
            if axis >= rank or axis < -rank:
                return f"has no axis {axis}"
            if length is not None and shape[axis] not in (None, length):
                return f"needs a length of {length} along axis {axis}"
        return None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal one, as Keras lists them."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the one that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        said = {name: value for name, value in self.get_config().items() if value}
        return f"InputSpec({', '.join(f'{name}={value}' for name, value in said.items())})"


def check_inputs(layer: Any, shape: Any) -> None:
    """Refuse shapes that do not fit what the layer has as `input_spec`."""
    specs = vars(layer).get("input_spec")
    if specs is None:
        return
    shapes = shape if isinstance(shape, list) else [shape]
    several: Iterable[Any] = specs if isinstance(specs, list | tuple) else [specs] * len(shapes)
    for spec, each in zip(several, shapes, strict=False):
        misfit = spec.misfit(each) if isinstance(spec, InputSpec) else None
        if misfit:
            raise layer.error(f"got an input of shape {each}, {misfit}: its input_spec is {spec}")
