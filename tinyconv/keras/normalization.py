"""Batch normalization's numbers, modes and frozen behaviour before Keras 3."""

from typing import Any

from .. import functions as F
from ..layers import BatchNormalization
from ..tensor import Tensor
from .eras import Era

BY_SAMPLE, BY_BATCH = 1, 2  # modes of Keras 1


class SampleNormalization(BatchNormalization):
    """`BatchNormalization(mode=1)` of Keras 1: each sample by the mean and deviation along its last axis.

    y = γ·(x − mean)/(√(variance + ε) + ε) + β
    """

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layer."""
        centred = x - F.mean(x, axis=-1, keepdims=True)
        deviation = F.sqrt(F.mean(centred * centred, axis=-1, keepdims=True) + self.epsilon) + self.epsilon
        y = centred / deviation
        y = y if self.gamma is None else y * self.gamma
        return y if self.beta is None else y + self.beta


class BatchAlways(BatchNormalization):
    """`BatchNormalization(mode=2)` of Keras 1: by the statistics of the batch at hand, in inference, too."""

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layer."""
        return super().call(x, True)


class FrozenInTraining(BatchNormalization):
    """Batch normalization up to Keras 2.3: frozen, it goes by the batch's statistics in training all the same.

    Its averages stand still then, since 2.1.3; before, they moved.
    """

    averages_stand = True

    def call(self, x: Tensor, training: bool) -> Tensor:
        """Compute the output of the layer."""
        if not training or self.trainable:
            return super().call(x, training)
        before = [average.data.copy() for average in (self.moving_mean, self.moving_variance)]
        self._trainable = True
        try:
            return super().call(x, True)
        finally:
            self._trainable = False
            if self.averages_stand:
                for average, values in zip((self.moving_mean, self.moving_variance), before, strict=True):
                    average.data[...] = values


class FrozenMoving(FrozenInTraining):
    """Batch normalization up to Keras 2.1.2: frozen, its averages still move."""

    averages_stand = False


for _kind in (SampleNormalization, BatchAlways, FrozenInTraining, FrozenMoving):
    _kind.__name__ = _kind.__qualname__ = "BatchNormalization"  # as files and summaries know it


def in_words_of_today(kind: type, arguments: dict[str, Any], era: Era) -> tuple[type, dict[str, Any]]:
    """Return the class and the arguments of a batch normalization with the numbers that were its defaults."""
    mode = arguments.pop("mode", 0)
    told = {**_defaults(era), **arguments}
    if mode == BY_SAMPLE:
        return SampleNormalization, told
    if mode == BY_BATCH:
        return BatchAlways, told
    if era.before(2, 1, 3):
        return FrozenMoving, told
    return (FrozenInTraining if era.before(3) else kind), told


def _defaults(era: Era) -> dict[str, float]:
    """Return momentum and ε where they differ from today's: .9 and 1e-6 to 1.0.6, ε 1e-6 at 1.0.7, 1e-5 to 1.1.2."""
    if era.before(1, 0, 7):
        return {"momentum": 0.9, "epsilon": 1e-6}
    if era.before(1, 0, 8):
        return {"epsilon": 1e-6}
    return {"epsilon": 1e-5} if era.before(1, 2) else {}
