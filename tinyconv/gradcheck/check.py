"""gradcheck: backpropagation against differences.

For y = f(x) and a random cotangent r, backpropagation claims that the gradient of Σ r·y with respect to x is g = Jᵀr.
Along a random direction v, and along single elements, that must equal

    (Σ r·f(x + hv) − Σ r·f(x − hv)) / 2h  =  Σ g·v + O(h²)

and the remainder of the Taylor series, Σ r·f(x + hv) − Σ r·f(x) − h·Σ g·v, must shrink as h², which needs no tolerance.
The cotangent is never all ones: under ones the gradient of softmax or of a normalised column is zero, and a wrong
backward pass would look right. Source: Griewank & Walther 2008, ch. 1.1. Besides, gradients must have the same bits at
a second pass, and for arrays in another order in memory, or that may not be written to.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import randomness
from ..autograd import lean, no_grad
from ..tensor import Tensor
from .differences import Line
from .layouts import LAYOUTS

BOUND = 1e-6
ELEMENTS = 24  # single elements compared in each argument, besides the random direction
ORDER = 1.5  # a Taylor remainder of a lower order is one of a wrong gradient


class GradientError(AssertionError):
    """A gradient that differences contradict, by the relative error `error`."""

    def __init__(self, message: str, error: float) -> None:
        super().__init__(message)
        self.error = error


class KinkError(GradientError):
    """Inputs at or near a kink or a tie, where differences measure something else than a gradient."""


Named = list[tuple[str, Tensor]]


def gradcheck(f: Callable[..., Tensor], *inputs: Any, bound: float = BOUND, seed: int = 0) -> float:
    """Compare the gradients of `f(*inputs)` with differences; return the worst relative error.

    `f` is a function on tensors, a layer or a whole model: its trainable weights are checked beside the inputs.
    `inputs` are arrays or tensors, all float64 (float32 is too coarse for differences). They should keep away from
    kinks and ties, such as 0 for ReLU. Random layers draw the same numbers at every evaluation; for a model in training
    mode pass `lambda x, *weights: model(x, training=True), x, *model.trainable_weights`.

    The error of a number a against n is |a − n| / max(|a|, |n|, size), where size is the typical magnitude of the
    gradient in question. Raises GradientError, which names the argument, the index and both numbers, when an error
    exceeds `bound`, the Taylor remainder is not of order 2, or a second pass or another memory layout gives other bits;
    KinkError, with the slopes on both sides, when the inputs are at a kink; ValueError for inputs that are not float64.
    """
    arguments = [(f"argument {index}", _leaf(f"argument {index}", value)) for index, value in enumerate(inputs)]
    with randomness.repeat_draws():
        y = f(*(tensor for _, tensor in arguments))
        given = {id(tensor) for _, tensor in arguments}
        weights = [weight for weight in getattr(f, "trainable_weights", []) if id(weight) not in given]
        arguments += [(f"weight {weight.path}", _leaf(f"weight {weight.path}", weight)) for weight in weights]
        generator = np.random.default_rng(seed)
        cotangent = generator.standard_normal(y.shape)
        gradients = _gradients(f, len(inputs), arguments, cotangent)

        def value() -> float:
            with no_grad():
                return float(np.sum(f(*(tensor for _, tensor in arguments[: len(inputs)])).numpy() * cotangent))

        size = float(np.sum(np.abs(y.numpy() * cotangent)))
        worst = 0.0
        for (name, tensor), gradient in zip(arguments, gradients, strict=True):
            if tensor.size:
                worst = max(worst, _check_argument(name, tensor, gradient, value, size, generator, bound))
        again = _gradients(f, len(inputs), arguments, cotangent)
        _same_bits("a second pass gives other bits", arguments, gradients, again)
        with lean():
            again = _gradients(f, len(inputs), arguments, cotangent)
        _same_bits("a lean graph, which training records, gives other bits", arguments, gradients, again)
        _check_layouts(f, inputs, arguments, cotangent)
    return worst


def _leaf(name: str, value: Any) -> Tensor:
    """Return `value` as a tensor that collects a gradient."""
    tensor = value if isinstance(value, Tensor) else Tensor(np.array(value), requires_grad=True)
    if tensor.dtype != np.float64:
        raise ValueError(f"gradcheck needs float64, {name} is {tensor.dtype}: build it with float64 values and layers")
    if not np.isfinite(tensor.numpy()).all():
        raise ValueError(
            f"gradcheck needs finite numbers, {name} has NaN or infinity: differences of these say nothing"
        )
    if tensor.creator is not None or not tensor.requires_grad:
        raise ValueError(f"gradcheck needs leaves that require a gradient, {name} is not one")
    return tensor


def _gradients(f: Callable[..., Tensor], count: int, arguments: Named, cotangent: Any) -> list[np.ndarray]:
    """Return the gradient of each argument, of which `f` takes the first `count`; leave none behind."""
    for _, tensor in arguments:
        tensor.grad = None
    f(*(tensor for _, tensor in arguments[:count])).backward(cotangent)
    gradients = [np.zeros_like(tensor.data) if tensor.grad is None else tensor.grad for _, tensor in arguments]
    for _, tensor in arguments:
        tensor.grad = None
    return gradients


def _check_argument(
    name: str,
    tensor: Tensor,
    gradient: np.ndarray,
    value: Callable[[], float],
    size: float,
    generator: np.random.Generator,
    bound: float,
) -> float:
    """Compare one argument's gradient along a random direction and at some elements; return the worst error."""
    flat, flat_gradient = tensor.data.reshape(-1), gradient.reshape(-1)
    typical = float(np.sqrt(np.mean(flat_gradient**2)))
    elements = generator.permutation(flat.size)[:ELEMENTS]
    direction = generator.standard_normal(flat.size)
    worst, culprit, kink = 0.0, "", ""
    for element in (*elements, None):
        if element is None and (kink or worst > bound):
            break  # an index says more than a direction
        v = direction if element is None else np.eye(1, flat.size, element)[0]
        line, analytic = Line(flat, v, value, size), float(flat_gradient @ v)
        numeric = line.slope()
        scale = max(abs(analytic), abs(numeric), typical * float(np.linalg.norm(v)))
        error = abs(analytic - numeric) / scale if scale != 0 else 0.0
        place = "along a random direction"
        if element is not None:
            place = f"at index {tuple(int(axis) for axis in np.unravel_index(element, tensor.shape))}"
        if error > bound and (slopes := line.kink(analytic, bound * scale)):
            kink = kink or (
                f"{name} has a kink {place}: differences give {slopes[0]:.6g} on the left of it and {slopes[1]:.6g} on "
                f"the right, backward gives {analytic:.6g}; check the gradient on inputs further from kinks and ties"
            )
        elif error > worst or np.isnan(error):
            worst = error
            culprit = f"{name} {place}: backward gives {analytic:.9g}, differences give {numeric:.9g}"
        if np.isnan(worst):
            break  # nothing is worse
    if not worst <= bound:
        raise GradientError(f"{culprit} (relative error {worst:.2g}, bound {bound:g})", worst)
    if kink:
        raise KinkError(kink, float("inf"))
    order = line.taylor_order(analytic)
    if order is not None and order < ORDER:
        raise GradientError(
            f"{name} along a random direction: the remainder of the Taylor series shrinks as h to the power "
            f"{order:.2f}, of a right gradient it would be 2",
            worst,
        )
    return worst


