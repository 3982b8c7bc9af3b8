"""GradientTape and Variable: whatever is asked for, against TensorFlow's own tape and numbers worked out by hand."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.keras import era
from tinyconv.offered import NotOfferedError


@pytest.fixture
def tf():
    with era("tf2"):
        import tensorflow

        yield tensorflow


def network(keras):
    """A small network, and the model of what is inside it and what comes out."""
    x = keras.Input((8, 8, 3))
    inner = keras.layers.Conv2D(4, 3, activation="relu", name="inner")(x)
    y = keras.layers.MaxPooling2D()(keras.layers.BatchNormalization()(inner))
    y = keras.layers.Conv2D(5, 3, padding="same", activation="elu")(y)
    y = keras.layers.Dense(6, activation="softmax")(keras.layers.Flatten()(keras.layers.Dropout(0.5)(y)))
    return keras.Model(x, [inner, y])


def test_of_weights_inputs_and_what_lies_between(keras):
    """Saliency, Grad-CAM, a training step: one persistent tape, asked five times, as TensorFlow's."""
    import tensorflow as theirs

    model = network(keras)
    images = np.random.default_rng(7).random((3, 8, 8, 3)).astype(np.float32)
    labels = np.array([1, 0, 5])

    def asked(tf, model, losses):
        x = tf.constant(images)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            inner, y = model(x, training=False)
            score = y[:, 2]
            loss = tf.reduce_mean(losses.SparseCategoricalCrossentropy()(labels, y))
            total = loss + 0.1 * tf.reduce_sum(inner**2)
        weights = model.trainable_variables
        return [
            *(tape.gradient(score, x), tape.gradient(score, inner), tape.gradient(loss, inner)),
            *tape.gradient(total, weights),
            *tape.gradient(total, {"image": x, "inner": [inner]})["inner"],
            tape.gradient(total, {"image": x, "inner": [inner]})["image"],
            tape.gradient([score, loss], x),
            tape.gradient(y, inner, output_gradients=y),
        ]

    wanted = asked(theirs, model, keras.losses)
    with era("tf2"):
        import tensorflow as ours

        own = network(ours.keras)
        own.set_weights(model.get_weights())
        found = asked(ours, own, ours.keras.losses)
        assert all(weight.grad is None for weight in own.trainable_variables)
    assert len(found) == len(wanted)
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(other.numpy(), one.numpy(), rtol=2e-4, atol=1e-6)


def test_variables(tf):
    v, w, other = tf.Variable(3.0), tf.Variable([1.0, 2.0], name="w"), tf.Variable(1.0)
    frozen = tf.Variable(2.0, trainable=False)
    with tf.GradientTape() as tape:
        y = v * v + tf.reduce_sum(w) * v + frozen * v
    assert [None if dx is None else dx.numpy().tolist() for dx in tape.gradient(y, [v, w, other, frozen])] == [
        11.0,
        [3.0, 3.0],
        None,
        None,
    ]
    before = w.numpy()
    w.assign_add([1.0, 1.0])
    assert before.tolist() == [1.0, 2.0]
    assert w.numpy().tolist() == [2.0, 3.0]
    assert w.assign(w * 2).numpy().tolist() == [4.0, 6.0]
    w[1].assign(9.0)
    assert w.numpy().tolist() == [4.0, 9.0]
    w.assign([4.0, 6.0])
    step = tf.Variable(0)
    step.assign_add(2)
    assert int(step) == 2
    assert step.numpy() == 2
    assert step.dtype == tf.int32
    optimizer = tf.keras.optimizers.SGD(0.1)
    optimizer.apply_gradients([(tf.constant([10.0, 20.0]), w)])
    np.testing.assert_allclose(w.numpy(), [3.0, 4.0])


def test_what_is_watched(tf):
    x, unseen = tf.constant(3.0), tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x * unseen, tf.stop_gradient(x * 5.0)
    assert tape.gradient(y, x).numpy() == 12.0
    assert tape.gradient(y, unseen) is None
    assert tape.gradient(z, x) is None
    assert tape.gradient(z, x, unconnected_gradients=tf.UnconnectedGradients.ZERO).numpy() == 0.0
    with tf.GradientTape() as tape:
        tape.watch(x)
        with tape.stop_recording():
            y = x * 2.0
        y = y * x
    assert tape.gradient(y, x).numpy() == 6.0


def test_a_frozen_model_has_gradients_of_what_is_inside_it(tf):
    """As Grad-CAM asks of a base that is not trained: its images are arrays."""
    model = network(tf.keras)
    model.trainable = False
    with tf.GradientTape() as tape:
        inner, y = model(np.ones((1, 8, 8, 3), np.float32))
        score = y[:, 0]
    found = tape.gradient(score, inner)
    assert found.shape == inner.shape
    assert np.abs(found.numpy()).sum() > 0
    assert model.trainable_variables == []


def test_two_tapes_over_one_graph(tf):
    """As a generator and a discriminator have: each tape's walk leaves the other its way."""
    g, d = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as one, tf.GradientTape() as other:
        fake = g * g
        judged = d * fake
        loss_g, loss_d = 1.0 - judged, judged + d
    assert one.gradient(loss_g, g).numpy() == -12.0
    assert other.gradient(loss_d, d).numpy() == 5.0


def test_second_derivatives_are_refused_where_they_would_count(tf):
    x, w = tf.constant([1.0, 2.0]), tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(x * x * w)
        slope = inner.gradient(y, x)
        penalty = tf.reduce_sum(slope**2)
    np.testing.assert_allclose(slope.numpy(), [6.0, 12.0])
    with pytest.raises(NotOfferedError, match="second derivatives"):
        outer.gradient(penalty, w)


def test_a_gradient_of_ones_own(tf):
    @tf.custom_gradient
    def guided_relu(x):
        y = tf.nn.relu(x)

        def grad(dy):
            return tf.cast(dy > 0, tf.float32) * tf.cast(x > 0, tf.float32) * dy

        return y, grad

    x = tf.constant([-1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = guided_relu(x) * tf.constant([1.0, -1.0, 1.0])
    assert tape.gradient(y, x).numpy().tolist() == [0.0, 0.0, 1.0]


def test_a_tape_that_is_asked_once_lets_go_of_what_it_recorded(tf):
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        inner = v * v
        y = inner * v
    assert tape.gradient(y, v).numpy() == 27.0
    assert y.creator is None
    with tf.GradientTape() as tape:  # to which what was computed before is a number
        z = inner * v
    assert tape.gradient(z, v).numpy() == 9.0


def test_a_tape_frees_nothing_that_another_walk_needs():
    from tinyconv.keras.tape import GradientTape

    x = tc.Tensor(np.ones(3), requires_grad=True)
    with GradientTape(persistent=True) as tape:
        y = (x * x).sum()
    assert tape.gradient(y, x).numpy().tolist() == [2.0] * 3
    y.backward()
    assert x.grad.tolist() == [2.0] * 3
    with pytest.raises(RuntimeError, match="freed"):
        tape.gradient(y, x)


def test_a_module_of_variables(tf):
    class Line(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts = [tf.Variable(5.0), tf.Variable(1.0, trainable=False)]
            self.inner = tf.Module()
            self.inner.shift = tf.Variable(2.0)

    line = Line()
    assert [float(each) for each in line.variables] == [5.0, 1.0, 2.0]
    assert [float(each) for each in line.trainable_variables] == [5.0, 2.0]
