"""Each operation that scripts call gives on a symbol, when its values come, what it gives on those values."""

import numpy as np
from test_backend_mathematics import BACKEND, OPS
from test_tensorflow_operations import FLOATS, lines, values

from tinyconv.keras import era

# They name samples of a batch by number, go through them, or decide by values: no symbol has those.
NEED_VALUES = """
tf.gather(x, [[0], [2]], axis=1, batch_dims=1)
tf.gather_nd(x, [[0, 1], [1, 2]])
tf.boolean_mask(x, x[:, :, 0] > 0.4)
tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: -x)
tf.convert_to_tensor([x[0, 0], x[1, 2]])
K.gather(x, [1, 0, 1])
K.dot(x[0], K.transpose(x[1]))
K.sparse_categorical_crossentropy(K.constant([[1, 2, 0], [0, 0, 3]]), x)
K.sparse_categorical_crossentropy(K.constant([[1, 2, 0], [0, 0, 3]]), x, from_logits=True)
K.foldl(lambda a, b: a + b, x)
K.int_shape(x)
K.ndim(x)
K.dtype(x)
ops.shape(x)
ops.ndim(x)
ops.dot(x[0], ops.transpose(x[1]))
ops.sparse_categorical_crossentropy([[1, 2, 0], [0, 0, 3]], x, from_logits=True)
"""


def test_operations_on_symbols():
    found = {}
    with era("tf2"):
        import tensorflow as tf
        from keras import backend, ops

        known = values(tf) | {"K": backend, "ops": ops}
        for line in lines(FLOATS) + lines(BACKEND) + lines(OPS):
            if "x" not in line or line in lines(NEED_VALUES):
                continue
            symbol, wanted = tf.keras.Input((3, 4)), np.asarray(eval(line, known))
            made = eval(line, known | {"x": symbol})
            if not backend.is_keras_tensor(made):  # a number, such as that of axes, is known at once
                np.testing.assert_allclose(np.asarray(made), wanted)
                continue
            (got,) = backend.function([symbol], [made])([known["x"]])
            if len(made.shape) != wanted.ndim or any(
                length not in (None, own) for length, own in zip(made.shape, wanted.shape, strict=True)
            ):
                found[line] = f"shape {made.shape}, its values {wanted.shape}"
            elif got.shape != wanted.shape or not np.allclose(got, wanted.astype(float), rtol=1e-4, atol=1e-5):
                found[line] = f"{got.ravel()[:4]}, not {wanted.ravel()[:4]}"
    assert not found, "\n".join(f"{line}: {fault}" for line, fault in found.items())


def test_lengths_and_comparisons_of_symbols():
    with era("tf2"):
        import tensorflow as tf

        x = tf.keras.Input((4, 5, 1))
        rows = tf.reshape(x, [tf.shape(x)[0], -1])
        assert rows.shape == (None, 20)
        assert tf.reshape(x, (tf.shape(x)[0], 5, 4)).shape == (None, 5, 4)
        assert tf.squeeze(x).shape == (None, 4, 5)
        model = tf.keras.Model(x, tf.where(rows > 0.5, rows, 0.0))
        images = np.random.default_rng(0).random((3, 4, 5, 1)).astype(np.float32)
        wanted = np.where(images > 0.5, images, 0).reshape(3, 20)
        np.testing.assert_array_equal(model.predict(images, verbose=0), wanted)
        assert x in {x}
        assert x != rows
