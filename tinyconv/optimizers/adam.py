"""Adam, AMSGrad and AdamW."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

from .. import kernels
from ..arguments import fraction, not_negative
from ..schedules import LearningRate
from .optimizer import Optimizer


class Adam(Optimizer, elementwise=True):
    """Adaptive moments: m += (1 − β₁)(g − m), v += (1 − β₂)(g² − v), w −= α·m/(√v + ε), α = lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ).

    ε is the paper's ε̂, not corrected for bias (Kingma & Ba 2015, end of section 2), as in Keras. With `amsgrad` the
    largest v so far divides in place of v (Reddi, Kale & Kumar 2018).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.epsilon, self.amsgrad = not_negative("epsilon", epsilon), amsgrad

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("momentum", "velocity"), *([("velocity_hat",)] if self.amsgrad else []))

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        t = self.iterations + 1
        alpha = learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        m, v, v_hat = slots["momentum"], slots["velocity"], slots.get("velocity_hat")
        kernels.of(w).adam_inplace(w, g, m, v, v_hat, alpha, self.beta_1, self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


class AdamW(Adam, elementwise=True):
    """Adam with weight decay, which is not part of the gradient: w −= lr·d·w before each update.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2; their schedule multiplier
    η is the learning rate's schedule, here and in Keras.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            not_negative("weight_decay", weight_decay),
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
