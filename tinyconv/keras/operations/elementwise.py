"""Operations element by element: functions of tinyconv on floats, which have gradients, NumPy's on all else."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import functions as F
from ...tensor import Formula, Function, Tensor, as_tensor
from .values import Values, as_type, held, is_floating, tensor

Pointwise = Callable[..., Any]


class Elementary(Function):
    """A function of one number, element by element."""

    formula = Formula("y = f(x)", "dx = dy·f′(x)")

    def __init__(self, function: Pointwise, slope: Pointwise) -> None:
        self.function, self.slope = function, slope

    def forward(self, x: Any) -> Any:
        """Compute f(x)."""
        self.x = x
        return self.function(x)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        """Compute dy·f′(x)."""
        return ((dy * self.slope(self.x)).astype(dy.dtype, copy=False),)


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


# By name: the function, and its derivative at x.
ELEMENTARY: dict[str, tuple[Pointwise, Pointwise]] = {
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda x: -np.sin(x)),
    "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2),
    "asin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x * x)),
    "acos": (np.arccos, lambda x: -1 / np.sqrt(1 - x * x)),
    "atan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "sinh": (np.sinh, np.cosh),
    "cosh": (np.cosh, np.sinh),
    "log1p": (np.log1p, lambda x: 1 / (1 + x)),
    "expm1": (np.expm1, np.exp),
    "reciprocal": (np.reciprocal, lambda x: -1 / (x * x)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), lambda x: -0.5 * x ** np.asarray(-1.5, x.dtype)),
    "erf": (_erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x)),
    "log2": (np.log2, lambda x: 1 / (x * np.log(2))),
    "log10": (np.log10, lambda x: 1 / (x * np.log(10))),
}
FLAT = {"floor": np.floor, "ceil": np.ceil, "round": np.rint, "sign": np.sign}  # their gradient is 0


def _elementary(name: str) -> Pointwise:
    function, slope = ELEMENTARY[name]

    def compute(x: Any, name: str | None = None) -> Any:
        return Elementary(function, slope)(as_tensor(tensor(x)))

    return _named(compute, name, f"Return {name} of x, element by element.")


def _flat(name: str) -> Pointwise:
    flat = FLAT[name]

    def compute(x: Any, name: str | None = None, *_: Any) -> Any:
        return held(flat(np.asarray(tensor(x))))

    return _named(compute, name, f"Return {name} of x, element by element; it has no gradient.")


def _two(name: str, differentiable: Pointwise, plain: Pointwise) -> Pointwise:
    def compute(x: Any, y: Any, name: str | None = None) -> Any:
        if is_floating(x, y):
            return differentiable(*_both(x, y))
        return held(plain(_array(x), _array(y)))

    return _named(compute, name, f"Return {name} of x and y, element by element.")


def _array(x: Any) -> Any:
    """Return an operand as an array; a number of Python's, which has no type of its own, as it is."""
    return x if isinstance(x, int | float) else np.asarray(x)


