"""TensorBoard: scalars, histograms and images in the event files that TensorBoard shows.

They are written by the package tensorboardX, which needs no TensorFlow: `pip install "tinyconv[tensorboard]"`.
`tensorboard --logdir logs` shows them.
"""

import json
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import size, whole
from ..kernels import move
from .callback import BatchLogs, Callback

NUMBERS = count()  # of event files
IMAGES = 3  # of one weight: as many as Keras's images have


class TensorBoard(Callback):
    """Writes what happens in training to `log_dir`/train, and of validation and `evaluate` to `log_dir`/validation.

    After each epoch: its logs and the learning rate, as "epoch_loss", …; after every `histogram_freq` epochs, from the
    first on, histograms of all weights, with `write_images` images of them, too, and with `write_grads` histograms of
    the gradients of the epoch's last update. After each evaluation: its results by the number of updates. With
    `update_freq` "batch", or a number of batches, also the logs of every batch, or of every so many
    batches, as "batch_loss", …. `write_graph` writes the model's description, which TensorBoard draws, and
    `write_steps_per_second` the speed.
    Profiles and embeddings are not written, and `profile_batch` and `embeddings_freq` must be 0.
    """

    by_rank_0 = True

    def __init__(
        self,
        log_dir: str | Path = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
        *,
        write_grads: bool = False,
    ) -> None:
        unbuilt = {"profile_batch": profile_batch, "embeddings_freq": embeddings_freq}
        for name, value in (*unbuilt.items(), ("embeddings_metadata", embeddings_metadata)):
            if value:
                raise ValueError(f"TensorBoard got {name}={value!r}, which tinyconv does not offer: leave it out")
        self.log_dir = str(log_dir)
        self.histogram_freq = whole("histogram_freq", histogram_freq)
        self.write_graph, self.write_images, self.write_grads = write_graph, write_images, write_grads
        self.write_steps_per_second = write_steps_per_second
        if isinstance(update_freq, str) and update_freq not in ("epoch", "batch"):
            raise ValueError(f'update_freq must be "epoch", "batch" or a number of batches, got {update_freq!r}')
        words = {"epoch": 0, "batch": 1}
        self.every = words[update_freq] if isinstance(update_freq, str) else size("update_freq", update_freq)
        self.writers: dict[str, Any] = {}
        self.batches = 0  # of training, from 1
        self.fitting = False

    def writer(self, run: str) -> Any:
        """Return the writer of "train" or "validation"; its file is made when there is something to write."""
        if run not in self.writers:
            try:
                from tensorboardX import SummaryWriter
            except ModuleNotFoundError:
                raise ModuleNotFoundError(
                    'TensorBoard needs the package tensorboardX: pip install "tinyconv[tensorboard]"'
                ) from None
            # The writer names a file by the second, and would write over one that is as old.
            suffix = f".{os.getpid()}.{next(NUMBERS):04d}"
            self.writers[run] = SummaryWriter(str(Path(self.log_dir, run)), filename_suffix=suffix)
        return self.writers[run]

    def on_train_begin(self, logs: Any = None) -> None:
        """Write the model's description; ask for gradients, if they are to be written."""
        self.batches, self.fitting = 0, True
        self.writer("train")  # whether it can be written is known before training
        if self.write_grads and self.histogram_freq:
            self.model.keeps_gradients = True
        if self.write_graph:
            self._write_description()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the files."""
        self.fitting = False
        if self.write_grads and self.histogram_freq:
            self.model.keeps_gradients, self.model.gradients = False, None
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self.epoch_began, self.updates = time.perf_counter(), self.model.optimizer.iterations

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Start the clock."""
        self.batches += 1
        self.batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write the logs of the batch, if it is one of those."""
        if not self.every or self.batches % self.every:
            return
        if self.write_steps_per_second:
            speed = 1 / max(time.perf_counter() - self.batch_began, 1e-9)
            self._write_scalars("train", {"batch_steps_per_second": speed}, self.batches)
        self._write_scalars("train", {f"batch_{name}": value for name, value in (logs or {}).items()}, self.batches)

    def on_test_end(self, logs: Any = None) -> None:
        """Write the results of an evaluation."""
        named = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write_scalars("validation", named, self.model.optimizer.iterations)
        if not self.fitting:
            self._close()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the logs of the epoch, and histograms if it is time."""
        logs = dict(logs or {})
        held = {name: logs.pop(name) for name in [*logs] if name.startswith("val_")}
        if logs or held:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
            if self.write_steps_per_second:
                seconds = time.perf_counter() - self.epoch_began
                logs["steps_per_second"] = (self.model.optimizer.iterations - self.updates) / seconds
        self._write_scalars("train", {f"epoch_{name}": value for name, value in logs.items()}, epoch)
        named = {f"epoch_{name.removeprefix('val_')}": value for name, value in held.items()}
        self._write_scalars("validation", named, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        for writer in self.writers.values():
            writer.flush()

    def _write_scalars(self, run: str, values: BatchLogs, step: int) -> None:
        for name, value in values.items():
            self.writer(run).add_scalar(name, float(value), step)

    def _write_weights(self, epoch: int) -> None:
        for weight in (weight for layer in self.model.layers for weight in layer.weights):
            values = move(weight.data, "cpu")
            self._write_histogram(f"{weight.path}/histogram", values, epoch)
            if self.write_images:
                for place, image in enumerate(as_images(values)[:IMAGES]):
                    self.writer("train").add_image(f"{weight.path}/image/{place}", image, epoch, dataformats="HW")
        if self.model.keeps_gradients and self.model.gradients is not None:
            for weight, gradient in zip(self.model.trainable_weights, self.model.gradients, strict=True):
                if gradient is not None:
                    self._write_histogram(f"{weight.path}/gradient", move(gradient, "cpu"), epoch)

    def _write_histogram(self, name: str, values: np.ndarray, epoch: int) -> None:
        finite = values[np.isfinite(values)]  # what a diverged training leaves is not counted
        if finite.size:
            self.writer("train").add_histogram(name, finite, epoch)

    def _write_description(self) -> None:
        """Write the model's JSON, of which TensorBoard draws the layers; a model of one's own has none."""
        kind = type(self.model).__name__
        if kind not in ("Sequential", "Functional"):
            return
        from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboardX.proto.tensor_pb2 import TensorProto

        description = {"class_name": kind, "config": self.model.get_config()}
        plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        text = TensorProto(dtype="DT_STRING", string_val=[json.dumps(description).encode()])
        value = Summary.Value(tag="keras", metadata=SummaryMetadata(plugin_data=plugin), tensor=text)
        self.writer("train").file_writer.add_summary(Summary(value=[value]), 0)

    def _close(self) -> None:
        for writer in self.writers.values():
            writer.close()
        self.writers = {}


def as_images(weight: np.ndarray) -> np.ndarray:
    """Return a weight as images (n, h, w) of numbers in 0 … 1, from its smallest to its largest value.

    A bias is one row, a matrix one image that is wider than high, and a kernel (h, w, in, out) with one input channel
    has an image for each of its outputs; of others there are none.
    """
    values = np.squeeze(weight).astype(np.float64)
    if values.ndim == 0 or values.ndim > 3 or not np.isfinite(values).all():
        return np.empty((0, 1, 1))
    if values.ndim == 1:
        values = values[None, None]
    elif values.ndim == 2:
        values = (values.T if values.shape[0] > values.shape[1] else values)[None]
    else:
        values = values.transpose(2, 0, 1)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
