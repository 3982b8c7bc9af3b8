"""`K.function` and `K.gradients`: what scripts of Keras 1 and 2 look at inside their models, against TensorFlow."""

import numpy as np
import pytest

from tinyconv.keras import era


@pytest.fixture
def keras2():
    with era("2"):
        import keras

        yield keras


def built(keras2):
    model = keras2.models.Sequential()
    model.add(keras2.layers.Conv2D(4, (3, 3), activation="relu", input_shape=(8, 8, 3), name="inner"))
    model.add(keras2.layers.MaxPooling2D((2, 2)))
    model.add(keras2.layers.Flatten())
    model.add(keras2.layers.Dropout(0.5, name="drop"))
    model.add(keras2.layers.Dense(5, activation="softmax"))
    return model


def images(n=2):
    return np.random.default_rng(1).random((n, 8, 8, 3)).astype(np.float32)


def test_what_layers_give(keras2):
    K, model, x = keras2.backend, built(keras2), images()
    look = K.function([model.layers[0].input, K.learning_phase()], [model.get_layer("drop").output, model.output])
    resting, y = look([x, 0])
    np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-5)
    training, _ = look([x, 1])
    dropped = (training == 0) & (resting != 0)
    assert 0.2 < dropped.sum() / (resting != 0).sum() < 0.8
    np.testing.assert_allclose(training[~dropped], 2 * resting[~dropped], rtol=1e-6)
    assert K.function([model.input], model.output)([x]).shape == (2, 5)
    inner = K.function([model.layers[1].input], [model.output])
    np.testing.assert_allclose(inner([K.function([model.input], [model.layers[0].output])([x])[0]])[0], y, rtol=1e-5)


def of_one_model(keras2, x):
    """Return the weights of a model, and by K what Grad-CAM, saliency and pictures of filters ask of it."""
    K, model = keras2.backend, built(keras2)
    inner, weight = model.get_layer("inner").output, model.layers[0].weights[0]
    score = model.output[:, 2]
    grads = K.gradients(score, inner)[0]
    filters = K.gradients(K.mean(inner[:, :, :, 1]), model.input)[0]
    filters /= K.sqrt(K.mean(K.square(filters))) + 1e-5
    ask = K.function(
        [model.input, K.learning_phase()],
        [K.mean(grads, axis=(0, 1, 2)), inner[0], filters, *K.gradients(K.sum(score), [model.input, weight])],
    )
    return model.get_weights(), ask([x, 0])


def test_gradients_of_scores_filters_and_weights(keras):
    """One graph each, against TensorFlow's tape over equal weights."""
    import tensorflow

    with era("2"):
        import keras as keras2

        weights, found = of_one_model(keras2, images())
    layers = [
        *(keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.MaxPooling2D(), keras.layers.Flatten()),
        keras.layers.Dense(5, activation="softmax"),
    ]
    live = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    live.set_weights(weights)
    whole = keras.Model(live.inputs, [layers[0].output, live.outputs[0]])
    given = tensorflow.constant(images())
    with tensorflow.GradientTape(persistent=True) as tape:
        tape.watch(given)
        inside, y = whole(given, training=False)
        score, mean = y[:, 2], tensorflow.reduce_mean(inside[:, :, :, 1])
    slope = tape.gradient(mean, given)
    wanted = [
        tensorflow.reduce_mean(tape.gradient(score, inside), axis=(0, 1, 2)),
        inside[0],
        slope / (tensorflow.sqrt(tensorflow.reduce_mean(slope**2)) + 1e-5),
        *tape.gradient(score, [given, layers[0].kernel.value]),
    ]
    for own, one in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own, one.numpy(), rtol=1e-4, atol=1e-6)


