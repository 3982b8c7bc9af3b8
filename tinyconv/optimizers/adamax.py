"""Adamax."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import fraction, not_negative
from ..schedules import LearningRate
from .optimizer import Optimizer


class Adamax(Optimizer, elementwise=True):
    """Adam by the largest gradient: m += (1 − β₁)(g − m), u = max(β₂·u, |g|), w −= lr·m/((1 − β₁ᵗ)(u + ε)).

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", section 7.1.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1, self.beta_2 = fraction("beta_1", beta_1), fraction("beta_2", beta_2)
        self.epsilon = not_negative("epsilon", epsilon)

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("momentum", "norm"),)

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        m, u = slots["momentum"], slots["norm"]
        m[...] += (1 - self.beta_1) * (g - m)
        u[...] = np.maximum(self.beta_2 * u, np.abs(g))
        w[...] -= learning_rate / (1 - self.beta_1 ** (self.iterations + 1)) * m / (u + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
