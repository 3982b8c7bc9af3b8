"""`cupy.ElementwiseKernel`: a kernel written around one expression."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .array import allocate, ndarray, wrap
from .compiler import sanitizers
from .raw import RawModule

C_NAMES = {
    np.dtype(dtype): name
    for dtype, name in {
        "bool": "bool",
        "int8": "signed char",
        "uint8": "unsigned char",
        "int16": "short",
        "uint16": "unsigned short",
        "int32": "int",
        "uint32": "unsigned int",
        "int64": "long long",
        "uint64": "unsigned long long",
        "float32": "float",
        "float64": "double",
    }.items()
}


@dataclass(frozen=True)
class Parameter:
    """One of "T x", "raw T y" or "float64 s": a placeholder, such as T, takes the dtype of the array it first meets."""

    raw: bool
    kind: str
    name: str

    @classmethod
    def read(cls, text: str) -> list["Parameter"]:
        """Return the parameters in a list such as "T x, raw T y, float64 s"."""
        parameters = []
        for one in filter(None, (part.strip() for part in text.split(","))):
            *words, kind, name = one.split()
            if words not in ([], ["raw"]):
                raise ValueError(f'a parameter is written "T x" or "raw T x", got {one!r}')
            parameters.append(cls(bool(words), kind, name))
        return parameters

    @property
    def fixed(self) -> np.dtype | None:
        """Its dtype if it names one; None for a placeholder, which is a single letter."""
        return None if len(self.kind) == 1 else np.dtype(self.kind)


class ElementwiseKernel:
    """Runs `operation` for each element `i`. It sees the elements by their parameters' names, and raw arrays whole.

    Called with the inputs, arrays or numbers, and then with the outputs, which are changed in place; without these,
    it makes them. As in CuPy, an array must have the very dtype of its parameter; a number is converted to it.
    """

    def __init__(
        self, in_params: str, out_params: str, operation: str, name: str = "kernel", *, preamble: str = ""
    ) -> None:
        self.name = name
        self._inputs, self._outputs = Parameter.read(in_params), Parameter.read(out_params)
        self._operation, self._preamble = operation, preamble

    def __call__(self, *args: Any, size: int | None = None) -> Any:
        parameters = [*self._inputs, *self._outputs]
        if len(args) not in (len(self._inputs), len(parameters)):
            raise TypeError(f"Wrong number of arguments for {self.name}: {len(args)}, not {len(parameters)}")
        for arg in args:
            if not isinstance(arg, (ndarray, bool, int, float, np.generic)):
                raise TypeError(f"Unsupported type {type(arg)}")
        if any(not isinstance(arg, ndarray) for arg in args[len(self._inputs) :]):
            raise TypeError("Output arguments must be cupy.ndarray")
        types = self._types(args)
        shape = self._shape(args, size)
        given = [arg._host if isinstance(arg, ndarray) else arg for arg in args]
        outputs = given[len(self._inputs) :] or [allocate(shape, types[one.kind]) for one in self._outputs]
        values = [
            self._value(one, types[one.kind], value, shape)
            for one, value in zip(parameters, [*given[: len(self._inputs)], *outputs], strict=True)
        ]
        count = int(np.prod(shape))
        if count:
            self._launch(types, values, count)
        for output, value in zip(outputs, values[len(self._inputs) :], strict=True):
            if value._host is not output:
                output[...] = value._host
        results = args[len(self._inputs) :] or tuple(wrap(output) for output in outputs)
        return results[0] if len(results) == 1 else tuple(results)

    def _types(self, args: tuple[Any, ...]) -> dict[str, np.dtype]:
        """Return the dtype of every kind of parameter, from the arrays given."""
        parameters = [*self._inputs, *self._outputs]
        types = {one.kind: one.fixed for one in parameters if one.fixed is not None}
        given = list(zip(parameters, args, strict=False))
        for one, arg in [*given[len(self._inputs) :], *given[: len(self._inputs)]]:
            if isinstance(arg, ndarray) and types.setdefault(one.kind, arg.dtype) != arg.dtype:
                raise TypeError(f"Type is mismatched. {one.name} {arg.dtype} {types[one.kind]}")
        for one in parameters:
            if one.kind not in types:
                raise TypeError(f"{self.name}: no array says what {one.kind} of {one.name} is")
        return types

    def _shape(self, args: tuple[Any, ...], size: int | None) -> tuple[int, ...]:
        """Return the shape that the arrays which are not raw have together; `size` is for kernels without such."""
        given = list(zip([*self._inputs, *self._outputs], args, strict=False))
        shapes = [arg.shape for one, arg in given if isinstance(arg, ndarray) and not one.raw]
        if size is not None:
            if shapes:
                raise ValueError("Specified 'size' can be used only if all of the ndarray are 'raw'.")
            return (size,)
        if not shapes:
            raise ValueError("Loop size is undecided.")
        shape = np.broadcast_shapes(*shapes)
        for one, arg in given[len(self._inputs) :]:
            if not one.raw and arg.shape != shape:
                raise ValueError(f"Out shape is mismatched: {arg.shape}, not {shape}")
        return shape

    def _value(self, one: Parameter, dtype: np.dtype, value: Any, shape: tuple[int, ...]) -> Any:
        """Return an argument as the kernel takes it: a contiguous array of all elements, or a number."""
        if not isinstance(value, np.ndarray):
            return dtype.type(value)
        wanted = value if one.raw else np.broadcast_to(value, shape)
        if wanted.flags.c_contiguous and wanted.shape == value.shape:
            wanted = value
        array = wrap(wanted)
        if not array.flags.c_contiguous:
            array = ndarray(wanted.shape, wanted.dtype)
            array._host[...] = wanted
        return array

    def _launch(self, types: dict[str, np.dtype], values: list[Any], count: int) -> None:
        code = self._code(types, [isinstance(value, ndarray) for value in values])
        block = 8 if sanitizers() == "thread" else 64
        kernel = RawModule(code=code).get_function(self.name)
        kernel((min(-(-count // block), 4),), (block,), (*values, np.int64(count)))

    def text(self, dtype: np.dtype) -> str:
        """Return the text of the kernel for arrays alone, every placeholder standing for `dtype`."""
        parameters = [*self._inputs, *self._outputs]
        return self._code({one.kind: one.fixed or dtype for one in parameters}, [True] * len(parameters))

    def _code(self, types: dict[str, np.dtype], is_array: list[bool]) -> str:
        """Return the text of the kernel; an element is a reference into its array, as in CuPy."""
        heads, elements = [], []
        parameters = [*self._inputs, *self._outputs]
        for one, whole in zip(parameters, is_array, strict=True):
            const = "" if one in self._outputs else "const "
            kind = f"{const}{C_NAMES[types[one.kind]]}"
            if not whole:
                heads.append(f"{kind} {one.name}")
            elif one.raw:
                heads.append(f"{kind}* {one.name}")
            else:
                heads.append(f"{kind}* {one.name}_")
                elements.append(f"        {kind}& {one.name} = {one.name}_[i];\n")
        names = {one.kind: C_NAMES[types[one.kind]] for one in parameters if one.fixed is None}
        return "".join(
            [
                *(f"typedef {name} {kind};\n" for kind, name in names.items()),
                self._preamble,
                f'\nextern "C" __global__ void {self.name}({", ".join(heads)}, long long count) {{\n',
                "    const long long first = blockIdx.x * (long long)blockDim.x + threadIdx.x;\n",
                "    for (long long i = first; i < count; i += (long long)gridDim.x * blockDim.x) {\n",
                *(line.replace(" = ", " [[maybe_unused]] = ") for line in elements),
                f"        {self._operation};\n    }}\n}}\n",
            ]
        )
