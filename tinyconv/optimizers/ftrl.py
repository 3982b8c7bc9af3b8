"""FTRL."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import not_negative
from ..schedules import LearningRate
from ..tensor import Tensor
from .optimizer import Optimizer


class Ftrl(Optimizer, elementwise=True):
    """Follow the regularized leader: a weight is 0 as long as what its gradients add up to is below `l1`.

    With n the sum of squared gradients and p = −`learning_rate_power`,

        g′ = g + 2·shrinkage·w,  z += g′ − ((n + g²)ᵖ − nᵖ)/lr·w,  n += g²
        w = (clip(z, ±l1) − z)/(nᵖ/lr + 2·l2 + β/lr)

    Source: McMahan et al. 2013, "Ad click prediction: a view from the trenches", algorithm 1.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must be 0 or below, got {learning_rate_power}")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = not_negative("initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = not_negative("l1_regularization_strength", l1_regularization_strength)
        self.l2_regularization_strength = not_negative("l2_regularization_strength", l2_regularization_strength)
        shrinkage = l2_shrinkage_regularization_strength
        self.l2_shrinkage_regularization_strength = not_negative("l2_shrinkage_regularization_strength", shrinkage)
        self.beta = not_negative("beta", beta)

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("accumulator", "linear"),)

    def build(self, weights: Sequence[Tensor]) -> None:
        """Make the state for `weights`, once."""
        if not self.built:
            super().build(weights)
            for accumulator in self.slots["accumulator"]:
                accumulator[...] = self.initial_accumulator_value

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        n, z, power = slots["accumulator"], slots["linear"], -self.learning_rate_power
        grown = n + g * g
        z[...] += g + 2 * self.l2_shrinkage_regularization_strength * w
        z[...] -= (grown**power - n**power) / learning_rate * w
        l2 = self.l2_regularization_strength + self.beta / (2 * learning_rate)
        l1 = self.l1_regularization_strength
        w[...] = (np.clip(z, -l1, l1) - z) / (grown**power / learning_rate + 2 * l2)
        n[...] = grown

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer."""
        own = ("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength")
        more = ("l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta")
        return {**super().get_config(), **{name: getattr(self, name) for name in (*own, *more)}}
