"""Nadam."""

from collections.abc import Sequence
from typing import Any

from .. import kernels
from ..arguments import fraction, not_negative
from ..schedules import LearningRate
from ..tensor import Tensor
from .optimizer import Optimizer


class Nadam(Optimizer, elementwise=True):
    """Adam with Nesterov's momentum, μₜ = β₁·(1 − 0.96ᵗ/2) at step t (Dozat 2016, "Incorporating Nesterov momentum").

    `schedule_decay` d makes it μₜ = β₁·(1 − 0.96ᵗᵈ/2), with d = 0.004 in Keras 1 and 2 and in tf.keras ≤ 2.10.
    m and v as in Adam; m̂ = μₜ₊₁·m/(1 − μ₁⋯μₜ₊₁) + (1 − μₜ)·g/(1 − μ₁⋯μₜ), w −= lr·m̂/(√(v/(1 − β₂ᵗ)) + ε).
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
        *,
        schedule_decay: float = 1.0,
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
        self.schedule_decay = not_negative("schedule_decay", schedule_decay)
        self.u_product = 1.0  # μ₁⋯μₜ after t steps

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("momentum", "velocity"),)

    def apply(self, gradients: Sequence[Any], weights: Sequence[Tensor] | None = None) -> None:
        """Make one step: change every weight in place by its gradient."""
        super().apply(gradients, weights)
        self.u_product *= self._momentum(self.iterations)

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        t = self.iterations + 1
        now, following = self._momentum(t), self._momentum(t + 1)
        product = self.u_product * now
        alpha_m = learning_rate * following / (1 - product * following)
        alpha_g = learning_rate * (1 - now) / (1 - product)
        m, v, bias = slots["momentum"], slots["velocity"], 1 - self.beta_2**t
        kernels.of(w).nadam_inplace(w, g, m, v, alpha_m, alpha_g, self.beta_1, self.beta_2, bias, self.epsilon)

    def product(self, steps: int) -> float:
        """Return μ₁⋯μₜ of t steps, which files of old Keras do not hold."""
        product = 1.0
        for t in range(1, steps + 1):
            product *= self._momentum(t)
            if not product:
                break
        return product

    def _momentum(self, t: int) -> float:
        """Return μₜ."""
        return self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.schedule_decay))

    def variables(self) -> list[tuple[str, Any]]:
        """Return (name, value) of all state in the order of Keras's files, the product of momenta last."""
        return [*super().variables(), *([("u_product", self.u_product)] if self.built else [])]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer; Keras 3 has no `schedule_decay`."""
        own = {} if self.schedule_decay == 1 else {"schedule_decay": self.schedule_decay}
        known = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **known, **own}
