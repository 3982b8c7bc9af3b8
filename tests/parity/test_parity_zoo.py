"""The networks of keras.applications, and the documents' own, against live Keras: layers, outputs, gradients, files."""

import gc
import json
from contextlib import contextmanager
from inspect import signature

import numpy as np
import pytest
from parity_checks import close, slow

import tinyconv as tc

NAMES = ("VGG16", "VGG19", "ResNet50", "ResNet50V2", "InceptionV3", "Xception", "MobileNet", "MobileNetV2")
# Side of the images to differentiate on: the last maps are of 2×2, on which normalization over three images is tame.
SIDES = dict.fromkeys(NAMES, 64) | {"VGG16": 32, "VGG19": 32, "InceptionV3": 107, "Xception": 71}


def few_of(quick):
    """NAMES as parameters, slow but for those that are called quick."""
    return [name if name in quick else slow(name) for name in NAMES]


@contextmanager
def both(keras, make, dtype="float32"):
    """Yield what `make` makes of either engine, in `dtype` and with names from the start; free Keras's afterwards."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    tc.set_floatx(dtype)
    keras.backend.clear_session(free_memory=False)
    tc.clear_session()
    try:
        with tc.initializers.blank():
            ours = make(tc.zoo)
        yield ours, make(keras.applications)
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
        tc.set_floatx("float32")
        keras.backend.clear_session(free_memory=False)
        gc.collect()


def maker(name, /, **arguments):
    """Return a function that makes the network of an engine, without trained weights."""
    return lambda engine: getattr(engine, name)(**arguments, weights=None)


def random_weights(model, seed=1):
    """Return a random array for each weight, such that the numbers stay of one size from layer to layer."""
    rng = np.random.default_rng(seed)
    arrays = []
    for weight in model.weights:
        owner, _, kind = weight.path.rpartition("/")
        values = rng.random(weight.shape, dtype=np.float32) - np.float32(0.5)
        if kind.endswith("kernel"):
            by_channel = kind == "depthwise_kernel" or "conv_dw" in owner or owner.endswith("_depthwise")
            inputs = np.prod(weight.shape[:2] if by_channel else weight.shape[:-1])
            values *= np.float32(np.sqrt(24 / inputs))
        elif kind in ("gamma", "moving_variance"):
            values = 1 + values * np.float32(0.5)
        else:
            values *= np.float32(0.2)
        arrays.append(values)
    return arrays


def same_layers(ours, theirs):
    """Hold names, classes, output shapes and parameters equal, layer by layer, and the order of all weights."""
    assert ours.name == theirs.name
    for layer, judge in zip(ours.layers, theirs.layers, strict=True):
        assert (layer.name, type(layer).__name__) == (judge.name, type(judge).__name__)
        assert layer.output_shape == tuple(judge.output.shape)
        assert layer.count_params() == judge.count_params()
    for weight, judge in zip(ours.weights, theirs.weights, strict=True):
        assert weight.path == judge.path.removeprefix(f"{theirs.name}/")
        assert (weight.shape, weight.trainable) == (tuple(judge.shape), judge.trainable)


@pytest.fixture(scope="module", params=few_of(["ResNet50", "MobileNet"]))
def whole(request, keras):
    """Both networks at their own size, ending in logits (a softmax of many classes is nearly constant)."""
    with both(keras, maker(request.param, classifier_activation=None)) as (ours, theirs):
        same_layers(ours, theirs)
        weights = random_weights(ours)
        ours.set_weights(weights)
        theirs.set_weights(weights)
        del weights
        yield request.param, ours, theirs


def test_whole_outputs(whole):
    name, ours, theirs = whole
    x = np.random.default_rng(2).uniform(-1, 1, (1, *ours.input_shape[1:])).astype(np.float32)
    y = theirs(x, training=False).numpy()
    assert y.std() > 0.1
    close("output, zoo", ours(x).numpy(), y, 1e-5, name)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(keras, name):
    ours, theirs = (signature(getattr(engine, name)).parameters for engine in (tc.zoo, keras.applications))
    assert list(ours) == list(theirs)
    for argument, parameter in ours.items():
        assert parameter.kind == theirs[argument].kind
        assert parameter.default == (None if argument == "weights" else theirs[argument].default)


@pytest.mark.parametrize("name", ["GoogLeNet", "AlexNet"])
def test_signatures_of_the_others(name):
    assert list(signature(getattr(tc.zoo, name)).parameters) == list(signature(tc.zoo.VGG16).parameters)


@pytest.mark.parametrize("name", few_of(["VGG16", "MobileNet"]))
def test_gradients_and_moving_averages_of_a_step(keras, name):
    """In training, float64: a unit on the edge of its ReLU may fall to either side in float32."""
    import tensorflow as tf

    side, pooling = SIDES[name], "max" if name.startswith("VGG") else "avg"
    make = maker(name, include_top=False, pooling=pooling, input_shape=(side, side, 3))
    rng = np.random.default_rng(3)
    with both(keras, make, "float64") as (ours, theirs):
        same_layers(ours, theirs)
        weights = random_weights(ours)
        ours.set_weights(weights)
        theirs.set_weights(weights)
        x = rng.uniform(-1, 1, (3, side, side, 3))
        dy = rng.normal(size=(3, ours.output_shape[1]))

        images = tc.Tensor(x, requires_grad=True)
        y = ours(images, training=True)
        y.backward(dy)
        with tf.GradientTape() as tape:
            given = tf.constant(x)
            tape.watch(given)
            judged = theirs(given, training=True)
        sources = [given, *(weight.value for weight in theirs.trainable_weights)]
        gradients = [gradient.numpy() for gradient in tape.gradient(judged, sources, output_gradients=tf.constant(dy))]

        close("output, zoo in training", y.numpy(), judged.numpy(), 1e-10, name)
        close("gradient of images, zoo", images.grad, gradients[0], 1e-10, name)
        # Layer by layer: in front of normalization the true gradient of a bias is 0.
        found = {weight.path: weight.grad for weight in ours.trainable_weights}
        judges = dict(zip(found, gradients[1:], strict=True))
        for layer in ours.layers:
            paths = [weight.path for weight in layer.trainable_weights]
            if paths:
                mine, judge = (np.concatenate([grads[path].ravel() for path in paths]) for grads in (found, judges))
                close("gradient, zoo", mine, judge, 1e-10, f"{name}, {layer.name}")
        for weight, judge, before in zip(ours.weights, theirs.weights, weights, strict=True):
            if not weight.trainable:
                assert not np.array_equal(weight.numpy(), before)
                close("moving averages, zoo", weight.numpy(), judge.numpy(), 1e-10, f"{name}, {weight.path}")


VARIANTS = [
    ("VGG16", dict(include_top=False, input_shape=(48, 40, 3))),
    ("ResNet50", dict(include_top=False, pooling="max", input_shape=(33, 47, 1))),
    ("ResNet50V2", dict(include_top=False, pooling="max", input_shape=(33, 47, 1))),
    ("Xception", dict(classes=7, input_shape=(75, 80, 3), name="mine")),
    ("InceptionV3", dict(classes=7, input_shape=(75, 80, 3), name="mine")),
    ("MobileNet", dict(alpha=0.25, depth_multiplier=2, classes=5, dropout=0.2, input_shape=(64, 64, 3))),
    ("MobileNetV2", dict(alpha=0.35, classes=5, input_shape=(65, 78, 3))),
]

SMALL = "VGG16", "MobileNet"


# TensorFlow's variables have not caught up with NumPy 2's signature of __array__; Keras calls it when it saves.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [pytest.param(*each, id=each[0], marks=[] if each[0] in SMALL else pytest.mark.slow) for each in VARIANTS],
)
def test_variants_and_their_files(keras, tmp_path, name, arguments):
    """Other arguments make the same layers; weights go by way of a file from each engine to the other."""
    mine, judged = str(tmp_path / "mine.weights.h5"), str(tmp_path / "judged.weights.h5")
    with both(keras, maker(name, **arguments)) as (ours, theirs):
        same_layers(ours, theirs)
        weights = random_weights(ours)
        ours.set_weights(weights)
        ours.save_weights(mine)
        theirs.load_weights(mine)
        for array, weight in zip(weights, theirs.weights, strict=True):
            np.testing.assert_array_equal(weight.numpy(), array)
        x = np.random.default_rng(4).uniform(-1, 1, (2, *ours.input_shape[1:])).astype(np.float32)
        close("output, zoo", ours(x).numpy(), theirs(x, training=False).numpy(), 1e-5, f"{name}, {arguments}")

        weights = random_weights(ours, seed=5)
        theirs.set_weights(weights)
        theirs.save_weights(judged)
        again = getattr(tc.zoo, name)(**arguments, weights=judged)
        for array, weight in zip(weights, again.weights, strict=True):
            np.testing.assert_array_equal(weight.numpy(), array)


OTHERS = {
    "AlexNet": dict(input_shape=(99, 115, 3), classes=20, classifier_activation=None),
    "GoogLeNet": dict(input_shape=(64, 80, 3), classes=20, classifier_activation=None),
    "cifar10": {},
    "cats_dogs": {},
    "practicum": {},
    "intel": {"normalizes_blocks": True},
    "vgg16_cats_dogs": {},
}


LARGE = "AlexNet", "GoogLeNet", "vgg16_cats_dogs"


@pytest.mark.parametrize("name", [slow(name) if name in LARGE else name for name in OTHERS])
def test_networks_that_keras_has_not(keras, name):
    """Keras, told of the network by its configuration, has the same layers and computes the same."""
    tc.clear_session()
    with tc.initializers.blank():
        ours = getattr(tc.zoo, name)(**OTHERS[name])
    kind = keras.Sequential if isinstance(ours, tc.Sequential) else keras.Model
    theirs = kind.from_config(json.loads(json.dumps(ours.get_config())))
    same_layers(ours, theirs)
    weights = random_weights(ours)
    ours.set_weights(weights)
    theirs.set_weights(weights)
    x = np.random.default_rng(6).uniform(-1, 1, (2, *ours.input_shape[1:])).astype(np.float32)
    close("output, zoo", ours(x).numpy(), theirs(x, training=False).numpy(), 1e-5, name)
    keras.backend.clear_session(free_memory=False)
