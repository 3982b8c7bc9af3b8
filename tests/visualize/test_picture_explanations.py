"""What a model sees: gradients against differences and Keras's tape, convolutions against SciPy, and their pictures."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import visualize
from tinyconv.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

rng = np.random.default_rng(8)


def network(engine, end="softmax", units=4, **conv):
    layers = engine.layers
    stack = [
        engine.Input((12, 10, 3)),
        layers.Conv2D(5, 3, activation="relu", name="first", **conv),
        layers.MaxPooling2D(),
        layers.Conv2D(6, 3, padding="same", activation="relu", name="second"),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(units, activation=end),
    ]
    return engine.Sequential(stack)


@pytest.fixture
def doubles():
    tc.set_floatx("float64")
    yield
    tc.set_floatx("float32")


def score(model, x, k):
    """The logit of a class by layers called one by one: the activation of the last left out."""
    for layer in model.layers[:-1]:
        x = layer(x, training=False)
    logits = x.numpy() @ model.layers[-1].kernel.numpy() + model.layers[-1].bias.numpy()
    if logits.shape[1] == 1:
        return float(logits[0, 0]) * (1 if k else -1)
    return float(logits[0, k])


@pytest.mark.parametrize(("end", "units"), [("softmax", 4), ("linear", 4), ("sigmoid", 1)])
@pytest.mark.parametrize("k", [0, 1])
def test_class_gradient_against_differences(doubles, end, units, k):
    tc.set_seed(3)
    model, x = network(tc, end, units), rng.standard_normal((1, 12, 10, 3))
    gradient, direction, step = visualize.class_gradient(model, x, [k]), rng.standard_normal(x.shape), 1e-6
    slope = (score(model, x + step * direction, k) - score(model, x - step * direction, k)) / (2 * step)
    assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-6)


def test_gradients_and_grad_cam_are_those_of_kerass_tape(keras):
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    theirs, ours = network(keras), network(tc)
    ours.set_weights(theirs.get_weights())
    x = rng.random((5, 12, 10, 3), dtype=np.float32)
    theirs.layers[-1].activation = keras.activations.linear
    inner = keras.Model(theirs.inputs, [theirs.get_layer("second").output, theirs.layers[-1].output])
    for classes in ([0, 1, 2, 3, 1], None):
        with tf.GradientTape(persistent=True) as tape:
            images = tf.Variable(x)
            maps, scores = inner(images, training=False)
            chosen = scores.numpy().argmax(axis=1) if classes is None else classes
            total = tf.reduce_sum(tf.gather(scores, chosen, axis=1, batch_dims=1))
        slopes = tape.gradient(total, images)
        alpha = tf.reduce_mean(tape.gradient(total, maps), axis=(1, 2))
        cam = tf.nn.relu(tf.einsum("nhwk,nk->nhw", maps, alpha))
        np.testing.assert_allclose(visualize.class_gradient(ours, x, classes), slopes, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(visualize.grad_cam_maps(ours, x, "second", classes), cam, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(visualize.grad_cam_maps(ours, x, classes=classes), cam, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(visualize.feature_maps(ours, x)["second"], maps, rtol=1e-4, atol=1e-6)


def test_maps_of_a_single_convolution():
    x = rng.random((5, 12, 10, 3), dtype=np.float32)
    conv = tc.layers.Conv2D(4, 3, activation="relu")
    model = tc.Sequential([tc.Input((12, 10, 3)), conv, tc.layers.Flatten(), tc.layers.Dense(2)])
    maps = visualize.feature_maps(model, x)
    assert list(maps) == [conv.name]
    np.testing.assert_allclose(maps[conv.name], conv(x).numpy(), rtol=1e-6)


def test_looking_leaves_a_model_as_it_was():
    model, x = network(tc), rng.random((2, 12, 10, 3))
    model.compile("sgd", "categorical_crossentropy")
    model.layers[0].trainable = False
    before = [weight.numpy().copy() for weight in model.weights]
    flags = [weight.requires_grad for weight in model.weights]
    visualize.class_gradient(model, x)
    visualize.grad_cam_maps(model, x)
    visualize.exciting_images(model, "second", [0, 1], 0, 1, steps=2)
    with pytest.raises(ValueError, match="got 2 images and 3 classes"):
        visualize.class_gradient(model, x, [0, 1, 2])
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
    assert [weight.requires_grad for weight in model.weights] == flags
    assert all(weight.grad is None for weight in model.weights)


def test_exciting_images_excite():
    tc.set_seed(5)
    model = network(tc)
    _, silent = visualize.exciting_images(model, "second", range(6), 0, 1, steps=0)
    images, means = visualize.exciting_images(model, "second", range(6), 0, 1, steps=12)
    assert images.shape == (6, 12, 10, 3)
    assert 0 <= images.min() < images.max() <= 1
    assert (means > silent).all()
    maps = visualize.feature_maps(model, images)["second"]
    np.testing.assert_allclose([maps[k, ..., k].mean() for k in range(6)], means, rtol=1e-5)
    again, _ = visualize.exciting_images(model, "second", range(6), 0, 1, steps=12)
    np.testing.assert_array_equal(images, again)


@pytest.mark.parametrize(
    "conv",
    [dict(), dict(padding="same"), dict(strides=2), dict(dilation_rate=2), dict(padding="same", strides=(2, 3))],
    ids=str,
)
@pytest.mark.parametrize("groups", [1, 2])
def test_every_convolution_is_confirmed_by_scipy(conv, groups):
    from tinyconv.visualize.convolution import by_scipy

    layer = Conv2D(4, (3, 2), activation="tanh", groups=groups, bias_initializer="random_normal", **conv)
    x = rng.standard_normal((1, 11, 9, 4))
    maps = layer(x).numpy()[0]
    for unit in range(4):
        np.testing.assert_allclose(by_scipy(layer, x[0], unit), maps[..., unit], rtol=1e-5, atol=1e-5)


def test_the_picture_of_a_convolution_shows_both_maps():
    model, x = network(tc), rng.random((12, 10, 3)).astype("float32")
    for layer in (model.layers[0], model.layers[2]):
        figure = visualize.confirm_convolution(model, x, layer, 1)
        _, kernel, ours, theirs, difference = [image.get_array() for image in figure.axes[0].images]
        np.testing.assert_allclose(ours, visualize.feature_maps(model, x[np.newaxis])[layer.name][0, ..., 1], rtol=1e-6)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(difference, ours - theirs)
        np.testing.assert_allclose(kernel, layer.kernel.numpy()[..., 1].mean(axis=2), rtol=1e-6)
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "filter 1 of second convolves" in words
    assert "Each of 5 channels" in words


def test_a_wrong_kernel_would_be_seen():
    model, x = network(tc), rng.random((12, 10, 3)).astype("float32")
    from tinyconv.visualize.convolution import by_scipy

    right = by_scipy(model.layers[0], x, 1)
    kernel = model.layers[0].kernel.numpy()
    kernel[:] = kernel[::-1, ::-1]  # a true convolution instead of the correlation
    assert np.abs(by_scipy(model.layers[0], x, 1) - right).max() > 0.1


def test_sparsity_counts_zeros_and_silent_maps():
    maps = np.ones((2, 4, 4, 3))
    maps[:, :2] = 0  # half of the values
    maps[..., 2] = 0  # and one map of three
    figure = visualize.sparsity({"early": np.ones((4, 4, 2)), "late": maps}, "mnist: sparsity by depth")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"early", "0 %", "2 maps of 4×4, none silent", "67 %", "3 maps of 4×4, 1 silent"} <= set(words)
    with pytest.raises(ValueError, match=r"maps of 'late' must have shape"):
        visualize.sparsity({"late": np.ones((3, 3))})


def test_pictures_of_gradients_and_heat():
    x = rng.integers(0, 256, (30, 8, 6, 3), dtype=np.uint8)
    captions = [f"class {k}" for k in range(30)]
    slopes = rng.standard_normal((30, 8, 6, 3))
    slopes[0] = 0
    page = visualize.saliency(x, slopes, captions, "run: saliency").axes[0]
    assert len(page.images) == 48
    np.testing.assert_array_equal(page.images[0].get_array(), x[0])
    assert not page.images[1].get_array().any()
    shown = page.images[3].get_array()
    assert shown.max() == 1
    assert np.unravel_index(shown.argmin(), shown.shape) == np.unravel_index(
        np.abs(slopes[1]).max(axis=2).argmin(), (8, 6)
    )
    heat = np.zeros((30, 4, 3))
    heat[1, 0, 0] = 7
    page = visualize.grad_cam(x, heat, captions).axes[0]
    gray = 0.2 + 0.5 * (x[:2] @ np.array([0.299, 0.587, 0.114]) / 255)[..., np.newaxis]  # neither black nor white
    np.testing.assert_allclose(page.images[1].get_array(), np.repeat(gray[0], 3, axis=2), atol=1e-6)
    lit = np.abs(page.images[3].get_array() - gray[1]).max(2)
    assert lit[:2, :2].min() > 0.05
    assert lit[4:].max() < 1e-6
    for draw, maps in ((visualize.saliency, slopes), (visualize.grad_cam, heat)):
        with pytest.raises(ValueError, match="got 30 images, 30 maps and 2 captions"):
            draw(x, maps, captions[:2])


def test_looking_refuses_in_one_line():
    model, x = network(tc), np.zeros((1, 12, 10, 3))
    dense = tc.Sequential([tc.Input((4,)), Dense(3), Dense(2)])
    with pytest.raises(ValueError, match="has no convolution"):
        visualize.grad_cam_maps(dense, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="has no Conv2D"):
        visualize.confirm_convolution(dense, np.zeros(4))
    with pytest.raises(ValueError, match='unknown layer "secnd": did you mean "second"'):
        visualize.grad_cam_maps(model, x, "secnd")
    with pytest.raises(ValueError, match=r'has no maps \(n, h, w, k\) in "dense'):
        visualize.grad_cam_maps(model, x, model.layers[-1].name)
    with pytest.raises(ValueError, match=r'units of "second" are from 0 to 5, got \[6\]'):
        visualize.exciting_images(model, "second", [6], 0, 1)
    with pytest.raises(ValueError, match="classes must be class numbers from 0 to 3, got 4"):
        visualize.class_gradient(model, x, [4])
    with pytest.raises(ValueError, match="name one of its own"):
        visualize.grad_cam_maps(model, x, network(tc).layers[0])
    inner = tc.Sequential([tc.Input((12, 10, 3)), Conv2D(2, 3), MaxPooling2D(), Dropout(0.1), Flatten(), Dense(2)])
    a, b = tc.Input((12, 10, 3)), tc.Input((12, 10, 3))
    both = tc.Model([a, b], tc.layers.Add()([inner(a), inner(b)]))
    with pytest.raises(ValueError, match="has several inputs or outputs"):
        visualize.class_gradient(both, x)
