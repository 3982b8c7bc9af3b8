"""Optimizers, with Keras 3's names, arguments, defaults and order of state in files.

The update formulas stand with the kernels, in `kernels/reference/update.py`; each runs in one pass, in place.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from . import kernels
from .names import look_up
from .tensor import Tensor


class Optimizer:
    """Base of all optimizers: a learning rate, a count of updates, and state ("slots") for each weight."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = not_negative("learning_rate", learning_rate)
        self.iterations = 0
        self.slots: dict[str, list[Any]] = {}
        self.built = False

    def slot_names(self) -> Sequence[str]:
        """Return the names of the arrays that are kept for each weight."""
        return ()

    def update(self, w: Any, g: Any, slots: dict[str, Any]) -> None:
        """Change the array `w` in place, given its gradient and its slots (None for one that is not kept)."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def initial_slot(self, w: Any) -> Any:
        """Return the first value of a slot for the array `w`."""
        return np.zeros_like(w)

    def build(self, weights: Sequence[Tensor]) -> None:
        """Make the state for `weights`, once."""
        if not self.built:
            self.slots = {name: [self.initial_slot(weight.data) for weight in weights] for name in self.slot_names()}
            self.built = True

    def to(self, device: str) -> None:
        """Move the state to `device`, "cpu" or "gpu"."""
        self.slots = {name: [kernels.move(array, device) for array in arrays] for name, arrays in self.slots.items()}

    def apply(self, gradients: Sequence[Any], weights: Sequence[Tensor]) -> None:
        """Make one step: change every weight in place by its gradient."""
        self.build(weights)
        self.iterations += 1
        for index, (g, weight) in enumerate(zip(gradients, weights, strict=True)):
            self.update(weight.data, g, {name: arrays[index] for name, arrays in self.slots.items()})

    # Keras's file order: slot by slot, or (Adam) all slots of one weight after the other.
    interleaved: ClassVar[bool] = False

    def variables(self) -> list[tuple[str, Any]]:
        """Return (name, value) of all state in the order of Keras's files: iterations, learning rate, slots."""
        if self.interleaved:
            slots = [
                (name, array)
                for arrays in zip(*self.slots.values(), strict=True)
                for name, array in zip(self.slots, arrays, strict=True)
            ]
        else:
            slots = [(name, array) for name, arrays in self.slots.items() for array in arrays]
        return [("iterations", self.iterations), ("learning_rate", self.learning_rate), *slots]

    def load_variables(self, values: Sequence[Any]) -> None:
        """Restore the state that `variables` listed; the optimizer must be built for the same weights."""
        slots = self.variables()[2:]
        if len(values) != len(slots) + 2:
            raise ValueError(f"{type(self).__name__} has {len(slots) + 2} variables, the file holds {len(values)}")
        self.iterations, self.learning_rate = int(values[0]), float(values[1])
        for (_, array), value in zip(slots, values[2:], strict=True):
            array[...] = kernels.move(np.asarray(value), kernels.device(array))


class SGD(Optimizer):
    """Stochastic gradient descent: w −= lr·g; with momentum μ: m = μm − lr·g, w += m, or Nesterov's w += μm − lr·g."""

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum, self.nesterov = fraction("momentum", momentum), nesterov

    def slot_names(self) -> Sequence[str]:
        """Return the names of the arrays that are kept for each weight."""
        return ("momentum",) if self.momentum else ()

    def update(self, w: Any, g: Any, slots: dict[str, Any]) -> None:
        """Change `w` in place."""
        if self.momentum:
            kernels.of(w).momentum_inplace(w, g, slots["momentum"], self.learning_rate, self.momentum, self.nesterov)
        else:
            kernels.of(w).sgd_inplace(w, g, self.learning_rate)


