"""Arithmetic and functions on symbols, and Lambda: the same text with both engines."""

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc

# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def ops_of(engine):
    return tc.functions if engine is tc else engine.ops


def arithmetic(engine, x):
    y = engine.layers.Conv2D(3, 3, padding="same", name="conv")(x)
    y = 2 * y + x
    y = (y / 255.0 - 1)[:, 1:]
    y = -(y**2) + (1 - x[:, 1:])
    y = y * np.float32(0.5) - np.array([0.1, 0.2, 0.3], np.float32)
    return 3 / (abs(y) + 1), (2**y)[..., 0], y[:, ::2, -1] @ np.ones((3, 2), np.float32)


def functions(engine, x):
    ops = ops_of(engine)
    mean = ops.mean(x, axis=(1, 2))
    deviation = ops.sqrt(ops.mean((x - ops.mean(x, axis=[1, 2], keepdims=True)) ** 2, axis=(1, 2)))
    joined = ops.concatenate([mean[:, None], deviation[:, None]], axis=1)
    largest = ops.maximum(ops.max(joined, axis=1), 0.25)
    turned = ops.transpose(ops.reshape(x, (-1, 6, 12)), (0, 2, 1))
    return ops.exp(joined), ops.log(largest), ops.clip(turned, -0.5, 0.5), ops.sum(ops.relu(x), axis=-1)


def lambdas(engine, x):
    ops = ops_of(engine)
    y = engine.layers.Lambda(lambda x, by: ops.tanh(x) / by, arguments={"by": 2.0})(x)
    z = engine.layers.Lambda(lambda pair: pair[0] * pair[1], output_shape=(6, 4, 3))([x, y])
    return z, engine.layers.Lambda(lambda x: ops.mean(x, axis=(1, 2)), name="pooled")(z)


@pytest.mark.parametrize("build", [arithmetic, functions, lambdas], ids=lambda build: build.__name__)
def test_a_graph_of_operations(keras, fresh_names, rng, build):
    """Values, shapes, and the names of layers and operations."""
    models = {}
    for engine in (tc, keras):
        x = engine.Input((6, 4, 3), name="images")
        models[engine] = engine.Model(x, list(build(engine, x)))
    ours, theirs = models[tc], models[keras]
    ours.set_weights(theirs.get_weights())
    for of in ("layers", "operations"):
        assert [each.name for each in getattr(ours, of)] == [each.name for each in getattr(theirs, of)]
    assert [y.shape for y in ours.outputs] == [y.shape for y in theirs.outputs]
    kinds = [getattr(each, "title", type(each).__name__) for each in ours.operations]
    assert kinds == [type(each).__name__ for each in theirs.operations]
    images = rng.standard_normal((5, 6, 4, 3)).astype(np.float32)
    for found, expected in zip(ours(images), theirs(images), strict=True):
        close("symbols", found.numpy(), np.asarray(expected), 1e-6, build.__name__)


@pytest.mark.parametrize("build", [arithmetic, functions], ids=lambda build: build.__name__)
def test_files_of_both(keras, fresh_names, rng, tmp_path, build):
    """Each engine opens what the other has saved; ours opens its own, and copies it."""
    images = rng.standard_normal((5, 6, 4, 3)).astype(np.float32)
    for engine, other in ((tc, keras), (keras, tc)):
        x = engine.Input((6, 4, 3), name="images")
        model = engine.Model(x, list(build(engine, x)))
        path = tmp_path / f"{engine.__name__}.keras"
        model.save(path)
        load = keras.models.load_model if other is keras else tc.load_model
        again = [load(path)]
        if engine is tc:
            again += [tc.load_model(path), tc.Model.from_config(model.get_config())]
            again[-1].set_weights(model.get_weights())
        for each in again:
            assert [one.name for one in each.operations] == [one.name for one in model.operations]
            for found, expected in zip(each(images), model(images), strict=True):
                close("symbols", np.asarray(found), np.asarray(expected), 1e-6, build.__name__)


def test_training_through_operations(keras, rng):
    """Ten steps of a network whose input is scaled and whose branches are joined by operators."""
    images, y = rng.random((40, 8, 8, 1)).astype(np.float32) * 255, rng.random((40, 2)).astype(np.float32)
    histories, weights = [], None
    for engine in (keras, tc):
        x = engine.Input((8, 8, 1))
        a = engine.layers.Conv2D(4, 3, activation="relu")(x / 255.0 - 0.5)
        b = engine.layers.Conv2D(4, 3)(1 - x / 255.0)
        model = engine.Model(x, engine.layers.Dense(2)(ops_of(engine).mean(a * b + a, axis=(1, 2))))
        weights = weights or model.get_weights()
        model.set_weights(weights)
        model.compile(engine.optimizers.SGD(0.1), "mse")
        histories.append(model.fit(images, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)
