"""LAMB."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..arguments import fraction, not_negative
from ..schedules import LearningRate
from .optimizer import Optimizer


class Lamb(Optimizer):
    """Adam's step u = m̂/(√v̂ + ε), its length brought to that of the weight: w −= lr·‖w‖/‖u‖·u, for large batches.

    m̂ and v̂ are the moments corrected for bias; where a norm is 0 the factor is 1. Source: You et al. 2020, "Large
    batch optimization for deep learning: training BERT in 76 minutes", algorithm 2.
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
        return (("momentum", "velocity"),)

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        t, m, v = self.iterations + 1, slots["momentum"], slots["velocity"]
        m[...] += (1 - self.beta_1) * (g - m)
        v[...] += (1 - self.beta_2) * (g * g - v)
        u = m / (1 - self.beta_1**t) / (np.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)
        length, step = (np.sqrt(kernels.of(w).sum_squares(array)) for array in (w, u))
        both = (length > 0) & (step > 0)
        ratio = np.where(both, length / np.where(both, step, 1), 1).astype(w.dtype)
        w[...] -= learning_rate * ratio * u

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
