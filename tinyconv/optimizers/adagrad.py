"""Adagrad."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..arguments import not_negative
from ..names import look_up
from ..schedules import LearningRate
from .optimizer import EPSILON_MODES, Optimizer


class Adagrad(Optimizer, elementwise=True):
    """Divides the gradient by the root of the sum of all its squares: a += g², w −= lr·g/√(a + ε).

    `epsilon_mode` "outside" divides by √a + ε: Keras 1.2 to 2.3, tf.keras ≤ 2.10.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        *,
        epsilon_mode: str = "inside",
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
        )
        self.initial_accumulator_value = not_negative("initial_accumulator_value", initial_accumulator_value)
        self.epsilon = not_negative("epsilon", epsilon)
        look_up("epsilon_mode", epsilon_mode, EPSILON_MODES)
        self.epsilon_mode = epsilon_mode

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("accumulator",),)

    def initial_slot(self, w: Any) -> Any:
        """Return an accumulator filled with its first value."""
        return np.full_like(w, self.initial_accumulator_value)

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        inside = self.epsilon_mode == "inside"
        kernels.of(w).adagrad_inplace(w, g, slots["accumulator"], learning_rate, self.epsilon, inside)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer; Keras has no `epsilon_mode`."""
        own = {} if self.epsilon_mode == "inside" else {"epsilon_mode": self.epsilon_mode}
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
            **own,
        }
