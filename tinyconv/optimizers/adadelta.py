"""Adadelta."""

from collections.abc import Sequence
from typing import Any

from .. import kernels
from ..arguments import fraction, not_negative
from ..schedules import LearningRate
from .optimizer import Optimizer


class Adadelta(Optimizer, elementwise=True):
    """Steps as long as the steps before: a = ρa + (1 − ρ)g², s = g·√(d + ε)/√(a + ε), d = ρd + (1 − ρ)s², w −= lr·s.

    The paper (Zeiler 2012) has no learning rate: it is 1, which is the default of Keras 1 and 2 and what their examples
    need. Keras 3's default of 0.001 is a thousand times slower: give `learning_rate=1.0` to repeat those.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
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
        self.rho, self.epsilon = fraction("rho", rho), not_negative("epsilon", epsilon)

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        return (("accumulated_grad", "accumulated_delta_var"),)

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        a, d = slots["accumulated_grad"], slots["accumulated_delta_var"]
        kernels.of(w).adadelta_inplace(w, g, a, d, learning_rate, self.rho, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer."""
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
