"""Training with others: each rank computes its share of a batch, and all make the same update of the whole one's.

See `tinyconv.distributed`. A model that was compiled without a communicator takes none of these ways.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from .. import functions as F
from ..autograd import no_grad
from ..callbacks import CallbackList
from ..data import Batch, Dataset
from ..data.arrays import per_name
from ..data.dataset import as_batch, count, select, share
from ..distributed import Communicator, Interrupted, computing_share
from ..objectives import RunningMetrics
from ..structure import flat
from ..tensor import as_array
from .alike import mend_averages, require_alike
from .own_steps import OwnStepping
from .summed import SummedLogs

Shape = tuple[int | None, ...]


class Together(OwnStepping):
    """What a model does with a batch of which other ranks have shares, too."""

    distributed: Communicator | None = None
    begin_at: tuple[int, int] | None = None  # epoch and batch, from 0, that a callback has restored
    stop_training = False
    batch_samples = 0  # of the batch that `fit` has in hand
    _exchanged = False  # whether the step at hand has summed its gradients
    _seen = 0  # samples that this rank has trained on in this epoch

    def reduce_gradients(self, gradients: list[Any], samples: int) -> list[Any]:
        """Return the gradients of the mean loss over the samples of all ranks; of one alone, those that are given."""
        if self.distributed is None:
            return gradients
        self._exchanged = True
        weights = [weight.data for weight in self.trainable_weights]
        gradients, self.batch_samples = self.distributed.sum_gradients(gradients, samples, weights)
        return gradients

    def _updates_in_pieces(self) -> bool:
        """Whether large gradients may reach the optimizer piece by piece: no other rank or user's code reads them."""
        own = getattr(self.reduce_gradients, "__func__", None) is Together.reduce_gradients
        return own and self.distributed is None and super()._updates_in_pieces()

    def _update(self, gradients: list[Any], samples: int, weights: list[Any]) -> None:
        """Change the weights by gradients of this rank's share, and those of the others."""
        if self.distributed is None:
            super()._update(gradients, samples, weights)
            return
        assert self.optimizer is not None
        shared = self.distributed.update
        if shared is None:
            gradients = self.reduce_gradients(gradients, samples)
            if self.keeps_gradients:
                self.gradients = gradients
        else:
            self._exchanged = True
            gradients, self.batch_samples = shared.gradients(gradients, samples)
        if self.batch_samples and weights:
            self.optimizer.apply(gradients, weights)
        else:
            self.optimizer.iterations += 1
        if shared is not None:
            shared.spread()

    def share_of(self, data: Dataset) -> Dataset:
        """Return what this rank computes of a dataset."""
        if self.distributed is None or self.distributed.size == 1:
            return data
        return data.shard(self.distributed.rank, self.distributed.size)

    def _own_share(self, batch: Batch) -> Batch:
        """Return this rank's share of a batch that is checked."""
        if self.distributed is None:
            return batch
        own = share(count(batch.x), self.distributed.rank, self.distributed.size)
        x, y, sample_weight = (select(part, own) for part in batch[:3])
        return Batch(x, y, sample_weight, batch.first + own.start)

    def without_samples(self, batch: Batch) -> Batch:
        """Return what stands for a batch that has no samples; with others, of the same shapes as theirs."""
        if self.distributed is None or self.steps_freely:
            return super().without_samples(batch)
        shapes = self.input_shape if isinstance(self.input_shape, list) else [self.input_shape]
        named = zip(self.input_names, per_name("x", batch.x, self.input_names), shapes, strict=True)
        x = [self._fitted(name, as_array(part, self.dtype), shape) for name, part, shape in named]
        y = [None if each is None else np.asarray(each) for each in self._targets(batch.y)]
        return Batch(x[0] if len(x) == 1 else x, y[0] if len(y) == 1 else y, None, batch.first)

    def _step_of_training(self) -> Any:
        """Return the method that makes an update with a batch."""
        if self.distributed is not None:
            self._seen = 0
            whole = self.steps_freely or self.keeps_gradients
            assert self.optimizer is not None
            self.distributed.share_update(self.optimizer, self.trainable_weights, wanted=not whole)
            return self._train_together
        return self._train_freely if self.steps_freely else self._train

    def _train_together(self, batch: Batch, running: RunningMetrics) -> None:
        """Make one update with the shares of all ranks, and take them into the running means."""
        assert self.distributed is not None
        self._exchanged = False
        if self.steps_freely and count(batch.x):
            self._train_freely(batch, running)
        elif count(batch.x):
            self._train(batch, running)
        else:
            self._train_on_no_share(batch, running)
        if not self._exchanged:
            raise ValueError(
                f"{type(self).__name__}'s train_step makes an update of its own, which the other ranks do not know: "
                "have it call self.reduce_gradients(gradients, samples) and apply what that returns"
            )
        self._seen += count(batch.x)
        self._sum_logs(running)

    def _train_on_no_share(self, batch: Batch, running: RunningMetrics) -> None:
        """Make the update of a batch that has no samples here.

        The passes go through the layers all the same, without samples: layers that draw count the step, and those that
        ask the other ranks in the middle of a pass answer theirs.
        """
        weights = self.trainable_weights
        with self._computing(batch):
            if not self.steps_freely:
                outputs = self._outputs_of_none(batch, True, running)
                total = F.sum(outputs[0])
                for output in outputs[1:]:
                    total = total + F.sum(output)
                if total.requires_grad:
                    total.backward()
            for weight in weights:
                weight.grad = None
            self._update([None] * len(weights), 0, weights)

    def _outputs_of_none(self, batch: Batch, training: bool, running: RunningMetrics) -> list[Any]:
        """Return the outputs of a batch without samples; the metrics take it in, which makes their state."""
        batch = self.moved(batch)
        outputs = flat(self(batch.x, training=training))
        targets = batch.y if isinstance(batch.y, list) else [batch.y] * len(outputs)
        running.update(targets, outputs, [None] * len(outputs))
        return outputs

    def _test_on_no_share(self, batch: Batch, running: RunningMetrics) -> None:
        """Take a batch into the running means that has no samples here."""
        if not self.steps_freely and running.metrics is None:
            with no_grad():
                self._outputs_of_none(batch, False, running)

    def _sum_logs(self, running: RunningMetrics, seen: int | None = None) -> None:
        """Have a run report its means over the samples of all ranks."""
        assert self.distributed is not None
        if self.steps_freely:
            logs = self.distributed.mean_logs(running.reported or {}, self._seen if seen is None else seen)
            running.reported = logs
        else:
            running.reported = SummedLogs(running.by_name(), self.distributed)  # type: ignore[assignment]

    def _logs(self, running: RunningMetrics) -> Mapping[str, float]:
        return running.logs() if self.distributed is not None else super()._logs(running)

    def _computing(self, batch: Batch) -> AbstractContextManager[None]:
        usual = super()._computing(batch)
        return usual if self.distributed is None else self._computing_share(usual, count(batch.x))

    @contextmanager
    def _computing_share(self, usual: AbstractContextManager[None], samples: int) -> Iterator[None]:
        assert self.distributed is not None
        with usual, computing_share(self.distributed, samples):
            yield

    def _stepping(self) -> AbstractContextManager[None]:
        """Train in the `with` block: with others, a signal is heeded by all at once."""
        return nullcontext() if self.distributed is None else self.distributed.stepping()

    def _stops(self) -> bool:
        """Return whether training is to end after the batch at hand; raise Interrupted where a signal asked for it."""
        if self.distributed is None:
            return self.stop_training
        asked = self.distributed.largest(self.distributed.interrupted << 1 | bool(self.stop_training))
        if asked > 1:
            raise Interrupted(asked >> 1)
        self.stop_training = bool(asked)
        return self.stop_training

    def _begin_together(self, data: Dataset, validation: Dataset | None, run: Mapping[str, Any]) -> None:
        """Build the model, so that all ranks have weights, and see that all are about to do the same."""
        assert self.distributed is not None
        if self.input_shape is None and "train_step" not in self.own_steps:
            self.checked_inputs(as_batch(data.first()).x)
        require_alike(self.distributed, self, {"training data": data, "validation data": validation}, run)

    def _take_over(self) -> None:
        """Give all ranks the state that a callback of rank 0 has restored, if it has."""
        assert self.distributed is not None
        self.begin_at = self.distributed.broadcast(self.begin_at)
        if self.begin_at is not None:
            self.broadcast_state()

    def broadcast_state(self) -> None:
        """Give all ranks the weights of rank 0, the state of its optimizer, and the steps of its random numbers."""
        assert self.distributed is not None
        assert self.optimizer is not None
        self.optimizer.build(self.trainable_weights)
        self.distributed.broadcast_weights(self.weights)
        drawing = [layer for layer in self.every_layer() if hasattr(layer, "seed_state")]
        own = [value for _, value in self.optimizer.variables()], [layer.seed_state for layer in drawing]
        variables, seeds = self.distributed.broadcast(own)
        if self.distributed.rank:
            self.optimizer.load_variables(variables)
            for layer, seed in zip(drawing, seeds, strict=True):
                layer.seed_state = seed

    def _end_epoch(self, epoch: int) -> None:
        """Average what each rank has found out on its own, and see that all have made the same updates."""
        assert self.distributed is not None
        mend_averages(self.distributed, self, epoch, self._seen)

    def _callbacks_here(self, listeners: CallbackList) -> None:
        """Let rank 0 alone write and show progress."""
        if self.distributed is not None and self.distributed.rank:
            listeners.callbacks[:] = [each for each in listeners.callbacks if not each.by_rank_0]

    @property
    def weights(self) -> list[Any]:
        """All weights."""
        raise NotImplementedError

    def every_layer(self) -> list[Any]:
        """Return the layers, and those within them."""
        raise NotImplementedError
