"""Stepping: one batch through the model, forward, and in training backward and into the weights."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from .. import optimizers
from ..autograd import lean, no_grad
from ..data import Batch
from ..data.dataset import count
from ..layers import Parameter
from ..objectives import LazyLogs, RunningMetrics
from ..randomness import first_sample
from ..structure import flat
from ..tensor import Tensor
from .inputs import DataChecks


class Stepping(DataChecks):
    """What a model does with a batch."""

    optimizer: optimizers.Optimizer | None = None
    keeps_gradients = False  # a callback sets it to True, to find in `gradients` those of the last update
    gradients: list[Any] | None = None

    @property
    def trainable_weights(self) -> list[Parameter]:
        """Weights that training changes."""
        raise NotImplementedError

    @property
    def losses(self) -> list[Tensor]:
        """Penalties of the regularised weights."""
        raise NotImplementedError

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the model's output, or a list of outputs."""
        raise NotImplementedError

    def reduce_gradients(self, gradients: list[Any], samples: int) -> list[Any]:
        """Return the gradients (arrays, or None for a weight without) that the optimizer is to get.

        They are those of the mean loss of a batch of `samples` samples: themselves here. Whoever trains in several
        processes returns the mean of all, each weighted by its samples.
        """
        return gradients

    def _train(self, batch: Batch, running: RunningMetrics) -> None:
        """Make one update: forward, loss, backward, optimizer."""
        with self._computing(batch):
            with lean():
                loss = self._total_loss(batch, True, running)
            weights = self.trainable_weights
            for weight in weights:
                weight.grad = None
            try:
                if loss.requires_grad:
                    loss.backward(in_pieces=weights if self._updates_in_pieces() else ())
                self._update([weight.grad for weight in weights], count(batch.x), weights)
            finally:
                for weight in weights:
                    weight.grad = None

    def _updates_in_pieces(self) -> bool:
        """Whether large gradients may reach the optimizer piece by piece: it needs no more, and nobody else any."""
        assert self.optimizer is not None
        return self.device == "cpu" and self.optimizer.by_element and not self.keeps_gradients

    def _update(self, gradients: list[Any], samples: int, weights: list[Parameter]) -> None:
        """Change the weights by gradients of the mean loss of a batch of `samples` samples."""
        assert self.optimizer is not None
        gradients = self.reduce_gradients(gradients, samples)
        if self.keeps_gradients:
            self.gradients = gradients
        if weights:
            self.optimizer.apply(gradients, weights)

    def _train_on_none(self) -> None:
        """Make the update of a batch that has no samples here, with what other processes found on theirs.

        Where there are none, no weight changes. It counts as an update: epochs stay as long as they are.
        """
        assert self.optimizer is not None
        weights = self.trainable_weights
        none = [np.zeros_like(weight.data) for weight in weights]
        gradients = self.reduce_gradients(none, 0)
        if gradients is none:
            self.optimizer.iterations += 1
        elif weights:
            self.optimizer.apply(gradients, weights)

    def _test(self, batch: Batch, running: RunningMetrics) -> None:
        """Take a batch into the running means, without training."""
        with no_grad(), self._computing(batch):
            self._total_loss(batch, False, running)

    def _total_loss(self, batch: Batch, training: bool, running: RunningMetrics) -> Tensor:
        """Compute the outputs of a batch, and return their losses plus the penalties of regularised weights."""
        outputs = flat(self(batch.x, training=training))
        targets, weights = _by_output(batch, len(outputs))
        total, parts = self._sum_of_losses(targets, outputs, weights)
        running.add(total, parts, targets, outputs, weights)
        return total

    def outputs_and_loss(self, batch: Batch, training: bool) -> tuple[list[Tensor], Tensor]:
        """Return the outputs for a batch that is checked, and its loss with all penalties: what training walks back."""
        outputs = flat(self(batch.x, training=training))
        targets, weights = _by_output(batch, len(outputs))
        return outputs, self._sum_of_losses(targets, outputs, weights)[0]

    def _sum_of_losses(
        self, targets: Sequence[Any], outputs: Sequence[Tensor], weights: Sequence[Any]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Return Σ weightᵢ·lossᵢ plus what layers add, and the loss of each output, None of one that has none."""
        given = zip(self.objectives, targets, outputs, weights, strict=True)
        parts = [
            None if objective.loss is None else objective.loss(target, output, weight)
            for objective, target, output, weight in given
        ]
        weighted = [
            part if objective.weight == 1 else part * objective.weight
            for objective, part in zip(self.objectives, parts, strict=True)
            if part is not None
        ]
        terms = [*weighted, *self.losses]
        if not terms:
            raise ValueError("there is no loss to compute: give compile a loss, or call add_loss in a layer")
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total, parts

    def _logs(self, running: RunningMetrics) -> Mapping[str, float]:
        """Return the means so far; on a GPU they are fetched when somebody looks."""
        return running.logs() if self.device == "cpu" else LazyLogs(running)

    def _computing(self, batch: Batch) -> AbstractContextManager[None]:
        """Compute with a batch in the `with` block: as the part of a larger one that it is, see `Dataset.shard`."""
        return first_sample(batch.first) if self.device == "cpu" else self._computing_on_gpu(batch)

    @contextmanager
    def _computing_on_gpu(self, batch: Batch) -> Iterator[None]:
        """Where the GPU's memory runs out, say on which batch, and which to try."""
        try:
            with first_sample(batch.first):
                yield
        except MemoryError as error:
            n = count(batch.x)
            fix = f"try batch_size={n // 2}" if n > 1 else "the model needs a larger GPU, or the CPU"
            raise MemoryError(f"a batch of {n} does not fit on the GPU ({error}): {fix}") from None

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        raise NotImplementedError

    def _require_compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None or not self.compiled:
            raise ValueError("compile the model first: model.compile(optimizer=..., loss=..., metrics=[...])")
        return self.optimizer


def _by_output(batch: Batch, n: int) -> list[list[Any]]:
    """Return a batch's targets and its samples' weights, a list of `n` each: those of each output."""
    return [part if isinstance(part, list) else [part] * n for part in batch[1:3]]
