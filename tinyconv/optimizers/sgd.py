"""Gradient descent, and with momentum."""

from collections.abc import Sequence
from typing import Any

from .. import kernels
from ..arguments import fraction
from ..schedules import LearningRate
from .optimizer import Optimizer


class SGD(Optimizer, elementwise=True):
    """Stochastic gradient descent: w −= lr·g; with momentum μ: m = μm − lr·g, w += m, or Nesterov's w += μm − lr·g."""

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum, self.nesterov = fraction("momentum", momentum), nesterov

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("momentum",),) if self.momentum else ()

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        if self.momentum:
            kernels.of(w).momentum_inplace(w, g, slots["momentum"], learning_rate, self.momentum, self.nesterov)
        else:
            kernels.of(w).sgd_inplace(w, g, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
