"""What scripts call of `keras.backend` and `keras.ops`, against live Keras: values, shapes, types."""

import numpy as np
from test_tensorflow_operations import faults, lines, plain

from tinyconv.keras import era

BACKEND = """
K.mean(x)
K.mean(x, axis=-1)
K.mean(x, axis=[1, 2], keepdims=True)
K.mean(K.equal(K.argmax(x), K.argmin(x)))
K.sum(x, axis=1)
K.sum(x)
K.max(x, axis=(0, 1))
K.min(x, axis=1, keepdims=True)
K.prod(x, axis=-1)
K.var(x, axis=1)
K.std(x)
K.any(K.greater(x, 0.8), axis=1)
K.all(K.less(x, 0.8))
K.cumsum(x, axis=1)
K.square(x)
K.sqrt(x)
K.abs(x - 0.5)
K.exp(x)
K.log(x)
K.pow(x, 2)
K.round(x * 3)
K.sign(x - 0.5)
K.sin(x)
K.cos(x)
K.clip(x, 0.3, 0.7)
K.maximum(x, 0.5)
K.minimum(x, 1 - x)
K.equal(x, x)
K.not_equal(x, 0.5)
K.greater(x, 0.5)
K.greater_equal(x, 0.5)
K.less_equal(x, 0.5)
K.argmax(x)
K.argmax(x, axis=1)
K.flatten(x)
K.batch_flatten(x)
K.reshape(x, (2, -1))
K.permute_dimensions(x, (2, 0, 1))
K.transpose(x)
K.concatenate([x, x], axis=1)
K.concatenate([x, x])
K.stack([x, x], axis=1)
K.expand_dims(x)
K.expand_dims(x, axis=0)
K.squeeze(x[:, :1], axis=1)
K.tile(x, [1, 2, 1])
K.repeat(x[:, 0], 3)
K.repeat_elements(x, 2, axis=1)
K.reverse(x, axes=1)
K.gather(x, [1, 0, 1])
K.dot(x[0], K.transpose(x[1]))
K.dot(x, K.transpose(x[0]))
K.batch_dot(x, K.permute_dimensions(x, (0, 2, 1)))
K.batch_dot(x[:, 0], x[:, 1], axes=1)
K.batch_dot(x, x, axes=2)
K.batch_dot(x, x, axes=[1, 1])
K.relu(x - 0.5)
K.relu(x - 0.5, alpha=0.1)
K.relu(x * 10, max_value=6)
K.elu(x - 0.5)
K.softmax(x)
K.softplus(x)
K.softsign(x)
K.sigmoid(x)
K.tanh(x)
K.l2_normalize(x, axis=-1)
K.one_hot([0, 2], 3)
K.cast(K.greater(x, 0.5), "float32")
K.cast(x * 10, "int32")
K.constant([[1, 2], [3, 4]])
K.constant(2, shape=(2, 2))
K.variable([1, 2])
K.zeros((2, 3))
K.ones((2,))
K.eye(3)
K.zeros_like(x)
K.ones_like(x)
K.arange(5)
K.arange(1, 7, 2)
K.shape(x)
K.int_shape(x)
K.ndim(x)
K.count_params(K.zeros((3, 4)))
K.dtype(x)
K.get_value(K.variable(3.5))
K.switch(K.greater(x, 0.5), x, -x)
K.in_top_k(x[:, 0], [1, 0], 2)
K.binary_crossentropy(K.cast(K.greater(x, 0.5), "float32"), x)
K.categorical_crossentropy(K.one_hot([[1, 2, 0], [0, 0, 3]], 4), x)
K.sparse_categorical_crossentropy(K.constant([[1, 2, 0], [0, 0, 3]]), x)
K.sparse_categorical_crossentropy(K.constant([[1, 2, 0], [0, 0, 3]]), x, from_logits=True)
K.resize_images(x[:, :, :, None], 2, 3, "channels_last")
K.resize_images(x[:, :, :, None], 2, 2, "channels_last", interpolation="bilinear")
K.spatial_2d_padding(x[:, :, :, None], ((1, 0), (2, 1)))
K.conv2d(x[:, :, :, None], K.ones((2, 2, 1, 3)), padding="same")
K.conv2d(x[:, :, :, None], K.ones((2, 2, 1, 3)), strides=(2, 1))
K.pool2d(x[:, :, :, None], (2, 2))
K.pool2d(x[:, :, :, None], (2, 2), (2, 2), padding="same", pool_mode="avg")
K.bias_add(x, K.constant([1, 2, 3, 4]))
K.map_fn(lambda row: row * 2, x)
K.foldl(lambda a, b: a + b, x)
"""


def numbers():
    """Return numbers of different sizes, all the same each time."""
    drawn = np.random.default_rng(3).permutation(np.linspace(0.1, 0.9, 24))
    return drawn.reshape(2, 3, 4).astype(np.float32)


def test_backend(keras):
    from keras.src.legacy import backend as theirs

    def compute(backend):
        known = {"K": backend, "x": backend.constant(numbers())}
        return [plain(eval(line, known)) for line in lines(BACKEND)]

    wanted, found = compute(theirs), {}
    with era("2"):
        from keras import backend as ours

        got = compute(ours)
    for line, one, other in zip(lines(BACKEND), wanted, got, strict=True):
        fault = faults(one, other, 2e-6)
        if fault:
            found[line] = fault
    assert not found, "\n".join(f"{line}: {fault}" for line, fault in found.items())
