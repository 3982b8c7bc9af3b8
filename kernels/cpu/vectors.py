"""Vector registers inside compiled kernels: code that a loop leaves to the compiler's guess, spelled out.

A function marked `@in_registers` is plain Python about vectors of LANES numbers. It runs while a kernel is compiled:
its loops unroll, its arithmetic becomes one machine instruction each, and nothing of it is left to run later. So a
butterfly of a Winograd transform reads as in its paper and is 40 instructions, without the questions a compiled loop
must ask (do these arrays overlap? is this index negative?), and it compiles in a tenth of the time.

    array arguments     `a[i]` is the vector of the LANES elements from flat position i on, `a[i] = v` writes one, or
                        a number to all lanes; `a.each(i)` is element i in every lane; `a.zero()` is LANES zeros;
                        `a.put(i, n)` writes a whole number to element i, in an array of those; positions are not
                        checked
    whole numbers       add, subtract and multiply to positions; `where` takes one, or a truth value, as a condition
    floating numbers    the same value in every lane
    tuples              of whole numbers, their length, a number that is known when the kernel is compiled; of arrays
                        and numbers, a tuple of these
    arrays of bytes     `a[i]` is LANES small whole numbers, which `where` makes and `equal` asks for

A product that is added to something at once is fused with the sum and rounded once. The instructions stand as written,
never reordered: the same bits whatever the compiler does around them. Without the JIT the function simply runs, on
slices.
"""

import inspect
import platform
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import config
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

__all__ = [
    "LANES",
    "add_outer_product",
    "at_least",
    "at_most",
    "equal",
    "fetch",
    "in_any",
    "in_registers",
    "is_nan",
    "is_nonzero",
    "repeat",
    "transposed",
    "where",
    "wide",
]

_FEATURES = binding.get_host_cpu_features()

# float32 in the widest vector register; where registers are narrower still, a vector takes two.
LANES = 16 if _FEATURES.get("avx512f") else 8

# Without the instruction, a fused product would be a call to a function, a number at a time.
_FUSES = _FEATURES.get("fma", platform.machine().lower() not in ("x86_64", "amd64"))


def in_registers(function: Callable[..., None]) -> Callable[..., None]:
    """Let compiled kernels call `function(*arrays and numbers)` as vector code. Arrays must be C-contiguous."""
    if config.DISABLE_JIT:
        # As registers do, in silence: rows that only fill a piece may hold any numbers.
        return np.errstate(all="ignore")(lambda *arguments: function(*map(_plain, arguments)))

    def typed(_: Any, *given: Any) -> Any:
        kinds = [types.intp if isinstance(kind, types.Integer | types.Boolean) else kind for kind in given]

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function(*(_staged(context, builder, *pair) for pair in zip(signature.args, arguments, strict=True)))
            return context.get_dummy_value()

        return types.void(*kinds), generate

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([context, *inspect.signature(function).parameters.values()])
    typed.__signature__ = signature  # type: ignore[attr-defined]
    typed.__name__, typed.__doc__ = function.__name__, function.__doc__
    return intrinsic(typed)


