"""Keras on TensorFlow at its best on a CPU: one `tf.function` for the whole step, on tensors already in memory.

Measured on two AVX-512 cores, milliseconds a step of `mnist-fc` / `mnist-cnn5` / `mnist`, fastest of seven rounds: this
4.3 / 37 / 90; `train_on_batch` 5.1 / 38 / 90; the compiled `train_function` on a `tf.data` iterator 4.6 / 39 / 88; the
same step through XLA (`jit_compile=True`) 17 / 104 / 680.
"""

from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..inputs import Inputs
from ..models import Model
from . import keras_api


class Engine:
    """See `benchmarks.engines.Engine`."""

    penalty_in_loss = True

    def __init__(self, model: Model, inputs: Inputs, threads: int) -> None:
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(f"Keras runs on {keras.backend.backend()}, not on TensorFlow: set KERAS_BACKEND")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        keras.config.set_floatx(inputs.images.dtype.name)
        self.network = keras_api.Network(keras, model)
        self.network.set_weights(inputs.weights)
        self.model = self.network.model
        targets = keras_api.targets(model, inputs.labels)
        self.batches = [(tf.constant(x), tf.constant(y)) for x, y in zip(inputs.images, targets, strict=True)]
        self.spec = model
        self.predict_function = tf.function(lambda x: self.model(x, training=False))

    def step(self, index: int) -> float:
        """One call of the compiled step."""
        x, y = self.batches[index % len(self.batches)]
        return float(self.train_function(x, y))

    @cached_property
    def train_function(self) -> Any:
        """A compiled (x, y) -> loss that runs the whole step. Cross-entropy takes the logits before softmax or sigmoid.

        Made when first wanted: the optimizer's memory is no part of prediction.
        """
        model, variables = self.model, self.model.trainable_variables
        loss, optimizer = keras_api.loss(keras, self.spec), keras_api.optimizer(keras, self.spec)
        optimizer.build(variables)

        def step(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                value = loss(y, model(x, training=True))
                if model.losses:
                    value += tf.add_n(model.losses)
            optimizer.apply(tape.gradient(value, variables), variables)
            return value

        return tf.function(step)

    def predict(self, index: int) -> NDArray[np.float32]:
        """One call of the compiled inference."""
        x, _ = self.batches[index % len(self.batches)]
        outputs: NDArray[np.float32] = self.predict_function(x).numpy()
        return outputs

    def weights(self) -> list[NDArray[np.floating]]:
        """Copies of the weights."""
        return self.network.weights()
