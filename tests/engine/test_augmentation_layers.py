"""Augmentation layers: what they draw, from where, and what they refuse."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers

RANDOM = {
    "RandomFlip": lambda **given: layers.RandomFlip(**given),
    "RandomRotation": lambda **given: layers.RandomRotation(0.3, **given),
    "RandomZoom": lambda **given: layers.RandomZoom(0.4, 0.2, **given),
    "RandomTranslation": lambda **given: layers.RandomTranslation(0.4, 0.2, **given),
    "RandomBrightness": lambda **given: layers.RandomBrightness(0.3, (0, 1), **given),
    "RandomContrast": lambda **given: layers.RandomContrast(0.5, (0, 1), **given),
    "RandomHue": lambda **given: layers.RandomHue(0.5, (0, 1), **given),
    "RandomSaturation": lambda **given: layers.RandomSaturation(0.5, (0, 1), **given),
    "RandomGrayscale": lambda **given: layers.RandomGrayscale(0.5, **given),
    "RandomInvert": lambda **given: layers.RandomInvert(1.0, (0, 1), **given),
    "RandomShear": lambda **given: layers.RandomShear(0.3, 0.2, **given),
    "RandomCrop": lambda **given: layers.RandomCrop(5, 4, **given),
}
each = pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)


def drawn(layer, n=2000, shape=(40, 20, 1)):
    return layer.get_random_transformation(np.zeros((n, *shape), np.float32))


def assert_fills(values, low, high):
    """Many uniform numbers come near both ends of their range, and never lie outside."""
    values, margin = np.asarray(values, np.float64), 0.02 * (high - low)
    assert low - 1e-5 <= values.min() < low + margin
    assert high - margin < values.max() <= high + 1e-5
    assert abs(values.mean() - (low + high) / 2) < 2 * margin


def test_what_is_drawn_fills_its_range():
    assert 900 < drawn(layers.RandomFlip())["flips"].sum() < 1100
    assert_fills(drawn(layers.RandomRotation(0.25))["angle"], -90, 90)
    assert_fills(drawn(layers.RandomRotation((-0.1, 0.3)))["angle"], -36, 108)
    zoom = drawn(layers.RandomZoom((-0.3, 0.5), 0.2))
    assert_fills(zoom["height_zoom"], 0.7, 1.5)
    assert_fills(zoom["width_zoom"], 0.8, 1.2)
    assert abs(np.corrcoef(zoom["height_zoom"][:, 0], zoom["width_zoom"][:, 0])[0, 1]) < 0.1
    same = drawn(layers.RandomZoom(0.3))
    np.testing.assert_array_equal(same["height_zoom"], same["width_zoom"])
    shift = drawn(layers.RandomTranslation(0.5, (0.1, 0.2)))["translations"]
    assert_fills(shift[:, 0], 2, 4)
    assert_fills(shift[:, 1], -20, 20)
    assert_fills(drawn(layers.RandomBrightness(0.2))["rgb_delta"], -51, 51)
    assert_fills(drawn(layers.RandomBrightness((0.1, 0.3), (-1, 1)))["rgb_delta"], 0.2, 0.6)
    assert_fills(drawn(layers.RandomContrast(0.4))["contrast_factor"], 0.6, 1.4)
    assert_fills(drawn(layers.RandomContrast((0.2, 0.6)))["contrast_factor"], 0.8, 1.6)
    hue = drawn(layers.RandomHue((0.2, 0.6)))["factor"]
    assert_fills(abs(hue), 0.1, 0.3)
    assert 900 < (hue < 0).sum() < 1100
    saturation = drawn(layers.RandomSaturation((0.2, 0.5)))["factor"]
    assert_fills(saturation / (1 + saturation), 0.2, 0.5)
    assert 400 < drawn(layers.RandomGrayscale(0.25)).sum() < 600
    assert 900 < drawn(layers.RandomInvert())["apply_inversion"].sum() < 1100
    shear = drawn(layers.RandomShear((0.1, 0.3), 0.2))["shear_factor"]
    assert_fills(abs(shear[:, 0]), 0.1, 0.3)
    assert_fills(shear[:, 1], -0.2, 0.2)
    crop = layers.RandomCrop(38, 17)
    places = {drawn(crop, 1) for _ in range(200)}
    assert places == {(top, left) for top in range(3) for left in range(4)}


def test_a_crop_is_a_part_of_the_image(rng):
    x = rng.random((3, 7, 9, 2)).astype(np.float32)
    layer = layers.RandomCrop(5, 4)
    top, left = transformation = layer.get_random_transformation(x)
    np.testing.assert_array_equal(layer.transform_images(x, transformation), x[:, top : top + 5, left : left + 4])


def test_outside_training_a_random_crop_is_the_middle_resampled(rng):
    x = rng.random((2, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(layers.RandomCrop(4, 4)(x, training=False), layers.Resizing(4, 4)(x))
    wide = layers.RandomCrop(4, 8)(x, training=False)
    np.testing.assert_array_equal(wide, x[:, 2:6])
    model = tc.Sequential([tc.Input((8, 8, 1)), layers.RandomCrop(4, 2), layers.Flatten(), layers.Dense(1)])
    assert model.predict(x, verbose=0).shape == (2, 1)


@each
def test_each_step_draws_anew_and_each_image_for_itself(make, rng):
    layer, x = make(), np.repeat(rng.random((1, 11, 10, 3)), 12, axis=0).astype(np.float32)
    first, second = (layer(x).numpy() for _ in range(2))
    assert (first != second).any()
    if not isinstance(layer, layers.RandomCrop):  # it cuts a whole batch at one place, as Keras's does
        assert (first != first[:1]).any()
    assert layer.seed_state.tolist() == [1, 2]
    layer.seed_state = np.array([1, 0], np.uint32)
    np.testing.assert_array_equal(layer(x), first)
    one, other = make(seed=3)(x).numpy(), make(seed=3)(x).numpy()
    np.testing.assert_array_equal(one, other)


@each
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_two_shards_see_what_the_whole_batch_does(make, backend, rng):
    tc.set_seed(5)
    layer, x = make(), rng.random((9, 7, 5, 3)).astype(np.float32)
    with tc.backend(backend), tc.randomness.repeat_draws():
        whole = layer(x).numpy()
        for first, end in ((0, 4), (4, 9), (8, 9)):
            with tc.randomness.first_sample(first):
                np.testing.assert_array_equal(layer(x[first:end]), whole[first:end])


@each
def test_both_backends_see_the_same(make, rng):
    x, found = rng.random((6, 7, 5, 3)).astype(np.float32), []
    for backend in ("reference", "cpu"):
        with tc.backend(backend):
            tc.set_seed(5)
            found.append(make()(x).numpy())
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


@each
def test_a_single_image_and_images_of_integers(make, rng):
    x = rng.integers(0, 2, (6, 7, 3), np.uint8)
    one, batch = make(seed=1)(x), make(seed=1)(x[None].astype(np.float32))
    assert one.dtype == "float32"
    np.testing.assert_array_equal(one, batch[0])
    assert make()(x, training=False).shape == one.shape


@each
def test_a_resumed_run_sees_the_same_images(make, rng, tmp_path):
    def network():
        tc.set_seed(3)
        model = tc.Sequential([tc.Input((8, 7, 3)), make(), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
        model.compile(tc.optimizers.SGD(0.1), "mse")
        return model

    x, y = rng.random((6, 8, 7, 3)), rng.random((6, 2))
    unbroken, first, second = network(), network(), network()
    for _ in range(4):
        unbroken.train_on_batch(x, y)
    for _ in range(2):
        first.train_on_batch(x, y)
    first.save_weights(tmp_path / "a.weights.h5")
    second.load_weights(tmp_path / "a.weights.h5")
    for _ in range(2):
        second.train_on_batch(x, y)
    for one, other in zip(second.get_weights(), unbroken.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_augmentation_learns_behind_a_trained_layer(rng):
    """The gradient passes through a warp to the convolution before it."""
    model = tc.Sequential([tc.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.RandomRotation(0.1), layers.Flatten()])
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    before = model.layers[0].get_weights()[0]
    model.train_on_batch(rng.random((4, 6, 6, 1)), rng.random((4, 1)))
    assert (model.layers[0].get_weights()[0] != before).all()


def test_open_sizes(rng):
    x = tc.Input((None, None, 3))
    y = layers.Resizing(6, 5)(layers.CenterCrop(8, 8)(layers.RandomFlip()(x)))
    model = tc.Model(x, layers.RandomCrop(4, 4)(y))
    assert model.output_shape == (None, 4, 4, 3)
    for size in ((9, 12), (5, 6)):
        assert model.predict(rng.random((2, *size, 3)), verbose=0).shape == (2, 4, 4, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomFlip("sideways"), "unknown mode"),
        (lambda: layers.RandomFlip(data_format="first"), "channels_last"),
        (lambda: layers.RandomRotation(2), "factor must be a number in -1 … 1, or two"),
        (lambda: layers.RandomRotation((0.1, 0.2, 0.3)), "factor must be a number in -1 … 1, or two"),
        (lambda: layers.RandomRotation(0.1, "mirror"), "unknown fill_mode"),
        (lambda: layers.RandomRotation(0.1, interpolation="bicubic"), "unknown interpolation"),
        (lambda: layers.RandomZoom(-1), "height_factor must be above -1"),
        (lambda: layers.RandomZoom(0.1, 1.5), "width_factor must be a number in -1 … 1"),
        (lambda: layers.RandomTranslation(0.1, "wide"), "width_factor must be a number"),
        (lambda: layers.RandomBrightness(1.5), "factor must be a number in -1 … 1"),
        (lambda: layers.RandomBrightness(0.1, (1, 0)), "value_range must be two numbers, the lower first"),
        (lambda: layers.RandomHue(1.5), "factor must be a number in 0 … 1, or two"),
        (lambda: layers.RandomHue(0.5, (1, 0)), "value_range must be two numbers, the lower first"),
        (lambda: layers.RandomSaturation((0.1, 0.2, 0.3)), "factor must be a number in -1 … 1, or two"),
        (lambda: layers.RandomGrayscale(2), "factor must be in 0 … 1, got 2"),
        (lambda: layers.RandomShear((-0.2, 1.2)), "x_factor must be a number in -1 … 1, or two"),
        (lambda: layers.RandomContrast(-0.1), "factor must be a number in 0 … 1"),
        (lambda: layers.RandomCrop(0, 3), "height must be a positive integer, got 0"),
        (lambda: layers.CenterCrop(3, 2.5), "width must be a positive integer, got 2.5"),
        (lambda: layers.Resizing(3, 3, "cubic"), "unknown interpolation"),
        (lambda: layers.Resizing(3, 3, fill_mode="reflect"), "fill_mode must be"),
        (lambda: layers.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "only one of"),
        (lambda: layers.RandomFlip()(np.zeros((3, 4))), r'"random_flip".* it takes images \(batch, height'),
        (lambda: layers.Resizing(3, 3)(np.zeros((3, 4))), r'"resizing".* it takes images \(batch, height'),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_maps_of_a_warp_are_one_for_each_image(rng):
    with pytest.raises(ValueError, match=r"needs maps of shape \(2, 2, 3\), got \(1, 2, 3\)"):
        tc.functions.warp(rng.random((2, 4, 4, 1)), np.zeros((1, 2, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(size=(4, 0)), r"size must be a positive integer or two, got \(4, 0\)"),
        (dict(size=(4, 4, 3)), "size must be a positive integer or two"),
        (dict(interpolation="linear"), "interpolation must be one of 'bilinear', 'nearest', .*, got 'linear'"),
        (dict(antialias="yes"), "antialias must be True or False, got 'yes'"),
        (
            dict(x=np.ones((5, 5, 3))),
            r"resize takes images \(n, h, w, c\) of at least one pixel, got shape \(5, 5, 3\)",
        ),
        (dict(x=np.ones((2, 0, 5, 3))), "of at least one pixel"),
    ],
    ids=str,
)
def test_resize_refuses_what_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        tc.functions.resize(**{"x": np.ones((1, 5, 5, 3)), "size": (4, 4), **arguments})
