"""Augmentation layers against Keras's: the same pixels for the same transformation, in float32 to 1e-5."""

import numpy as np
import pytest
from parity_checks import close

import tinyconv as tc

SHAPES = [(3, 8, 8, 3), (3, 7, 12, 1), (3, 20, 9, 2)]
RGB = ("RandomGrayscale", "RandomHue", "RandomSaturation")
FILL_MODES = ["reflect", "wrap", "constant", "nearest"]

# Layer and arguments; a transformation that the layer draws, or one with numbers of our own.
LAYERS = {
    "flip": ("RandomFlip", {}),
    "flip horizontal": ("RandomFlip", {"mode": "horizontal"}),
    "flip vertical": ("RandomFlip", {"mode": "vertical"}),
    "brightness": ("RandomBrightness", {"factor": 0.4}),
    "brightness, range": ("RandomBrightness", {"factor": (0.1, 0.3), "value_range": (0, 1)}),
    "invert": ("RandomInvert", {}),
    "invert, range": ("RandomInvert", {"factor": (0.2, 0.4), "value_range": (0, 1)}),
    "grayscale": ("RandomGrayscale", {}),
    "hue": ("RandomHue", {"factor": 0.8}),
    "hue, range": ("RandomHue", {"factor": (0.3, 1.0), "value_range": (0, 1)}),
    "saturation": ("RandomSaturation", {"factor": 0.9}),
    "saturation, range": ("RandomSaturation", {"factor": (0.2, 0.4), "value_range": (0, 1)}),
    "contrast": ("RandomContrast", {"factor": 0.5}),
    "contrast, range": ("RandomContrast", {"factor": (0.5, 0.9), "value_range": (20, 100)}),
    "crop": ("RandomCrop", {"height": 5, "width": 6}),
    "crop of smaller images": ("RandomCrop", {"height": 10, "width": 15}),
}
for fill_mode in FILL_MODES:
    for interpolation in ("bilinear", "nearest"):
        options = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 30.0}
        LAYERS |= {
            f"rotation {fill_mode} {interpolation}": ("RandomRotation", {"factor": 0.5, **options}),
            f"shear {fill_mode} {interpolation}": ("RandomShear", {"x_factor": 0.4, "y_factor": (0.1, 0.3), **options}),
            f"zoom {fill_mode} {interpolation}": ("RandomZoom", {"height_factor": 0.9, "width_factor": 0.5, **options}),
            f"translation {fill_mode} {interpolation}": (
                "RandomTranslation",
                {"height_factor": 0.8, "width_factor": (-1.0, 0.3), **options},
            ),
        }


def images_of(shape, rng, scale=255):
    return (rng.random(shape) * scale).astype(np.float32)


@pytest.mark.parametrize("case", LAYERS)
def test_same_pixels_for_the_same_transformation(keras, case, rng):
    kind, arguments = LAYERS[case]
    ours, theirs = (getattr(engine.layers, kind)(**arguments, seed=7) for engine in (tc, keras))
    for shape in SHAPES if kind not in RGB else [(4, 6, 5, 3)]:
        x = images_of(shape, rng, arguments.get("value_range", (0, 255))[1])
        x[0, 0, 0] = x[0, 0, 0, 0]  # a gray pixel has no hue
        x[0, 0, 1] = 0
        for step in range(3):
            transformation = theirs.get_random_transformation(x)
            if isinstance(transformation, dict):
                transformation = {name: np.asarray(value) for name, value in transformation.items()}
            wanted = np.asarray(theirs.transform_images(keras.ops.convert_to_tensor(x), transformation))
            close("augmentation", ours.transform_images(x, transformation), wanted, 1e-5, f"{case} {shape} {step}")

            mine = ours.get_random_transformation(x)
            wanted = np.asarray(theirs.transform_images(keras.ops.convert_to_tensor(x), mine))
            close("augmentation", ours.transform_images(x, mine), wanted, 1e-5, f"{case} {shape} {step}, ours")


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, 45, 33.3])
def test_rotation_matrices(keras, degrees, rng):
    """Quarter turns, where places fall on pixels or midway between."""
    for shape in [(1, 8, 8, 1), (1, 9, 9, 1), (1, 6, 9, 1)]:
        x = images_of(shape, rng)
        for fill_mode in FILL_MODES:
            factor = (degrees / 360, degrees / 360)
            both = [engine.layers.RandomRotation(factor, fill_mode) for engine in (tc, keras)]
            ours, theirs = (np.asarray(layer(x, training=True)) for layer in both)
            close("rotation", ours, theirs, 1e-5, f"{degrees} {shape} {fill_mode}")