def _both(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two operands of one dtype: one that is no tensor takes that of the other, as in TensorFlow."""
    if not isinstance(x, Tensor):
        x = as_tensor(
            x if not isinstance(y, Tensor) else np.asarray(x, y.dtype), like=y if isinstance(y, Tensor) else None
        )
    if not isinstance(y, Tensor):
        y = as_tensor(np.asarray(y, x.dtype), like=x)
    return x, y


def _comparison(name: str, compare: Pointwise) -> Pointwise:
    def compute(x: Any, y: Any, name: str | None = None) -> Any:
        a, b = (np.asarray(each) for each in (x, y))
        if "S" in (a.dtype.kind, b.dtype.kind) and "U" in (a.dtype.kind, b.dtype.kind):
            a, b = (each.astype("U") for each in (a, b))
        return np.asarray(compare(a, b)).view(Values)

    return _named(compute, name, f"Return where {name.replace('_', ' ')} holds of x and y, as truth values.")


def _named(compute: Pointwise, name: str, doc: str) -> Pointwise:
    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = doc
    return compute


_made: dict[str, Pointwise] = {name: _elementary(name) for name in ELEMENTARY}
_made |= {name: _flat(name) for name in FLAT}
_made |= {
    name: _two(name, differentiable, plain)
    for name, differentiable, plain in (
        ("add", F.add, np.add),
        ("subtract", F.subtract, np.subtract),
        ("multiply", F.multiply, np.multiply),
        ("maximum", F.maximum, np.maximum),
        ("minimum", F.minimum, np.minimum),
        ("pow", F.power, np.power),
    )
}
_made |= {
    name: _comparison(name, compare)
    for name, compare in (
        ("equal", np.equal),
        ("not_equal", np.not_equal),
        ("greater", np.greater),
        ("greater_equal", np.greater_equal),
        ("less", np.less),
        ("less_equal", np.less_equal),
        ("logical_and", np.logical_and),
        ("logical_or", np.logical_or),
        ("logical_xor", np.logical_xor),
    )
}
globals().update(_made)
NAMES = tuple(_made)


def divide(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x/y, element by element; whole numbers give floats."""
    return F.divide(*_both(x, y)) if is_floating(x, y) else held(np.true_divide(np.asarray(x), np.asarray(y)))


def divide_no_nan(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x/y, and 0 where y is 0."""
    a, b = _both(tensor(x), tensor(y))
    nothing = b.data == 0
    return F.where(nothing, 0.0 * a, a / F.where(nothing, 1.0, b))


def floordiv(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x/y rounded down."""
    return held(np.floor_divide(_array(x), _array(y)))


def mod(x: Any, y: Any, name: str | None = None) -> Any:
    """Return what is left of x after division by y."""
    return held(np.mod(_array(x), _array(y)))


def negative(x: Any, name: str | None = None) -> Any:
    """Return −x."""
    return F.negative(tensor(x)) if is_floating(x) else held(np.negative(np.asarray(x)))


def abs(x: Any, name: str | None = None) -> Any:
    """Return |x|."""
    return F.absolute(tensor(x)) if is_floating(x) else held(np.abs(np.asarray(x)))


def square(x: Any, name: str | None = None) -> Any:
    """Return x², element by element."""
    if not is_floating(x):
        return held(np.square(np.asarray(tensor(x))))
    x = tensor(x)
    return F.multiply(x, x)


def squared_difference(x: Any, y: Any, name: str | None = None) -> Any:
    """Return (x − y)², element by element."""
    return square(F.subtract(*_both(x, y)))


def _floats(x: Any) -> Any:
    """Return x as a tensor of floats: whole numbers in float32."""
    x = tensor(x)
    return as_type(x, "float32") if isinstance(x, Values) else x


def sqrt(x: Any, name: str | None = None) -> Any:
    """Return the square root of x, element by element."""
    return F.sqrt(_floats(x))


def exp(x: Any, name: str | None = None) -> Any:
    """Return e to the power x, element by element."""
    return F.exp(_floats(x))


def log(x: Any, name: str | None = None) -> Any:
    """Return the natural logarithm of x, element by element."""
    return F.log(_floats(x))


def clip(x: Any, x_min: Any, x_max: Any, name: str | None = None) -> Any:
    """Return x held between two bounds, which are numbers, or tensors of shapes that fit."""
    if not is_floating(x):
        return held(np.clip(np.asarray(tensor(x)), np.asarray(x_min), np.asarray(x_max)))
    if np.ndim(x_min) == np.ndim(x_max) == 0:
        return F.clip(tensor(x), float(x_min), float(x_max))
    return F.minimum(F.maximum(*_both(x, x_min)), tensor(x_max, tensor(x).dtype))


def where(condition: Any, x1: Any = None, x2: Any = None, name: str | None = None) -> Any:
    """Return x1 where `condition` holds, x2 elsewhere; of a condition alone, the places where it holds, a row each."""
    chosen = np.asarray(condition).astype(bool)
    if x1 is None and x2 is None:
        return np.argwhere(chosen).view(Values)
    if is_floating(x1, x2):
        return F.where(chosen, *_both(x1, x2))
    return held(np.where(chosen, np.asarray(tensor(x1)), np.asarray(tensor(x2))))


def logical_not(x: Any, name: str | None = None) -> Any:
    """Return where x does not hold."""
    return np.logical_not(np.asarray(x)).view(Values)


def _test(name: str, test: Pointwise) -> Pointwise:
    def compute(x: Any, name: str | None = None) -> Any:
        return np.asarray(test(np.asarray(x))).view(Values)

    return _named(compute, name, f"Return where {name} holds of x.")


isnan, isinf, isfinite = (_test(test.__name__, test) for test in (np.isnan, np.isinf, np.isfinite))