def test_what_there_is_no_way_to_has_no_gradient(keras2):
    K, model = keras2.backend, built(keras2)
    other = K.placeholder((None, 3))
    assert K.gradients(K.sum(model.output), other) == [None]
    assert K.gradients(K.sum(model.output), [model.input])[0].shape == (None, 8, 8, 3)
    with pytest.raises(ValueError, match="needs a value for"):
        K.function([], [K.sum(model.output)])
    with pytest.raises(ValueError, match="needs 1 values, one for each input, got 2"):
        K.function([model.input], [model.output])([images(), 0])


def test_one_image_that_becomes_like_two_others(keras2):
    """As in neural style transfer: a batch of variables and a placeholder, losses of parts of it, one gradient."""
    K = keras2.backend
    rng = np.random.default_rng(2)
    base, style, drawn = (rng.random((1, 4, 4, 3)) for _ in range(3))
    image = K.placeholder((1, 4, 4, 3))
    whole = K.concatenate([K.variable(base), K.variable(style), image], axis=0)
    batch = keras2.layers.Conv2D(3, (1, 1), weights=[np.eye(3)[None, None], np.zeros(3)])(whole)

    def gram(x):
        rows = K.batch_flatten(K.permute_dimensions(x, (2, 0, 1)))
        return K.dot(rows, K.transpose(rows))

    loss = K.variable(0.0)
    loss = loss + 0.5 * K.sum(K.square(batch[2, :, :, :] - batch[0, :, :, :]))
    loss += K.sum(K.square(gram(batch[1]) - gram(batch[2]))) / 36.0
    loss += K.sum(K.pow(K.square(image[:, :3, :3, :] - image[:, 1:, :3, :]), 1.25))
    outputs = [loss]
    outputs += K.gradients(loss, image)
    value, slope = K.function([image], outputs)([drawn])

    def plainly(x):
        def product(a):
            rows = a.transpose(2, 0, 1).reshape(3, -1)
            return rows @ rows.T

        total = 0.5 * ((x - base) ** 2).sum() + ((product(style[0]) - product(x[0])) ** 2).sum() / 36
        return total + (((x[:, :3, :3] - x[:, 1:, :3]) ** 2) ** 1.25).sum()

    np.testing.assert_allclose(value, plainly(drawn), rtol=1e-5)
    step = rng.standard_normal(drawn.shape)
    between = (plainly(drawn + 1e-5 * step) - plainly(drawn - 1e-5 * step)) / 2e-5
    np.testing.assert_allclose((slope * step).sum(), between, rtol=1e-4)


def test_shapes_of_symbols_are_known_when_there_are_values(keras2):
    """As deep dreams scale by the size of what a layer gives."""
    K = keras2.backend
    x = K.placeholder((None, 4, 5))
    size = K.prod(K.cast(K.shape(x), "float32"))
    assert K.function([x], [K.sum(x) / size])([np.ones((3, 4, 5))]) == [1]
    assert K.int_shape(x) == (None, 4, 5)
    assert K.shape(K.placeholder((2, 3))).numpy().tolist() == [2, 3]


def test_variables_and_updates(keras2):
    K = keras2.backend
    x, total = K.placeholder((None, 2)), K.variable([1.0, 1.0])
    step = K.function([x], [K.sum(x)], updates=[K.update_add(total, K.sum(x, axis=0))])
    assert step([[[1, 2], [3, 4]]])[0] == 10
    assert K.get_value(total).tolist() == [5, 7]
    K.set_value(total, [2, 3])
    assert K.eval(total * 2).tolist() == [4, 6]
    K.batch_set_value([(total, [0, 0])])
    assert K.get_value(total).tolist() == [0, 0]
    model = built(keras2)
    model.compile(keras2.optimizers.SGD(lr=0.1), "mse")
    K.set_value(model.optimizer.lr, 0.5)
    assert K.get_value(model.optimizer.lr) == 0.5
    assert K.int_shape(model.output) == (None, 5)
    assert K.is_keras_tensor(model.output)


def test_what_lacks_is_one_line(keras2):
    with pytest.raises(AttributeError, match=r"does not offer keras\.backend\.ctc_decode: it is for images"):
        keras2.backend.ctc_decode  # noqa: B018