def repeat(count: Any, body: Callable[..., Sequence[Any]], state: Sequence[Any]) -> Sequence[Any]:
    """Return `state` after state = body(i, *state) for i = 0 … count − 1: a loop that stays a loop."""
    if not isinstance(count, Index):
        for i in range(count):
            state = body(i, *state)
        return state
    builder = count.builder
    before, loop, after = builder.block, builder.append_basic_block("repeat"), builder.append_basic_block("done")
    start = [vector.value for vector in state]
    zero = ir.Constant(count.value.type, 0)
    builder.cbranch(builder.icmp_signed(">", count.value, zero), loop, after)
    builder.position_at_end(loop)
    i = builder.phi(count.value.type)
    carried = [builder.phi(value.type) for value in start]
    results = [vector.value for vector in body(Index(builder, i), *(Vector(builder, value) for value in carried))]
    following = builder.add(i, ir.Constant(i.type, 1))
    last = builder.block
    builder.cbranch(builder.icmp_signed("<", following, count.value), loop, after)
    i.add_incoming(zero, before)
    i.add_incoming(following, last)
    builder.position_at_end(after)
    ends = []
    for phi, first, result in zip(carried, start, results, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(result, last)
        end = builder.phi(result.type)
        end.add_incoming(first, before)
        end.add_incoming(result, last)
        ends.append(Vector(builder, end))
    return ends


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return `a` in the lanes where `condition` holds, `b` in the others: vectors or numbers; of two numbers, bytes.

    A condition that is one whole number, or a truth value, holds in all lanes or in none.
    """
    if isinstance(condition, Index):
        holds = condition.builder.icmp_signed("!=", condition.value, ir.Constant(condition.value.type, 0))
        return Vector(a.builder, a.builder.select(holds, a.value, a.like(b).value))
    if not isinstance(condition, Vector):
        return np.where(condition, a, b)
    if not isinstance(a, Vector) and not isinstance(b, Vector):
        a = Vector(condition.builder, _constant(ir.VectorType(ir.IntType(8), LANES), a))
    a, b = (a, a.like(b)) if isinstance(a, Vector) else (b.like(a), b)
    return Vector(condition.builder, condition.builder.select(condition.value, a.value, b.value))


def at_least(value: Any, floor: Any) -> Any:
    """Return max(value, floor) in each lane; NaN stays NaN, since no comparison with it holds."""
    return where(value <= floor, floor, value)


def at_most(value: Any, top: Any) -> Any:
    """Return min(value, top) in each lane; NaN stays NaN."""
    return where(value > top, top, value)


def add_outer_product(sums: Sequence[Any], column: Sequence[Any], row: Sequence[Any]) -> list[Any]:
    """Return sums[i, j] + column[i]·row[j], with `sums` in row-major order: one term of a micro-kernel's product."""
    return [column[n // len(row)] * row[n % len(row)] + total for n, total in enumerate(sums)]


def is_nan(a: Any) -> Any:
    """Return in which lanes the vector is not a number."""
    if not isinstance(a, Vector):
        return np.isnan(a)
    return Vector(a.builder, a.builder.fcmp_unordered("uno", a.value, a.value))


def is_nonzero(a: Any) -> Any:
    """Return in which lanes the vector is not 0; NaN is not."""
    if not isinstance(a, Vector):
        return a != 0
    return Vector(a.builder, a.builder.fcmp_unordered("!=", a.value, a.like(0).value))


def in_any(condition: Any) -> Any:
    """Return whether `condition` holds in any lane: a whole number, 1 or 0."""
    if not isinstance(condition, Vector):
        return int(np.any(condition))
    builder, bits = condition.builder, condition.builder.bitcast(condition.value, ir.IntType(LANES))
    return Index(builder, builder.zext(builder.icmp_signed("!=", bits, ir.Constant(bits.type, 0)), ir.IntType(64)))


def equal(a: Any, number: int) -> Any:
    """Return in which lanes a vector of bytes is `number`."""
    if not isinstance(a, Vector):
        return a == number
    return Vector(a.builder, a.builder.icmp_signed("==", a.value, a.like(number).value))


def transposed(rows: Sequence[Any]) -> list[Any]:
    """Return the LANES columns of a square of LANES rows: 2×2 blocks change places at each power of two."""
    rows = list(rows)
    lanes = np.arange(LANES)
    for size in (1, 2, 4, 8)[: LANES.bit_length() - 1]:
        upper = lanes & size == 0
        for i in lanes[upper]:
            a, b = rows[i], rows[i + size]
            rows[i] = _mixed(a, b, np.where(upper, lanes, lanes - size + LANES))
            rows[i + size] = _mixed(a, b, np.where(upper, lanes + size, lanes + LANES))
    return rows


def _mixed(a: Any, b: Any, lanes: np.ndarray) -> Any:
    """Return the given lanes of `a`, numbered from 0, and of `b`, numbered from LANES."""
    if not isinstance(a, Vector):
        return np.concatenate([a, b])[lanes]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes.tolist())
    return Vector(a.builder, a.builder.shuffle_vector(a.value, b.value, mask))


def fetch(array: Any, at: Any) -> None:
    """Ask for element `at` of an array to be brought to the second-level cache; behind its end, nothing comes of it."""
    if isinstance(array, _Memory):
        builder, whole = array.builder, ir.IntType(32)
        place = builder.bitcast(array.address(at), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, whole, whole, whole])
        to_read, second_level, data = whole(0), whole(2), whole(1)
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(call, [place, to_read, second_level, data])


def wide(vector: Any) -> Any:
    """Return a vector in double precision."""
    if not isinstance(vector, Vector):
        return vector.astype(np.float64)
    if isinstance(vector.value.type.element, ir.DoubleType):
        return vector
    return Vector(vector.builder, vector.builder.fpext(vector.value, ir.VectorType(ir.DoubleType(), LANES)))


class Index:
    """A whole number of the kernel that is being compiled."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def _other(self, other: Any) -> Any:
        return other.value if isinstance(other, Index) else ir.Constant(self.value.type, other)

    def __add__(self, other: Any) -> "Index":
        return Index(self.builder, self.builder.add(self.value, self._other(other)))

    def __sub__(self, other: Any) -> "Index":
        return Index(self.builder, self.builder.sub(self.value, self._other(other)))

    def __mul__(self, other: Any) -> "Index":
        return Index(self.builder, self.builder.mul(self.value, self._other(other)))

    __radd__, __rmul__ = __add__, __mul__


class Vector:
    """LANES numbers in a register of the kernel that is being compiled."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def like(self, other: Any) -> "Vector":
        """Return `other` if it is a vector, else a vector that holds the number in every lane."""
        return other if isinstance(other, Vector) else Vector(self.builder, _constant(self.value.type, other))

    def __add__(self, other: Any) -> "Vector":
        if isinstance(other, Product):
            return other + self
        return Vector(self.builder, self.builder.fadd(self.value, self.like(other).value))

    def __sub__(self, other: Any) -> "Vector":
        if isinstance(other, Product):
            return -other + self
        return Vector(self.builder, self.builder.fsub(self.value, self.like(other).value))

    def __mul__(self, other: Any) -> "Vector":
        return Product(self.builder, (self, self.like(other)))

    __rmul__ = __mul__

    def __or__(self, other: "Vector") -> "Vector":
        return Vector(self.builder, self.builder.or_(self.value, other.value))

    def __gt__(self, other: Any) -> "Vector":
        return Vector(self.builder, self.builder.fcmp_ordered(">", self.value, self.like(other).value))

    def __le__(self, other: Any) -> "Vector":
        return Vector(self.builder, self.builder.fcmp_ordered("<=", self.value, self.like(other).value))


class Product(Vector):
    """A product that is computed by itself only if it is not added to something."""

    def __init__(self, builder: Any, factors: tuple[Vector, Vector]) -> None:
        self.builder, self.factors = builder, factors
        self._value = None

    @property
    def value(self) -> Any:
        """The product, rounded."""
        if self._value is None:
            self._value = self.builder.fmul(self.factors[0].value, self.factors[1].value)
        return self._value

    def __neg__(self) -> "Product":
        a, b = self.factors
        return Product(self.builder, (Vector(self.builder, self.builder.fneg(a.value)), b))

    def __add__(self, other: Any) -> Vector:
        if not _FUSES:
            return Vector(self.builder, self.builder.fadd(self.value, self.like(other).value))
        terms = [term.value for term in (*self.factors, self.like(other))]
        kind = terms[0].type
        name = f"llvm.fma.v{kind.count}f{32 if isinstance(kind.element, ir.FloatType) else 64}"
        fused = get_or_insert_function(self.builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return Vector(self.builder, self.builder.call(fused, terms))

    def __sub__(self, other: Any) -> Vector:
        minus = self.builder.fneg(self.like(other).value)
        return self + Vector(self.builder, minus)

    def like(self, other: Any) -> Vector:
        """Return `other` as a vector of the factors' type."""
        return self.factors[0].like(other)


class _Memory:
    """An array argument of the kernel that is being compiled."""

    def __init__(self, builder: Any, data: Any, element: Any, alignment: int) -> None:
        self.builder, self.data, self.element, self.alignment = builder, data, element, alignment

    def address(self, index: Any) -> Any:
        value = index.value if isinstance(index, Index) else ir.Constant(ir.IntType(64), index)
        return self.builder.gep(self.data, [value])

    def _pointer(self, index: Any) -> Any:
        return self.builder.bitcast(self.address(index), ir.VectorType(self.element, LANES).as_pointer())

    def __getitem__(self, index: Any) -> Vector:
        return Vector(self.builder, self.builder.load(self._pointer(index), align=self.alignment))

    def __setitem__(self, index: Any, value: Any) -> None:
        kind = ir.VectorType(self.element, LANES)
        vector = value.value if isinstance(value, Vector) else _constant(kind, value)
        self.builder.store(vector, self._pointer(index), align=self.alignment)

    def put(self, index: Any, number: Index) -> None:
        """Write a whole number to element `index` of an array of whole numbers."""
        self.builder.store(self.builder.trunc(number.value, self.element), self.address(index))

    def zero(self) -> Vector:
        """Return zeros of the array's kind."""
        return Vector(self.builder, _constant(ir.VectorType(self.element, LANES), 0))

    def each(self, index: Any) -> Any:
        """Return element `index` in every lane; of an array of whole numbers, the number itself."""
        value = self.builder.load(self.address(index))
        return Index(self.builder, value) if isinstance(self.element, ir.IntType) else _spread(self.builder, value)


class _Slices:
    """An array argument when there is no JIT."""

    def __init__(self, array: np.ndarray) -> None:
        self.flat = array.reshape(-1)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.flat[index : index + LANES].copy()

    def __setitem__(self, index: int, vector: np.ndarray) -> None:
        self.flat[index : index + LANES] = vector

    def put(self, index: int, number: int) -> None:
        self.flat[index] = number

    def zero(self) -> np.ndarray:
        return np.zeros(LANES, self.flat.dtype)

    def each(self, index: int) -> Any:
        return self.flat[index]


def _plain(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(_plain, argument)) if any(isinstance(each, np.ndarray) for each in argument) else len(argument)
    return _Slices(argument) if isinstance(argument, np.ndarray) else argument


def _staged(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return the argument `value` of Numba's type `kind` as vector code sees it."""
    if isinstance(kind, types.Array):
        if kind.layout != "C":
            raise TypeError(f"vector code needs C-contiguous arrays, got {kind}")
        element = context.get_value_type(kind.dtype)
        return _Memory(
            builder, context.make_array(kind)(context, builder, value).data, element, context.get_abi_alignment(element)
        )
    if isinstance(kind, types.UniTuple):
        return len(kind)
    if isinstance(kind, types.Tuple):
        each = (builder.extract_value(value, place) for place in range(len(kind)))
        return tuple(_staged(context, builder, *pair) for pair in zip(kind, each, strict=True))
    if isinstance(kind, types.Integer):
        return Index(builder, value)
    return _spread(builder, value)


def _spread(builder: Any, value: Any) -> Vector:
    """Return a vector with `value` in every lane."""
    kind = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return Vector(builder, builder.shuffle_vector(first, first, mask))


def _constant(kind: Any, number: float) -> Any:
    return ir.Constant(kind, [number if isinstance(kind.element, ir.IntType) else float(number)] * LANES)