class RMSprop(Optimizer):
    """Divides the gradient by a running root mean square: v = ρv + (1 − ρ)g², w −= lr·g/√(v + ε).

    `epsilon_mode` "inside" adds ε under the root (Keras 3, tf.keras ≥ 2.11); "outside" divides by √v + ε (Keras 1.2 to
    2.3, tf.keras ≤ 2.10: the tutorials of 2017 to 2019). `momentum` and `centered` as in Keras.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *,
        epsilon_mode: str = "inside",
    ) -> None:
        super().__init__(learning_rate)
        look_up("epsilon_mode", epsilon_mode, dict.fromkeys(("inside", "outside")))
        self.rho, self.momentum = fraction("rho", rho), fraction("momentum", momentum)
        self.epsilon, self.centered = not_negative("epsilon", epsilon), centered
        self.epsilon_mode = epsilon_mode

    def slot_names(self) -> Sequence[str]:
        """Return the names of the arrays that are kept for each weight."""
        kept = {"velocity": True, "momentum": self.momentum > 0, "average_gradient": self.centered}
        return [name for name, wanted in kept.items() if wanted]

    def update(self, w: Any, g: Any, slots: dict[str, Any]) -> None:
        """Change `w` in place."""
        kernels.of(w).rmsprop_inplace(
            w,
            g,
            slots["velocity"],
            slots.get("momentum"),
            slots.get("average_gradient"),
            self.learning_rate,
            self.rho,
            self.momentum,
            self.epsilon,
            self.epsilon_mode == "inside",
        )


class Adam(Optimizer):
    """Adaptive moments: m += (1 − β₁)(g − m), v += (1 − β₂)(g² − v), w −= α·m/(√v + ε), α = lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ).

    ε is the paper's ε̂, not corrected for bias (Kingma & Ba 2015, end of section 2), as in Keras.
    """

    interleaved = True

    def __init__(
        self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1, self.beta_2 = fraction("beta_1", beta_1), fraction("beta_2", beta_2)
        self.epsilon = not_negative("epsilon", epsilon)

    def slot_names(self) -> Sequence[str]:
        """Return the names of the arrays that are kept for each weight."""
        return ("momentum", "velocity")

    def update(self, w: Any, g: Any, slots: dict[str, Any]) -> None:
        """Change `w` in place."""
        t = self.iterations
        alpha = self.learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        m, v = slots["momentum"], slots["velocity"]
        kernels.of(w).adam_inplace(w, g, m, v, alpha, self.beta_1, self.beta_2, self.epsilon)


class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of all its squares: a += g², w −= lr·g/√(a + ε)."""

    def __init__(
        self, learning_rate: float = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7
    ) -> None:
        super().__init__(learning_rate)
        self.initial_accumulator_value = not_negative("initial_accumulator_value", initial_accumulator_value)
        self.epsilon = not_negative("epsilon", epsilon)

    def slot_names(self) -> Sequence[str]:
        """Return the names of the arrays that are kept for each weight."""
        return ("accumulator",)

    def initial_slot(self, w: Any) -> Any:
        """Return an accumulator filled with its first value."""
        return np.full_like(w, self.initial_accumulator_value)

    def update(self, w: Any, g: Any, slots: dict[str, Any]) -> None:
        """Change `w` in place."""
        kernels.of(w).adagrad_inplace(w, g, slots["accumulator"], self.learning_rate, self.epsilon)


OPTIMIZERS: dict[str, type[Any]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adagrad": Adagrad}


def get(optimizer: str | Optimizer) -> Optimizer:
    """Return an optimizer by name ("adam", capitals or not) or the given one."""
    return optimizer if isinstance(optimizer, Optimizer) else look_up("optimizer", str(optimizer).lower(), OPTIMIZERS)()


def not_negative(argument: str, value: float) -> float:
    """Return `value` after checking that it is a number of at least 0."""
    if not (isinstance(value, int | float | np.number) and value >= 0 and np.isfinite(value)):
        raise ValueError(f"{argument} must be a finite number of at least 0, got {value!r}")
    return float(value)


def fraction(argument: str, value: float) -> float:
    """Return `value` after checking that it is in 0 … 1."""
    if not (isinstance(value, int | float | np.number) and 0 <= value <= 1):
        raise ValueError(f"{argument} must be in 0 … 1, got {value!r}")
    return float(value)
