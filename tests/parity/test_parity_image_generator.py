"""ImageDataGenerator against Keras's, for given transformations, and its statistics."""

import re
import warnings
from inspect import signature

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc
from tinyconv.preprocessing.image import ImageDataGenerator

# Keras reaches SciPy by a name that SciPy is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")

TRANSFORMATIONS = {
    "nothing": {},
    "rotation": {"theta": 33.0},
    "shift": {"tx": 1.25, "ty": -2.5},
    "far shift": {"tx": -31.0, "ty": 17.5},
    "shear": {"shear": 21.0},
    "zoom": {"zx": 0.8, "zy": 1.3},
    "flips": {"flip_horizontal": True, "flip_vertical": True},
    "channels": {"channel_shift_intensity": 40.5},
    "darker": {"brightness": 0.37},
    "brighter": {"brightness": 1.9},
    "all": {
        **{"theta": -120.0, "tx": 2.2, "ty": 1.1, "shear": -10.0, "zx": 1.2, "zy": 0.7, "flip_vertical": True},
        **{"channel_shift_intensity": -20.0, "brightness": 1.2},
    },
}
SHAPES = [(9, 9, 3), (12, 7, 1), (5, 10, 4)]


@pytest.fixture(scope="module")
def theirs(keras):
    """Keras's generator; in Keras 3 it is where TensorFlow's tf.keras takes it from."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    return ImageDataGenerator


def both(theirs, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return ImageDataGenerator(**arguments), theirs(**arguments)


def image_of(shape, rng):
    return (rng.random(shape) * 255).astype(np.float32)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
def test_transformations(theirs, fill_mode, order, rng):
    ours, keras_one = both(theirs, fill_mode=fill_mode, cval=7.5, interpolation_order=order)
    for name, parameters in TRANSFORMATIONS.items():
        for shape in SHAPES:
            x = image_of(shape, rng)
            got, wanted = ours.apply_transform(x, parameters), keras_one.apply_transform(x.copy(), parameters)
            close("transformation", got, wanted, 1e-5, f"{name} {shape}")
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-4, err_msg=f"{name} {shape}")


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
def test_turns_by_quarters(theirs, fill_mode, rng):
    """Places fall on the edge itself, where the last bit decides what shows."""
    for order in (0, 1):
        ours, keras_one = both(theirs, fill_mode=fill_mode, interpolation_order=order)
        for theta in (90, 180, 270, -90):
            for shape in [(8, 8, 1), (9, 9, 1), (6, 9, 1)]:
                x, parameters = image_of(shape, rng), {"theta": theta}
                got, wanted = ours.apply_transform(x, parameters), keras_one.apply_transform(x, parameters)
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-4)


def test_images_of_integers(theirs, rng):
    ours, keras_one = both(theirs, fill_mode="reflect")
    x, parameters = rng.integers(0, 256, (7, 8, 3), np.uint8), {"theta": 20, "shear": 10, "flip_horizontal": True}
    np.testing.assert_array_equal(ours.apply_transform(x, parameters), keras_one.apply_transform(x, parameters))
    for more in ({"brightness": 1.3}, {"channel_shift_intensity": 20.5}):
        close("integers", ours.apply_transform(x, more), keras_one.apply_transform(x, more), 1e-5)


def test_channels_first(theirs, rng):
    ours, keras_one = both(theirs, data_format="channels_first", fill_mode="reflect")
    x = image_of((3, 8, 11), rng)
    for name, parameters in TRANSFORMATIONS.items():
        if "brightness" not in parameters:  # Keras's own brightness takes channels for rows
            close(
                "transformation",
                ours.apply_transform(x, parameters),
                keras_one.apply_transform(x, parameters),
                1e-5,
                name,
            )
    brighter = ours.apply_transform(x, {"brightness": 1.5})
    last = ImageDataGenerator().apply_transform(np.moveaxis(x, 0, -1), {"brightness": 1.5})
    np.testing.assert_array_equal(np.moveaxis(brighter, 0, -1), last)


def test_brightness_of_numbers_outside_0_to_255(theirs, rng):
    ours, keras_one = both(theirs)
    for scale, level in [(4, -2), (500, 100), (70_000, 0)]:
        x = (rng.random((6, 5, 3)) * scale + level).astype(np.float32)
        for brightness in (0.4, 1.6):
            parameters = {"brightness": brightness}
            close("brightness", ours.apply_transform(x, parameters), keras_one.apply_transform(x, parameters), 1e-5)


def test_keras_preprocessing_327_brightness_of_1_changes_nothing(rng):
    generator = ImageDataGenerator(brightness_range=[1, 1])
    for scale, level in [(255, 0), (1, 0), (3, -1.5), (65_535, 0)]:
        x = (rng.random((6, 5, 3)) * scale + level).astype(np.float32)
        np.testing.assert_array_equal(generator.random_transform(x), x)


NORMALIZATIONS = {
    "rescale": {"rescale": 1 / 255},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "featurewise": {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 1 / 255},
    "std alone": {"featurewise_std_normalization": True},
    "samplewise std alone": {"samplewise_std_normalization": True},
    "zca": {"zca_whitening": True, "zca_epsilon": 1e-2, "rescale": 1 / 255},
    "zca over std": {"zca_whitening": True, "featurewise_std_normalization": True, "zca_epsilon": 0.1},
    "function": {"preprocessing_function": lambda x: x[..., ::-1] - np.float32(100), "rescale": 0.5},
    "everything": {
        **{"samplewise_center": True, "samplewise_std_normalization": True, "featurewise_center": True},
        **{"featurewise_std_normalization": True, "rescale": 0.01, "preprocessing_function": lambda x: x + 1},
    },
}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", NORMALIZATIONS)
def test_normalizations(theirs, case, data_format, rng):
    ours, keras_one = both(theirs, **NORMALIZATIONS[case], data_format=data_format)
    images = image_of((60, 4, 3, 3) if data_format == "channels_last" else (60, 3, 4, 3), rng)
    for generator in (ours, keras_one):
        generator.fit(images)
    for statistic in ("mean", "std", "zca_whitening_matrix"):
        got, wanted = getattr(ours, statistic), getattr(keras_one, statistic)
        assert (got is None) == (wanted is None)
        if got is not None:
            close(statistic, got, wanted, 1e-5 if statistic != "zca_whitening_matrix" else 1e-4, case)
    close("standardized", ours.standardize(images[3].copy()), keras_one.standardize(images[3].copy()), 1e-5, case)
    close("standardized", ours.standardize(images.copy()), keras_one.standardize(images.copy()), 1e-5, case)


def test_standardize_works_in_place(rng):
    x = image_of((4, 4, 3), rng)
    assert ImageDataGenerator(rescale=0.5).standardize(x) is x
    assert ImageDataGenerator(rescale=0.5).standardize(np.full((2, 2, 1), 3, np.uint8)).dtype == np.float32


def test_keras_9313_statistics_are_those_of_rescaled_images(rng):
    images = image_of((8, 5, 5, 3), rng)
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, rescale=1 / 255)
    generator.fit(images)
    scaled = images.astype(np.float64) / 255
    np.testing.assert_allclose(generator.mean[0, 0], scaled.mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(generator.std[0, 0], scaled.std(axis=(0, 1, 2)), rtol=1e-5)
    batch = generator.standardize(images.copy())
    np.testing.assert_allclose(batch.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.std(axis=(0, 1, 2)), 1, rtol=1e-4)


def test_statistics_of_many_images_keep_their_digits():
    """A running float32 sum of so many numbers would be off in the fourth digit."""
    images = np.full((3000, 20, 20, 1), 0.1, np.float32)
    images[::2] += np.float32(100)
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    generator.fit(images)
    np.testing.assert_allclose(generator.mean, 50.1, rtol=1e-6)
    np.testing.assert_allclose(generator.std, 50, rtol=1e-6)


def arguments_of(function):
    return [(one.name, one.default) for one in signature(function).parameters.values()]


def test_arguments_and_attributes_are_those_of_keras(theirs):
    for method in ("__init__", "standardize", "get_random_transform", "apply_transform", "random_transform", "fit"):
        assert arguments_of(getattr(ImageDataGenerator, method)) == arguments_of(getattr(theirs, method))
    ours, keras_one = both(theirs)
    for name in vars(keras_one):
        if not name.startswith("_") and name != "zoom_range":
            assert getattr(ours, name) == getattr(keras_one, name), name


def test_warnings_are_those_of_keras(theirs):
    cases = [
        {"zca_whitening": True},
        {"zca_whitening": True, "featurewise_center": True, "featurewise_std_normalization": True},
        {"featurewise_std_normalization": True},
        {"samplewise_std_normalization": True},
    ]
    for arguments in cases:
        said = []
        for kind in (ImageDataGenerator, theirs):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                kind(**arguments).standardize(np.ones((2, 2, 1), np.float32))
            said.append([re.sub(r"[\s,.]", "", str(one.message)) for one in caught])
        assert said[0] == said[1]


def test_the_package_offers_it():
    assert tc.preprocessing.image.ImageDataGenerator is ImageDataGenerator
