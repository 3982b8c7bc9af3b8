"""gradcheck: backpropagation against central differences.

For y = f(x) and a random cotangent r, backpropagation claims that the gradient of Σ r·y with respect to x is g = Jᵀr.
Along a random direction v, and along single elements, that must equal

    (Σ r·f(x + hv) − Σ r·f(x − hv)) / 2h  =  Σ g·v + O(h²)

The cotangent is never all ones: under ones the gradient of softmax or of a normalised column is zero, and a wrong
backward pass would look right. Source: Griewank & Walther 2008, ch. 1.1; the step h = ε^(1/3)·scale balances the
truncation error h² against rounding ε/h (Nocedal & Wright, Numerical Optimization, 2nd ed., ch. 8.1).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import randomness
from ..autograd import no_grad
from ..tensor import Tensor

BOUND = 1e-6
ELEMENTS = 24  # single elements compared in each argument, besides the random direction


class GradientError(AssertionError):
    """A gradient that central differences contradict, by the relative error `error`."""

    def __init__(self, message: str, error: float) -> None:
        super().__init__(message)
        self.error = error


def gradcheck(f: Callable[..., Tensor], *inputs: Any, bound: float = BOUND, seed: int = 0) -> float:
    """Compare the gradients of `f(*inputs)` with central differences; return the worst relative error.

    `f` is a function on tensors, a layer or a whole model: its trainable weights are checked beside the inputs.
    `inputs` are arrays or tensors, all float64 (float32 is too coarse for differences). They should keep away from
    kinks and ties, such as 0 for ReLU. Random layers draw the same numbers at every evaluation; for a model in training
    mode pass `lambda x, *weights: model(x, training=True), x, *model.trainable_weights`.

    The error of a number a against n is |a − n| / max(|a|, |n|, size), where size is the typical magnitude of the
    gradient in question. Raises GradientError, which names the argument, the index and both numbers, when an error
    exceeds `bound`; ValueError for inputs that are not float64.
    """
    arguments = [(f"argument {index}", _leaf(f"argument {index}", value)) for index, value in enumerate(inputs)]
    with randomness.repeat_draws():
        y = f(*(tensor for _, tensor in arguments))
        given = {id(tensor) for _, tensor in arguments}
        weights = [weight for weight in getattr(f, "trainable_weights", []) if id(weight) not in given]
        arguments += [(f"weight {weight.path}", _leaf(f"weight {weight.path}", weight)) for weight in weights]
        generator = np.random.default_rng(seed)
        cotangent = generator.standard_normal(y.shape)
        for _, tensor in arguments:
            tensor.grad = None
        y.backward(cotangent)

        def value() -> float:
            with no_grad():
                return float(np.sum(f(*(tensor for _, tensor in arguments[: len(inputs)])).numpy() * cotangent))

        worst = 0.0
        for name, tensor in arguments:
            gradient = np.zeros_like(tensor.data) if tensor.grad is None else tensor.grad
            worst = max(worst, _check_argument(name, tensor, gradient, value, generator, bound))
            tensor.grad = None
    return worst


def _leaf(name: str, value: Any) -> Tensor:
    """Return `value` as a tensor that collects a gradient."""
    tensor = value if isinstance(value, Tensor) else Tensor(np.array(value), requires_grad=True)
    if tensor.dtype != np.float64:
        raise ValueError(f"gradcheck needs float64, {name} is {tensor.dtype}: build it with float64 values and layers")
    if tensor.creator is not None or not tensor.requires_grad:
        raise ValueError(f"gradcheck needs leaves that require a gradient, {name} is not one")
    return tensor


def _check_argument(
    name: str,
    tensor: Tensor,
    gradient: np.ndarray,
    value: Callable[[], float],
    generator: np.random.Generator,
    bound: float,
) -> float:
    """Compare one argument's gradient along a random direction and at some elements; return the worst error."""
    flat, flat_gradient = tensor.data.reshape(-1), gradient.reshape(-1)
    typical = float(np.sqrt(np.mean(flat_gradient**2)))
    elements = generator.permutation(flat.size)[:ELEMENTS]
    direction = generator.standard_normal(flat.size)
    worst, culprit = 0.0, ""
    for element in (*elements, None):
        if element is None and worst > bound:
            break  # an index says more than a direction
        v = direction if element is None else np.eye(1, flat.size, element)[0]
        analytic = float(flat_gradient @ v)
        numeric = _difference(flat, v, value)
        scale = max(abs(analytic), abs(numeric), typical * float(np.linalg.norm(v)))
        error = abs(analytic - numeric) / scale if scale != 0 else 0.0
        if error > worst or np.isnan(error):
            worst = error
            place = "along a random direction"
            if element is not None:
                place = f"at index {tuple(int(axis) for axis in np.unravel_index(element, tensor.shape))}"
            culprit = f"{name} {place}: backward gives {analytic:.9g}, differences give {numeric:.9g}"
        if np.isnan(worst):
            break  # nothing is worse
    if not worst <= bound:
        raise GradientError(f"{culprit} (relative error {worst:.2g}, bound {bound:g})", worst)
    return worst


def _difference(flat: np.ndarray, v: np.ndarray, value: Callable[[], float]) -> float:
    """Return the central difference of `value` along `v` in the array `flat`, and restore the array."""
    before = flat.copy()
    h = np.finfo(np.float64).eps ** (1 / 3) * max(1.0, float(np.abs(flat).max())) / max(1.0, float(np.abs(v).max()))
    flat += h * v
    above = value()
    flat[...] = before - h * v
    below = value()
    flat[...] = before
    return (above - below) / (2 * h)
