"""Normalization. The formulas of both directions stand with the kernels, in `kernels/reference/normalization.py`."""

from typing import Any

import numpy as np

from .. import kernels
from ..tensor import Formula, Function, Tensor, as_array, as_tensor
from .rectifier import last_open


class _Normalization(Function):
    """A normalization of x, with γ if `scaled` and β if `centered`, in this order, as further inputs."""

    def __init__(self, scaled: bool, centered: bool, epsilon: float) -> None:
        self.scaled, self.centered, self.epsilon = scaled, centered, float(epsilon)

    def gamma_and_beta(self, learnt: tuple[Any, ...], missing: Any) -> tuple[Any, Any]:
        """Return what `learnt` has for γ and for β, `missing` for one that there is not."""
        gamma = learnt[0] if self.scaled else missing
        return gamma, learnt[-1] if self.centered else missing

    def for_inputs(self, dx: Any, dgamma: Any, dbeta: Any) -> tuple[Any, ...]:
        """Return the gradients of those inputs that there are."""
        return (dx, *([dgamma] if self.scaled else []), *([dbeta] if self.centered else []))


class BatchNorm(_Normalization):
    """Each channel normalized by its own mean μ and variance σ² over the batch, then scaled by γ and moved by β.

    With a ceiling, min(max(y, 0), ceiling), which passes dy on where it leaves y as it is. Afterwards `mean` and
    `variance` hold μ and σ².
    """

    formula = Formula(
        "y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε)",
        "dx = γ/√(σ² + ε)·(dy − mean dy − x̂·mean(dy·x̂)), dγ = Σ dy·x̂, dβ = Σ dy",
    )

    def __init__(self, scaled: bool, centered: bool, epsilon: float, ceiling: float | None) -> None:
        super().__init__(scaled, centered, epsilon)
        self.ceiling = None if ceiling is None else float(ceiling)

    def forward(self, x: Any, *learnt: Any) -> Any:
        self.x, self.learnt = x, self.gamma_and_beta(learnt, None)
        y, self.mean, self.inverse, self.variance = kernels.of(x).batch_norm(
            x, *self.learnt, self.epsilon, self.ceiling
        )
        return y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        needs = self.needs[0], *self.gamma_and_beta(self.needs[1:], False)
        arrays = dy, self.x, *self.learnt, self.mean, self.inverse
        ceiling = self.ceiling and last_open(self.ceiling, dy.dtype)
        return self.for_inputs(*kernels.of(dy).batch_norm_backward(*arrays, ceiling, needs))


class LayerNorm(_Normalization):
    """Each row normalized by its own mean μ and variance σ² over the last axis, then scaled by γ and moved by β."""

    formula = Formula(
        "y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε)",
        "dx = (g − mean g − x̂·mean(g·x̂))/√(σ² + ε) with g = γ·dy, dγ = Σ dy·x̂, dβ = Σ dy",
    )

    def forward(self, x: Any, *learnt: Any) -> Any:
        gamma, beta = self.gamma_and_beta(learnt, None)
        self.x, self.gamma = x, gamma
        y, self.mean, self.inverse = kernels.of(x).layer_norm(x, gamma, beta, self.epsilon)
        return y

    def backward(self, dy: Any) -> tuple[Any, ...]:
        return self.for_inputs(*kernels.of(dy).layer_norm_backward(dy, self.x, self.gamma, self.mean, self.inverse))


class ScaleShift(Function):
    """Each channel scaled and moved, the tensor `mean` being constant; with a ceiling, min(max(y, 0), ceiling)."""

    by_kernels = True
    formula = Formula("y = (x − mean)·scale + shift", "dx = dy·scale, dscale = Σ dy·(x − mean), dshift = Σ dy")

    def __init__(self, mean: Tensor, ceiling: float | None) -> None:
        self.mean: Any = mean
        self.ceiling = None if ceiling is None else float(ceiling)

    def forward(self, x: Any, scale: Any, shift: Any) -> Any:
        if isinstance(self.mean, Tensor):
            self.mean = self.mean.data
            if any(self.needs):
                self.mean = self.mean.copy()  # a layer's moves on until `backward`
        self.arrays = x, self.mean, scale, shift
        return kernels.of(x).scale_shift(*self.arrays, self.ceiling)

    def backward(self, dy: Any) -> tuple[Any, ...]:
        ceiling = self.ceiling and last_open(self.ceiling, dy.dtype)
        return kernels.of(dy).scale_shift_backward(dy, *self.arrays, ceiling, self.needs)


def batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3, ceiling: float | None = None
) -> tuple[Tensor, Any, Any]:
    """Normalize each channel of x (…,c) over the batch, then scale by gamma (c,) and add beta (c,), where given.

    With a `ceiling`, y is rectified in the same pass: min(max(y, 0), ceiling); ∞ makes it a plain ReLU.

    Returns (y, mean, variance): the last two are the batch's statistics as arrays (c,), outside the graph; the variance
    is the biased one, Σ (x − mean)²/n. See `BatchNorm`. Raises ValueError when gamma or beta does not fit x.
    """
    x = as_tensor(x)
    learnt = _learnt("batch_norm", x, gamma, beta)
    function = BatchNorm(gamma is not None, beta is not None, epsilon, ceiling)
    y = function(x, *learnt)
    return y, function.mean, function.variance


def layer_norm(x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3) -> Tensor:
    """Normalize each row of x (…,c), then scale by gamma (c,) and add beta (c,), where given. See `LayerNorm`.

    Raises ValueError when gamma or beta does not fit x.
    """
    x = as_tensor(x)
    learnt = _learnt("layer_norm", x, gamma, beta)
    return LayerNorm(gamma is not None, beta is not None, epsilon)(x, *learnt)


def scale_shift(x: Any, scale: Any, shift: Any = None, mean: Any = None, ceiling: float | None = None) -> Tensor:
    """Return (x − mean)·scale + shift for x (…,c) and the others (c,); None counts as 0.

    With a `ceiling`, the result is rectified in the same pass: min(max(·, 0), ceiling).

    `mean` has no gradient. See `ScaleShift`. Raises ValueError when one of them does not fit x.
    """
    x = as_tensor(x)
    scale = as_tensor(scale, like=x)
    shift = Tensor(np.zeros_like(scale.data)) if shift is None else as_tensor(shift, like=x)
    if mean is None:
        mean = Tensor(np.zeros_like(scale.data))
    elif not isinstance(mean, Tensor):
        mean = Tensor(kernels.move(as_array(mean, x.dtype), x.device))
    for name, array in (("scale", scale), ("shift", shift), ("mean", mean)):
        _check("scale_shift", x, name, array)
    return ScaleShift(mean, ceiling)(x, scale, shift)


def _learnt(name: str, x: Tensor, gamma: Any, beta: Any) -> list[Tensor]:
    """Return those of gamma and beta that there are as tensors."""
    learnt = []
    for label, value in (("gamma", gamma), ("beta", beta)):
        if value is not None:
            learnt.append(as_tensor(value, like=x))
            _check(name, x, label, learnt[-1])
    return learnt


def _check(name: str, x: Tensor, label: str, array: Any) -> None:
    if x.ndim < 1 or array.shape != x.shape[-1:]:
        raise ValueError(f"{name} needs x (…,c) and {label} (c,), got shapes {x.shape} and {array.shape}")
