"""Optimizer: a learning rate, a count of updates, state for each weight, and what all rules have in common."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from .. import kernels, names, schedules
from ..arguments import not_negative
from ..autograd import no_grad
from ..config import floatx
from ..layers.parameter import Parameter
from ..schedules import LearningRate
from ..tensor import Tensor

EPSILON_MODES = dict.fromkeys(("inside", "outside"))  # where the ε of RMSprop and Adagrad stands: of the root


class Rate(float):
    """A learning rate as a number that can be set, as a variable of Keras's can: `model.optimizer.learning_rate`."""

    optimizer: "Optimizer"

    def assign(self, value: Any) -> None:
        """Set the optimizer's learning rate."""
        self.optimizer.learning_rate = value

    def numpy(self) -> np.ndarray:
        """Return the number as an array of no axes."""
        return np.asarray(float(self), floatx())

    def __reduce__(self) -> Any:
        return float, (float(self),)


class Optimizer:
    """Base of all optimizers.

    A step clips the gradients, decays the weights, changes each weight by the subclass's `update`, with the learning
    rate of the steps done so far, and then holds it to its constraint: Keras's order.

    `learning_rate` is a number, a schedule or a function of the step (see `schedules`). `weight_decay` d takes
    lr·d·w off every weight w, apart from its gradient (Loshchilov & Hutter 2019); see `exclude_from_weight_decay`.
    One of the three that clip may be given: `clipnorm` scales the gradient of each weight down to a norm of at most
    that (Pascanu, Mikolov & Bengio 2013), `global_clipnorm` all together, `clipvalue` cuts off each number. 0 clips
    nothing. Not built, and refused, are Keras's moving averages of weights (`use_ema` and what belongs to it),
    `loss_scale_factor` and `gradient_accumulation_steps`.
    """

    def __init__(
        self,
        learning_rate: LearningRate,
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
        unbuilt = {
            "use_ema": use_ema,
            "ema_momentum": ema_momentum,
            "ema_overwrite_frequency": ema_overwrite_frequency,
            "loss_scale_factor": loss_scale_factor,
            "gradient_accumulation_steps": gradient_accumulation_steps,
        }
        for argument, value in unbuilt.items():
            if value != UNBUILT[argument]:
                raise ValueError(
                    f"{type(self).__name__} got {argument}={value!r}, which tinyconv does not offer: leave it out"
                )
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = [argument for argument, limit in limits.items() if limit is not None]
        if len(given) > 1:
            raise ValueError(f"one of clipnorm, clipvalue and global_clipnorm may be given, got {' and '.join(given)}")
        self._learning_rate = learning_rate if callable(learning_rate) else not_negative("learning_rate", learning_rate)
        self.weight_decay = None if weight_decay is None else not_negative("weight_decay", weight_decay)
        self.clipnorm, self.clipvalue, self.global_clipnorm = (
            None if limit is None else not_negative(argument, limit) for argument, limit in limits.items()
        )
        self.name = name or names.automatic(type(self).__name__)
        self.iterations = 0
        self.slots: dict[str, list[Any]] = {}
        self.built = False
        self._places: dict[int, int] = {}  # of each weight in the lists of slots, by its id
        self._undecayed: list[Tensor] = []
        self._undecayed_paths: list[str] = []

    elementwise = False

    def __init_subclass__(cls, elementwise: bool = False, **arguments: Any) -> None:
        """Note whether the class says that `update` changes each number by its own gradient and state alone.

        Then it may be called with some numbers of a weight at a time. A subclass that does not say so is asked for all.
        """
        super().__init_subclass__(**arguments)
        cls.elementwise = elementwise

    @property
    def by_element(self) -> bool:
        """Whether each number of a weight changes by its own gradient and state alone: no rule or norm sees others."""
        return self.elementwise and not (self.clipnorm or self.global_clipnorm or self.clipvalue)

    def __repr__(self) -> str:
        rate = self._learning_rate
        shown = type(rate).__name__ if callable(rate) else f"{rate:g}"
        return f"<{type(self).__name__} learning_rate={shown}, iterations={self.iterations}>"

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a copy, whose weights are copies too: their places are by their own ids."""
        self.__dict__.update(state)
        self._places = {id(weight): place for place, weight in enumerate(state.get("_weights", []))}

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step, a number with `assign` and `numpy`.

        It can be set to a number, or to a schedule or function, but a schedule or function not to a number (TypeError).
        """
        rate = Rate(self._rate())
        rate.optimizer = self
        return rate

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        if callable(value):
            self._learning_rate = value
        elif callable(self._learning_rate):
            raise TypeError(
                f"the learning rate of {self.name} follows a schedule, so that it cannot be set to {value!r}: make the "
                "optimizer with a number, or set another schedule"
            )
        else:
            given: Any = value
            given = given.item() if isinstance(given, Tensor | np.ndarray) else given
            self._learning_rate = not_negative("learning_rate", given)

    def _rate(self) -> float:
        rate = self._learning_rate
        return schedules.at(rate, self.iterations) if callable(rate) else rate

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """Return the names of the arrays that are kept for each weight.

        Files have one group after the other, and in a group all slots of one weight after those of another: Keras's
        order.
        """
        return ()

    def update(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float) -> None:
        """Change the array `w` in place, given its gradient and its slots."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def initial_slot(self, w: Any) -> Any:
        """Return the first value of a slot for the array `w`."""
        return np.zeros_like(w)

    def build(self, weights: Sequence[Tensor]) -> None:
        """Make the state for `weights`, once."""
        if not self.built:
            self._weights = list(weights)
            self._places = {id(weight): place for place, weight in enumerate(weights)}
            self.slots = {
                name: [self.initial_slot(weight.data) for weight in weights]
                for group in self.slot_groups()
                for name in group
            }
            self.built = True

    def slots_of(self, weight: Tensor) -> dict[str, Any]:
        """Return the arrays that are kept for one of the weights that the optimizer was built for, by name."""
        place = self._places[id(weight)]
        return {name: arrays[place] for name, arrays in self.slots.items()}

    def to(self, device: str) -> None:
        """Move the state to `device`, "cpu" or "gpu"."""
        self.slots = {name: [kernels.move(array, device) for array in arrays] for name, arrays in self.slots.items()}

    def exclude_from_weight_decay(
        self, var_list: Sequence[Tensor] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave weights out of the decay from now on: those in `var_list`, and all whose path has one of `var_names`.

        Names are Keras's patterns: "bias" is in the path of every bias, "dense_1/" in those of one layer's weights.
        """
        self._undecayed, self._undecayed_paths = list(var_list or []), list(var_names or [])

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Tensor]]) -> None:
        """Make one step, as `apply` does, given pairs of a gradient and its weight."""
        gradients, weights = zip(*grads_and_vars, strict=True)
        self.apply(gradients, weights)

    def apply(self, gradients: Sequence[Any], weights: Sequence[Tensor] | None = None) -> None:
        """Make one step: change every weight in place by its gradient. One without a gradient (None) stays as it is.

        Gradients are arrays or tensors; or, where a part of a weight's numbers is to change, iterators over pieces of
        it (their place in the weight, flat; their gradient): only if `by_element`. Without `weights` they are of those
        that the optimizer was built for. Raises ValueError for weights other than those of the first step: the state is
        theirs.
        """
        if weights is None:
            weights = self._weights if self.built else []
        self.build(weights)
        changed = self._with_gradients(gradients, weights)
        learning_rate = self._rate()
        for g, weight in zip(self.clipped([g for g, _ in changed]), [weight for _, weight in changed], strict=True):
            if kernels.device(weight.data) == "cpu" and not weight.data.flags.writeable:
                raise ValueError(f"weight {_path(weight)} is a read-only array, to be trained it must be a copy of it")
            decay = learning_rate * self.weight_decay if self.weight_decay and self._decays(weight) else 0.0
            slots = self.slots_of(weight)
            if isinstance(g, Iterator):
                w, slots = weight.data.reshape(-1), {name: array.reshape(-1) for name, array in slots.items()}
                for part, values in g:
                    own = {name: array[part] for name, array in slots.items()}
                    self._change(w[part], values, own, learning_rate, decay)
            else:
                self._change(weight.data, g, slots, learning_rate, decay)
            if isinstance(weight, Parameter) and weight.constraint is not None:
                with no_grad():
                    weight.assign(weight.constraint(weight))
        self.iterations += 1

    def _change(self, w: Any, g: Any, slots: dict[str, Any], learning_rate: float, decay: float) -> None:
        """Change an array in place, after taking the share `decay` off it."""
        if decay:
            kernels.of(w).decay_inplace(w, decay)
        self.update(w, g, slots, learning_rate)

    def _with_gradients(self, gradients: Sequence[Any], weights: Sequence[Tensor]) -> list[tuple[Any, Tensor]]:
        """Return (gradient, weight) of all weights that have a gradient; warn of the others."""
        for weight in weights:
            if id(weight) not in self._places:
                raise ValueError(
                    f"{self.name} has no state for weight {_path(weight)}: compile the model with a new optimizer when "
                    "other weights are to be trained than before"
                )
        pairs = list(zip(gradients, weights, strict=True))
        changed = [(g.data if isinstance(g, Tensor) else g, weight) for g, weight in pairs if g is not None]
        if len(changed) < len(pairs):
            unused = ", ".join(_path(weight) for g, weight in pairs if g is None)
            if not changed:
                raise ValueError(f"no weight has a gradient: the loss depends on none of {unused}")
            warnings.warn(f"the loss does not depend on {unused}: not trained", stacklevel=3)
        return changed

    def clipped(self, gradients: list[Any]) -> list[Any]:
        """Return the gradients, in new arrays where they are clipped. What is on a GPU stays there, unseen."""
        if self.clipvalue:
            return [kernels.of(g).clip(g, self.clipvalue) for g in gradients]
        limit = self.clipnorm or self.global_clipnorm
        if not limit:
            return gradients
        squares = [kernels.of(g).sum_squares(g) for g in gradients]
        if self.clipnorm:
            factors = [limit / np.maximum(np.sqrt(square), limit) for square in squares]
        else:
            norm = np.sqrt(sum(squares))
            # A norm that is no number makes all weights so, as in Keras: a mistake is not to go unseen.
            factors = [np.where(np.isfinite(norm), limit / np.maximum(norm, limit), np.nan)] * len(squares)
        return [kernels.of(g).scale(g, factor.astype(g.dtype)) for g, factor in zip(gradients, factors, strict=True)]

    def _decays(self, weight: Tensor) -> bool:
        """Return whether weight decay is for `weight` too."""
        if any(weight is one for one in self._undecayed):
            return False
        return not any(re.search(pattern, _path(weight)) for pattern in self._undecayed_paths)

    def variables(self) -> list[tuple[str, Any]]:
        """Return (name, value) of all state in the order of Keras's files: iterations, learning rate, slots.

        A learning rate that follows a schedule is no state: the schedule knows it from the iterations.
        """
        numbers: list[tuple[str, Any]] = [("iterations", self.iterations)]
        if not callable(self._learning_rate):
            numbers.append(("learning_rate", self._learning_rate))
        groups = self.slot_groups() if self.built else ()
        slots = [
            (name, array)
            for group in groups
            for arrays in zip(*(self.slots[name] for name in group), strict=True)
            for name, array in zip(group, arrays, strict=True)
        ]
        return [*numbers, *slots]

    def load_variables(self, values: Sequence[Any]) -> None:
        """Restore the state that `variables` listed; the optimizer must be built for the same weights."""
        state = self.variables()
        if len(values) != len(state):
            raise ValueError(f"{type(self).__name__} has {len(state)} variables, the file holds {len(values)}")
        pairs = list(zip(state, values, strict=True))
        # A number is an attribute of its name; its type tells it from an array.
        numbers = {name: type(own)(value) for (name, own), value in pairs if isinstance(own, int | float)}
        not_negative("learning_rate", numbers.get("learning_rate", 0.0))
        for name, number in numbers.items():
            setattr(self, name, number)
        for (_, own), value in pairs:
            if not isinstance(own, int | float):
                own[...] = kernels.move(np.asarray(value), kernels.device(own))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer, state apart, under Keras's names."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": schedules.serialize(rate) if callable(rate) else rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            **UNBUILT,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the optimizer that `get_config` described."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate)}
        return cls(**config)


# Keras's arguments that are not built, with the values that change nothing.
UNBUILT: dict[str, Any] = {
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


def _path(weight: Tensor) -> str:
    """Return the path of a weight ("conv2d/kernel"), or of a bare tensor its shape."""
    return str(getattr(weight, "path", weight.shape))
