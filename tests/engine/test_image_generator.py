"""ImageDataGenerator: what it draws, and what it refuses."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.preprocessing.image import ImageDataGenerator

EVERYTHING = {
    **{"rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.1, "shear_range": 20},
    **{"zoom_range": 0.3, "channel_shift_range": 30.0, "brightness_range": (0.5, 1.5)},
    **{"horizontal_flip": True, "vertical_flip": True},
}
SHAPE = (20, 50, 3)


def drawn(count=400, **arguments):
    generator = ImageDataGenerator(**arguments)
    return [generator.transform_of(SHAPE, (3, 1, 0), sample) for sample in range(count)]


def assert_fills(values, low, high):
    """Many uniform numbers come near both ends of their range, and never lie outside."""
    assert low <= min(values) < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < max(values) <= high
    assert abs(np.mean(values) - (low + high) / 2) < 0.1 * (high - low)


def test_what_is_drawn_fills_its_range():
    ranges = {
        **{"theta": (-40, 40), "tx": (-10, 10), "ty": (-2, 2), "shear": (-20, 20), "zx": (0.7, 1.3), "zy": (0.7, 1.3)},
        **{"channel_shift_intensity": (-30, 30), "brightness": (0.5, 1.5)},
    }
    transformations = drawn(**EVERYTHING)
    for name, (low, high) in ranges.items():
        assert_fills([one[name] for one in transformations], low, high)
    for flip in ("flip_horizontal", "flip_vertical"):
        assert 150 < sum(one[flip] for one in transformations) < 250
    names = list(ranges)
    table = np.array([[one[name] for name in names] for one in transformations])
    assert np.abs(np.corrcoef(table.T) - np.eye(len(names))).max() < 0.2


def test_shifts_in_pixels_and_from_a_list():
    assert_fills([one["tx"] for one in drawn(width_shift_range=3.0)], -3, 3)
    assert {one["tx"] for one in drawn(width_shift_range=3)} == {-2, -1, 0, 1, 2}
    assert {one["ty"] for one in drawn(height_shift_range=[2, 5])} == {-5, -2, 2, 5}
    assert {one["ty"] for one in drawn(height_shift_range=[0.5])} == {-10, 10}
    assert {one["zx"] for one in drawn(zoom_range=[1, 1])} == {1}


def test_a_height_shift_moves_up_or_down():
    """Keras 3.15 moves such images to the left or right instead."""
    x = np.zeros((9, 9, 1), np.float32)
    x[4, 4] = 1
    moved = ImageDataGenerator(height_shift_range=[2], fill_mode="constant").random_transform(x)
    assert np.argwhere(moved)[0].tolist() in ([2, 4, 0], [6, 4, 0])


def test_nothing_is_drawn_from_no_range():
    quiet = {"theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1, "channel_shift_intensity": None}
    quiet |= {"brightness": None, "flip_horizontal": False, "flip_vertical": False}
    assert ImageDataGenerator().get_random_transform(SHAPE) == quiet


def test_a_transformation_depends_on_seed_epoch_and_image_alone(rng):
    one, other = ImageDataGenerator(**EVERYTHING), ImageDataGenerator(**EVERYTHING)
    wanted = {(epoch, i): one.transform_of(SHAPE, (5, 1, epoch), i) for epoch in range(3) for i in range(4)}
    other.get_random_transform(SHAPE)
    for (epoch, i), parameters in reversed(wanted.items()):
        assert other.transform_of(SHAPE, (5, 1, epoch), i) == parameters
    assert len({tuple(parameters.items()) for parameters in wanted.values()}) == len(wanted)
    with tc.backend("reference"):
        assert one.transform_of(SHAPE, (5, 1, 2), 3) == wanted[2, 3]


def test_one_setting_leaves_the_others_draws_alone():
    turned = ImageDataGenerator(rotation_range=10).transform_of(SHAPE, (5, 1, 0), 0)
    both = ImageDataGenerator(rotation_range=10, shear_range=5, zoom_range=0.5).transform_of(SHAPE, (5, 1, 0), 0)
    assert turned["theta"] == both["theta"]


def test_seeds(rng):
    x = rng.random(SHAPE).astype(np.float32)
    generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
    np.testing.assert_array_equal(generator.random_transform(x, seed=4), generator.random_transform(x, seed=4))
    assert not np.array_equal(generator.random_transform(x, seed=4), generator.random_transform(x, seed=5))
    assert generator.get_random_transform(SHAPE) != generator.get_random_transform(SHAPE)
    tc.set_seed(1)
    first = ImageDataGenerator(rotation_range=20).get_random_transform(SHAPE)
    tc.set_seed(1)
    assert ImageDataGenerator(rotation_range=20).get_random_transform(SHAPE) == first


def test_the_image_given_is_left_alone(rng):
    x = rng.random((6, 6, 3)).astype(np.float32)
    before = x.copy()
    generator = ImageDataGenerator(rescale=2.0)
    for parameters in ({}, {"flip_horizontal": True}, {"brightness": 1}, {"theta": 5}, {"channel_shift_intensity": 0}):
        generator.standardize(generator.apply_transform(x, parameters))
        np.testing.assert_array_equal(x, before)


def test_fit_on_augmented_images(rng):
    images = (rng.random((6, 8, 8, 1)) * 255).astype(np.float32)
    generator = ImageDataGenerator(featurewise_center=True, brightness_range=(0.5, 0.5))
    generator.fit(images, augment=True, rounds=2, seed=0)
    np.testing.assert_allclose(generator.mean, images.mean() / 2, rtol=0.01)
    shifted = ImageDataGenerator(featurewise_center=True, channel_shift_range=100.0)
    means = []
    for seed in (1, 1, 2):
        shifted.fit(images, augment=True, rounds=3, seed=seed)
        means.append(shifted.mean.item())
    assert means[0] == means[1] != means[2]


def test_rounds_of_fit_are_draws_of_their_own(rng):
    """What comes after draws anew: no transformation is made twice."""
    x = rng.random((2, 8, 8, 1)).astype(np.float32)
    tc.set_seed(2)
    generator, seen = ImageDataGenerator(rotation_range=90, featurewise_center=True), []
    inner = generator.transform_of
    generator.transform_of = lambda *given: seen.append(inner(*given)["theta"]) or inner(*given)
    generator.fit(x, augment=True, rounds=3)
    generator.get_random_transform(x.shape[1:])
    generator.fit(x, augment=True)
    assert len(seen) == len(set(seen)) == 3 * 2 + 1 + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fill_mode": "mirror"}, "fill_mode must be one of 'constant', 'nearest', 'reflect', 'wrap', got 'mirror'"),
        ({"rotation_range": "40"}, "rotation_range must be a finite number, got '40'"),
        ({"shear_range": None}, "shear_range must be a finite number, got None"),
        ({"width_shift_range": "a"}, "width_shift_range must be a finite number, got 'a'"),
        ({"height_shift_range": [1, "b"]}, "height_shift_range must be a finite number, got 'b'"),
        ({"height_shift_range": []}, "height_shift_range must be a number or a list of at least one"),
        ({"channel_shift_range": float("nan")}, "channel_shift_range must be a finite number, got nan"),
        ({"rescale": "1/255"}, "rescale must be a finite number, got '1/255'"),
        ({"cval": None}, "cval must be a finite number"),
        ({"preprocessing_function": "vgg16"}, "preprocessing_function must be a function of an image, got 'vgg16'"),
        ({"data_format": "channels"}, 'data_format must be "channels_last", "channels_first" or None'),
        ({"zoom_range": [1, 2, 3]}, "zoom_range must be a pair"),
        ({"brightness_range": 0.5}, "brightness_range must be a pair"),
        ({"validation_split": 1.0}, "validation_split must lie between 0 and 1"),
        ({"validation_split": -0.1}, "validation_split must be in 0 … 1, got -0.1"),
        ({"interpolation_order": 6}, "interpolation_order must be in 0 … 5, got 6"),
        ({"dtype": "uint8"}, 'dtype must be "float32" or "float64"'),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        ImageDataGenerator(**arguments)


def test_wrong_axes_are_refused(rng):
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.raises(ValueError, match=r"one image, of three axes, got an array of shape \(2, 4, 4, 3\)"):
        generator.random_transform(np.zeros((2, 4, 4, 3)))
    with pytest.raises(ValueError, match=r"four axes, number of the image first, got shape \(4, 4, 3\)"):
        generator.fit(np.zeros((4, 4, 3)))
    with pytest.warns(UserWarning, match="with 1, 3 or 4 channels on axis 3"):
        generator.fit(np.zeros((2, 4, 4, 7)))