def _check_layouts(f: Callable[..., Tensor], inputs: tuple[Any, ...], arguments: Named, cotangent: np.ndarray) -> None:
    """Check that gradients are the same for the same numbers in memory that is laid out otherwise, or read-only."""
    names = [name for name, _ in arguments]
    arrays = [None if isinstance(value, Tensor) else np.array(value) for value in inputs]  # tensors stay as they are
    for layout, lay in LAYOUTS.items():
        gradients = []
        for plain in (True, False):
            laid = [None if array is None else lay(array) for array in (*arrays, cotangent)]
            if plain:
                laid = [None if array is None else array.copy() for array in laid]
            before = [None if array is None else array.copy() for array in laid]
            leaves = [
                (name, tensor if array is None else Tensor(array, requires_grad=True))
                for (name, tensor), array in zip(arguments, laid[:-1], strict=False)
            ]
            gradients.append(_gradients(f, len(inputs), leaves + arguments[len(inputs) :], laid[-1]))
            for name, one, other in zip((*names[: len(inputs)], "the cotangent"), laid, before, strict=True):
                if one is not None and other is not None and not np.array_equal(one, other):
                    raise GradientError(f"{name} is changed in place", float("inf"))
        _same_bits(f"arrays that are {layout} in memory give other bits than copies", arguments, *gradients)


def _same_bits(complaint: str, arguments: Named, ones: list[np.ndarray], others: list[np.ndarray]) -> None:
    """Raise GradientError if one of two lists of gradients is not as the other."""
    for (name, _), one, other in zip(arguments, ones, others, strict=True):
        different = np.argwhere(~((one == other) | (np.isnan(one) & np.isnan(other))))
        if len(different):
            at = tuple(different[0].tolist())
            a, b = float(one[at]), float(other[at])
            raise GradientError(
                f"{name} at index {at}: {complaint}, {b:.17g} for {a:.17g}", abs(a - b) / max(abs(a), abs(b))
            )
