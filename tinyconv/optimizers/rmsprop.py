"""RMSprop."""

from collections.abc import Sequence
from typing import Any

from .. import kernels
from ..arguments import fraction, not_negative
from ..names import look_up
from ..schedules import LearningRate
from .optimizer import EPSILON_MODES, Optimizer


class RMSprop(Optimizer, elementwise=True):
    """Divides the gradient by a running root mean square: v = ρv + (1 − ρ)g², w −= lr·g/√(v + ε).

    `epsilon_mode` "inside" adds ε under the root (Keras 3, tf.keras ≥ 2.11); "outside" divides by √v + ε (Keras 1.2 to
    2.3, tf.keras ≤ 2.10: the tutorials of 2017 to 2019). `momentum` and `centered` as in Keras. The `decay` of Keras 1
    and 2 is the schedule `InverseTimeDecay`.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        look_up("epsilon_mode", epsilon_mode, EPSILON_MODES)
        self.rho, self.momentum = fraction("rho", rho), fraction("momentum", momentum)
        self.epsilon, self.centered = not_negative("epsilon", epsilon), centered
        self.epsilon_mode = epsilon_mode

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight."""
        kept = {"velocity": True, "momentum": self.momentum > 0, "average_gradient": self.centered}
        return [(name,) for name, wanted in kept.items() if wanted]

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change `w` in place."""
        kernels.of(w).rmsprop_inplace(
            w,
            g,
            slots["velocity"],
            slots.get("momentum"),
            slots.get("average_gradient"),
            learning_rate,
            self.rho,
            self.momentum,
            self.epsilon,
            self.epsilon_mode == "inside",
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer; Keras, which has no `epsilon_mode`, reads it if it can."""
        own = {} if self.epsilon_mode == "inside" else {"epsilon_mode": self.epsilon_mode}
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
            **own,
        }