FITTING = [
    *({"interpolation": one} for one in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area")),
    *({"interpolation": one, "antialias": True} for one in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")),
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True, "fill_value": 40.0},
]


@pytest.mark.parametrize("arguments", FITTING, ids=str)
def test_resizing(keras, arguments, rng):
    for size in [(8, 8), (5, 13), (3, 2), (17, 20), (1, 1)]:
        ours, theirs = (engine.layers.Resizing(*size, **arguments) for engine in (tc, keras))
        for shape in [*SHAPES, (2, 1, 1, 1), (20, 30, 3)]:
            x = images_of(shape, rng)
            close("resizing", ours(x), np.asarray(theirs(x)), 1e-5, f"{size} {shape}")


def test_center_crop(keras, rng):
    for size in [(8, 8), (5, 4), (4, 5), (9, 3), (30, 21), (1, 1)]:
        ours, theirs = (engine.layers.CenterCrop(*size) for engine in (tc, keras))
        for shape in [*SHAPES, (20, 30, 3)]:
            x = images_of(shape, rng)
            close("center crop", ours(x), np.asarray(theirs(x)), 1e-5, f"{size} {shape}")


def test_calls_are_training_unless_told(keras, rng):
    """As in Keras: outside a model a call changes images; inside, when the model is trained.

    But `model(x)` is a call outside training here, for all layers; in Keras not for these.
    """
    x = images_of((4, 6, 6, 1), rng)
    for engine in (tc, keras):
        shift = engine.layers.RandomTranslation((0.5, 0.5), (0.5, 0.5), "constant")
        model = engine.Sequential([engine.Input((6, 6, 1)), shift])
        moved = np.pad(x, ((0, 0), (3, 0), (3, 0), (0, 0)))[:, :6, :6]
        for got, wanted in (
            (shift(x), moved),
            (shift(x, training=True), moved),
            (shift(x, training=False), x),
            (model(x), x if engine is tc else moved),
            (model(x, training=True), moved),
            (model.predict(x, verbose=0), x),
        ):
            np.testing.assert_allclose(np.asarray(got), wanted, atol=1e-4)


CONFIGS = [
    ("RandomFlip", {"mode": "vertical", "seed": 3}),
    ("RandomRotation", {"factor": 0.2, "seed": 3}),
    ("RandomRotation", {"factor": (-0.1, 0.4), "fill_mode": "wrap", "interpolation": "nearest", "fill_value": 2.0}),
    ("RandomZoom", {"height_factor": 0.2}),
    ("RandomZoom", {"height_factor": (-0.5, 0.4), "width_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": (0.1, 0.3)}),
    ("RandomCrop", {"height": 3, "width": 4, "seed": 8}),
    ("RandomBrightness", {"factor": 0.2, "value_range": (0, 1)}),
    ("RandomContrast", {"factor": (0.2, 0.4)}),
    ("RandomHue", {"factor": 0.2, "seed": 2}),
    ("RandomSaturation", {"factor": (0.2, 0.4), "value_range": (0, 1)}),
    ("RandomGrayscale", {"factor": 0.25}),
    ("RandomInvert", {"factor": 0.25}),
    ("RandomShear", {"x_factor": (0.0, 0.25), "y_factor": (0.25, 0.5), "fill_mode": "wrap"}),
    ("CenterCrop", {"height": 3, "width": 4}),
    ("Resizing", {"height": 3, "width": 4, "interpolation": "nearest", "antialias": True}),
]


@pytest.mark.parametrize(("kind", "arguments"), CONFIGS, ids=str)
def test_configurations(keras, kind, arguments):
    """Each reads the other's, and writes the same."""
    plain = {"dtype": None, "trainable": None}
    ours, theirs = (getattr(engine.layers, kind)(**arguments, name="one") for engine in (tc, keras))
    assert listed({**ours.get_config(), **plain}) == listed({**theirs.get_config(), **plain})
    read = getattr(tc.layers, kind).from_config(theirs.get_config())
    assert listed({**read.get_config(), **plain}) == listed({**theirs.get_config(), **plain})
    back = getattr(keras.layers, kind).from_config({**ours.get_config(), "dtype": "float32"})
    assert listed({**back.get_config(), **plain}) == listed({**theirs.get_config(), **plain})


def listed(config):
    return {name: list(value) if isinstance(value, tuple) else value for name, value in config.items()}
