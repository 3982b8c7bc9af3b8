"""Bad input: one line that says what is wrong, what was got, what is needed and how to mend it; no weight changes."""

from functools import partial

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers

OK = np.ones((4, 8, 8, 1), np.float32)
LABELS = np.array([0, 1, 2, 0])
NAN, INF = OK.copy(), OK.copy()
NAN[2, 3, 4, 0] = np.nan
INF[1, 0, 0, 0] = np.inf


def assert_refused(call, *parts):
    """`call` raises ValueError with a message of one line that holds every part."""
    with pytest.raises(ValueError, match=r"^[^\n]{15,260}\Z") as caught:
        call()
    for part in parts:
        assert part in str(caught.value)


DATA = {
    "an axis too few": (OK[..., 0, 0], LABELS, ["x has shape (4, 8)", "needs (n, 8, 8, 1)"]),
    "a single sample": (OK[0], LABELS, ["x has shape (8, 8, 1)", "needs (n, 8, 8, 1)", "x[None]"]),
    "channels": (np.ones((4, 8, 8, 3)), LABELS, ["x has shape (4, 8, 8, 3)", "needs (n, 8, 8, 1)"]),
    "image size": (np.ones((4, 9, 8, 1)), LABELS, ["x has shape (4, 9, 8, 1)", "needs (n, 8, 8, 1)"]),
    "text": (np.array([["a"]]), LABELS, ["x must hold numbers", "<U1"]),
    "objects": (np.array([None, 1, 2, 3]), LABELS, ["x must hold numbers", "object"]),
    "complex": (OK * 1j, LABELS, ["x must hold numbers", "complex64"]),
    "NaN": (NAN, LABELS, ["x must be finite", "nan", "(2, 3, 4, 0)", "leave out or replace"]),
    "infinity": (INF, LABELS, ["x must be finite", "inf", "(1, 0, 0, 0)"]),
    "too large for float32": (OK.astype(float) * 1e39, LABELS, ["x", "1e+39", "float32", "scale"]),
    "no samples": (OK[:0], LABELS[:0], ["x is empty", "(0, 8, 8, 1)"]),
    "no pixels": (np.ones((4, 0, 8, 1)), LABELS, ["x is empty", "(4, 0, 8, 1)"]),
    "a number": (3.0, LABELS, ["x is empty", "shape is ()"]),
    "no targets": (OK, None, ["targets y are missing"]),
    "no labels": (OK, [], ["y is empty"]),
    "fewer labels": (OK, LABELS[:3], ["x has 4 samples", "y has 3"]),
    "label too high": (OK, [0, 1, 3, 0], ["labels in 0 … 2", "got 3", "3 units"]),
    "negative label": (OK, [0, 1, -1, 0], ["labels in 0 … 2", "got -1"]),
    "half a label": (OK, [0, 1, 0.5, 0], ["labels in 0 … 2", "got 0.5"]),
    "NaN label": (OK, [0, 1, np.nan, 0], ["y must be finite", "nan"]),
    "text labels": (OK, list("abca"), ["y must hold numbers", "<U1"]),
    "one-hot labels": (OK, np.eye(3)[LABELS], ["(4, 3)", "(n,)", "categorical_crossentropy"]),
}


@pytest.fixture
def unharmed(network):
    """A compiled model, which must come out of the test with the weights and optimizer it went in with."""
    model = network(dtype="float32")
    before = model.get_weights()
    yield model
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("use", ["fit", "evaluate", "train_on_batch", "test_on_batch", "validation"])
def test_data(name, use, unharmed):
    x, y, parts = DATA[name]
    if use == "validation":
        assert_refused(lambda: unharmed.fit(OK, LABELS, validation_data=(x, y), verbose=0), *parts)
    else:
        assert_refused(lambda: getattr(unharmed, use)(x, y), *parts)


@pytest.mark.parametrize("name", [name for name, (_, y, _) in DATA.items() if y is LABELS])
def test_predict(name, unharmed):
    x, _, parts = DATA[name]
    assert_refused(lambda: unharmed.predict(x), *parts)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"batch_size": 0}, ["batch_size must be a positive integer", "0"]),
        ({"batch_size": -3}, ["batch_size must be a positive integer", "-3"]),
        ({"batch_size": 2.5}, ["batch_size", "2.5"]),
        ({"epochs": 0}, ["epochs must be", "0"]),
        ({"epochs": 1.5}, ["epochs", "1.5"]),
        ({"initial_epoch": -1}, ["initial_epoch", "-1"]),
        ({"verbose": 3}, ["verbose", "3"]),
        ({"validation_split": 1.0}, ["validation_split must be between 0 and 1", "1.0"]),
        ({"validation_split": -0.1}, ["validation_split", "-0.1"]),
        ({"validation_split": 0.9}, ["validation_split=0.9 of 4 samples"]),
        ({"sample_weight": np.ones(3)}, ["sample_weight", "(4,)", "(3,)"]),
        ({"sample_weight": [1, np.nan, 1, 1]}, ["sample_weight must be finite"]),
        ({"class_weight": {-1: 1.0}}, ["class_weight", "-1"]),
        ({"class_weight": {0.5: 1.0}}, ["class_weight", "0.5"]),
        ({"class_weight": {1: np.nan}}, ["class_weight", "nan", "class 1"]),
        ({"validation_data": (OK,)}, ["validation_data", "(x, y)"]),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_settings_of_fit(settings, parts, unharmed):
    assert_refused(lambda: unharmed.fit(OK, LABELS, **{"verbose": 0, **settings}), *parts)


def test_evaluate_batch_size(unharmed):
    with pytest.raises(ValueError, match="batch_size must be a positive integer, got 0"):
        unharmed.evaluate(OK, LABELS, batch_size=0)


def test_not_compiled():
    model = tc.Sequential([layers.Dense(2, input_shape=(2,))])
    for use in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=r"compile the model first: model\.compile\(optimizer"):
            use(np.ones((2, 2)), np.ones((2, 2)))


def test_a_failed_first_fit_builds_nothing():
    model = tc.Sequential([layers.Conv2D(2, 3), layers.MaxPooling2D(3), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r'layer "max_pooling2d" .* larger than the image of 2×2'):
        model.fit(np.ones((3, 4, 4, 5)), np.ones((3, 2)), verbose=0)
    assert model.weights == []
    assert model.input_shape is None
    model.fit(np.ones((3, 6, 6, 1)), np.ones((3, 2)), verbose=0)


LOSSES = [
    # last layer, loss, parts of the message
    ({"units": 3}, "categorical_crossentropy", ["softmax", "linear", "from_logits=True"]),
    ({"units": 3}, "sparse_categorical_crossentropy", ["softmax", "linear", 'activation="softmax"']),
    (
        {"units": 3, "activation": "sigmoid"},
        "categorical_crossentropy",
        ["needs probabilities from softmax", "sigmoid"],
    ),
    ({"units": 1, "activation": "softmax"}, "binary_crossentropy", ["needs probabilities from sigmoid", "softmax"]),
    ({"units": 1}, "binary_crossentropy", ["sigmoid", "linear"]),
    ({"units": 3, "activation": "relu"}, "categorical_crossentropy", ["softmax", "relu"]),
    ({"units": 1, "activation": "softmax"}, "categorical_crossentropy", ["softmax over one unit", "sigmoid"]),
    (
        {"units": 3, "activation": "softmax"},
        tc.losses.CategoricalCrossentropy(from_logits=True),
        ["from_logits=True", "already ends in softmax", "remove one"],
    ),
]


@pytest.mark.parametrize(("last", "loss", "parts"), LOSSES)
def test_loss_that_does_not_fit_the_last_activation(last, loss, parts):
    model = tc.Sequential([layers.Dense(**last, input_shape=(2,))])
    model.compile("sgd", loss)
    before = model.get_weights()
    for use in (model.fit, model.evaluate, model.train_on_batch):
        assert_refused(partial(use, np.ones((4, 2)), np.zeros((4, last["units"]))), *parts)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize(
    ("units", "activation", "loss", "y", "parts"),
    [
        (3, "softmax", "categorical_crossentropy", LABELS, ["(4,)", "(n, 3)", "to_categorical"]),
        (3, "softmax", "categorical_crossentropy", LABELS[:, None], ["(4, 1)", "(n, 3)", "sparse_categorical"]),
        (3, "softmax", "categorical_crossentropy", np.ones((4, 10)), ["(4, 10)", "(n, 3)", "last layer has 3 units"]),
        (3, "softmax", "categorical_crossentropy", 2 * np.eye(4, 3), ["0 … 1", "2.0"]),
        (1, "sigmoid", "binary_crossentropy", LABELS, ["0 … 1", "got 2"]),
        (1, "sigmoid", "binary_crossentropy", np.ones((4, 2)), ["(4, 2)", "(n, 1)"]),
        (2, None, "mse", np.ones((4, 3)), ["mean_squared_error", "(4, 3)", "(n, 2)"]),
    ],
)
def test_targets_that_do_not_fit_the_loss(units, activation, loss, y, parts):
    model = tc.Sequential([layers.Dense(units, activation=activation, input_shape=(2,))])
    model.compile("sgd", loss)
    assert_refused(lambda: model.fit(np.ones((4, 2)), y, verbose=0), *parts)


UNKNOWN = [
    (lambda: layers.Dense(2, activation="rellu"), ['unknown activation "rellu"', 'did you mean "relu"?']),
    (lambda: layers.Dense(2, kernel_initializer="glorot"), ['unknown initializer "glorot"', "did you mean"]),
    (lambda: layers.Dense(2, kernel_regularizer="l3"), ['unknown regularizer "l3"', "did you mean"]),
    (lambda: compiled(optimizer="adm"), ['unknown optimizer "adm"', 'did you mean "adam"?']),
    (
        lambda: compiled(optimizer=5),
        [
            'unknown optimizer "5"',
            "known are adadelta, adagrad, adam, adamax, adamw, ftrl, lamb, lion, nadam, rmsprop, sgd",
        ],
    ),
    (lambda: compiled(loss="categorical_crosentropy"), ["unknown loss", 'did you mean "categorical_crossentropy"?']),
    (lambda: compiled(loss=["mse", "mse"]), ["loss needs one for each output", "got 2"]),
    (lambda: compiled(metrics=["acuracy"]), ['unknown metric "acuracy"', 'did you mean "accuracy"?']),
    (lambda: compiled(metrics=[3]), ['unknown metric "3"']),
    (lambda: compiled(metrics="accuracy"), ['metrics must be a list, such as ["accuracy"]']),
    (lambda: tc.optimizers.RMSprop(epsilon_mode="outsid"), ['unknown epsilon_mode "outsid"', '"outside"']),
    (lambda: tc.initializers.VarianceScaling(mode="fan"), ['unknown mode "fan"', "did you mean"]),
    (lambda: tc.set_floatx("float16"), ["floatx", "'float16'"]),
    (lambda: tc.backend("cpux").__enter__(), ['"cpu" or "reference"', "'cpux'"]),
    (lambda: tc.backend("gpu").__enter__(), ["gpu", 'model.to("gpu")']),
]


def compiled(optimizer="sgd", loss="mse", metrics=None):
    tc.Sequential([layers.Dense(2, input_shape=(2,))]).compile(optimizer, loss, metrics)


@pytest.mark.parametrize(("call", "parts"), UNKNOWN, ids=range(len(UNKNOWN)))
def test_unknown_names_suggest_the_nearest(call, parts):
    assert_refused(call, *parts)


ARGUMENTS = [
    (lambda: layers.Dense(0), ["units must be a positive integer", "0"]),
    (lambda: layers.Dense(-5), ["units must be a positive integer", "-5"]),
    (lambda: layers.Dense(2.5), ["units", "2.5"]),
    (lambda: layers.Dense(True), ["units", "True"]),
    (lambda: layers.Dense("10"), ["units", "'10'"]),
    (lambda: layers.Conv2D(0, 3), ["filters must be a positive integer", "0"]),
    (lambda: layers.Conv2D(4, 0), ["kernel_size must be a positive integer or two", "0"]),
    (lambda: layers.Conv2D(4, (3, -1)), ["kernel_size", "(3, -1)"]),
    (lambda: layers.Conv2D(4, (3, 3, 3)), ["kernel_size", "(3, 3, 3)"]),
    (lambda: layers.Conv2D(4, 2.5), ["kernel_size must be a positive integer or two", "2.5"]),
    (lambda: layers.Conv2D(4, 3, strides=0), ["strides", "0"]),
    (lambda: layers.Conv2D(4, 3, dilation_rate=-1), ["dilation_rate", "-1"]),
    (lambda: layers.Conv2D(4, 3, padding="sane"), ['padding must be "valid" or "same"', "sane"]),
    (lambda: layers.Conv2D(4, 3, groups=3), ["filters must be divisible by groups", "filters=4, groups=3"]),
    (lambda: layers.Conv2D(4, 3, data_format="first"), ["channels_last", "channels_first", "first"]),
    (lambda: layers.MaxPooling2D(0), ["pool_size", "0"]),
    (lambda: layers.MaxPooling2D(2, -1), ["strides", "-1"]),
    (lambda: layers.AveragePooling2D(padding="full"), ["padding", "full"]),
    (lambda: layers.Dropout(1.5), ["rate must be in 0 … 1", "1.5"]),
    (lambda: layers.Dropout(-0.1), ["rate must be in 0 … 1", "-0.1"]),
    (lambda: layers.Reshape((-1, -1)), ["one −1", "(-1, -1)"]),
    (lambda: layers.Reshape((0, 2)), ["target_shape must hold positive integers"]),
    (lambda: layers.ReLU(negative_slope=-1), ["negative_slope must be a finite number of at least 0", "-1"]),
    (lambda: layers.ReLU(max_value=-2), ["max_value must be a finite number of at least 0", "-2"]),
    (lambda: layers.ReLU(threshold=None), ["threshold must be a finite number of at least 0", "None"]),
    (lambda: layers.LeakyReLU(-1), ["negative_slope must be a finite number of at least 0", "-1"]),
    (lambda: layers.ELU(-0.5), ["alpha must be a finite number of at least 0", "-0.5"]),
    (lambda: layers.PReLU(shared_axes=[0]), ["shared_axes are numbered from 1", "[0]"]),
    (lambda: layers.GaussianNoise(1.5), ["stddev must be in 0 … 1", "1.5"]),
    (lambda: layers.SpatialDropout2D(-0.5), ["rate must be in 0 … 1", "-0.5"]),
    (lambda: layers.SpatialDropout2D(0.5, "first"), ["channels_last", "channels_first", "first"]),
    (lambda: layers.Permute((0, 1)), ["dims must hold each of 1, 2, … once", "(0, 1)"]),
    (lambda: layers.Permute((1, 3)), ["dims must hold each of 1, 2, … once", "(1, 3)"]),
    (lambda: tc.Input((28, 0, 1)), ["input_shape must hold positive integers", "(28, 0, 1)"]),
    (lambda: tc.Input((28, -1)), ["input_shape must hold positive integers"]),
    (lambda: tc.Input(28), ["input_shape", "28"]),
    (lambda: layers.Dense(2, dtype="float16"), ["dtype", "'float16'"]),
    (lambda: tc.optimizers.SGD(-0.1), ["learning_rate", "-0.1"]),
    (lambda: tc.optimizers.Adam(float("nan")), ["learning_rate", "nan"]),
    (lambda: tc.optimizers.Adam("fast"), ["learning_rate", "'fast'"]),
    (lambda: tc.optimizers.Adam(beta_1=1.5), ["beta_1 must be in 0 … 1", "1.5"]),
    (lambda: tc.optimizers.SGD(momentum=-1), ["momentum", "-1"]),
    (lambda: tc.optimizers.SGD(momentum="a"), ["momentum", "'a'"]),
    (lambda: tc.regularizers.L2(-1), ["must not be negative", "-1"]),
    (lambda: tc.losses.CategoricalCrossentropy(label_smoothing=2), ["label_smoothing", "2"]),
    (lambda: tc.initializers.VarianceScaling(scale=0), ["scale must be positive", "0"]),
]


@pytest.mark.parametrize(("call", "parts"), ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_arguments(call, parts):
    assert_refused(call, *parts)


SHAPES = [
    (lambda: layers.Conv2D(4, 3), (28, 28), ['layer "conv2d" (Conv2D)', "(None, 28, 28)", "needs 4 axes"]),
    (lambda: layers.Conv2D(4, 3), (784,), ['layer "conv2d" (Conv2D)', "(batch, height, width, channels)"]),
    (lambda: layers.Conv2D(4, 5), (4, 9, 1), ['"conv2d"', "window of 5×5", "image of 4×9", 'padding="same"']),
    (lambda: layers.Conv2D(4, 3, dilation_rate=3), (6, 6, 1), ["window of 7×7", "image of 6×6"]),
    (lambda: layers.Conv2D(4, 3, groups=2), (9, 9, 3), ['"conv2d"', "3 channels", "groups=2"]),
    (lambda: layers.MaxPooling2D(3), (2, 9, 1), ['"max_pooling2d"', "window of 3×3", "image of 2×9"]),
    (lambda: layers.AveragePooling2D(), (4,), ['"average_pooling2d"', "needs 4 axes"]),
    (lambda: layers.GlobalAveragePooling2D(), (4, 4), ['"global_average_pooling2d"', "needs 4 axes"]),
    (lambda: layers.Reshape((5, -1)), (3, 4), ['"reshape"', "12 values", "(5, -1)"]),
    (lambda: layers.Reshape((5,)), (3, 4), ['"reshape"', "12 values", "(5,)"]),
    (lambda: layers.Permute((2, 1)), (3, 4, 5), ['"permute"', "3 axes", "dims (2, 1) has 2"]),
    (lambda: layers.PReLU(shared_axes=[3]), (3, 4), ['"p_re_lu"', "no axis 3", "shared_axes=[3]"]),
    (lambda: layers.SpatialDropout2D(0.5), (3, 4), ['"spatial_dropout2d"', "needs 4 axes"]),
]


@pytest.mark.parametrize(("make", "sample", "parts"), SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize("use", ["call", "Input", "input_shape"])
def test_shapes(make, sample, parts, use):
    layer = make()
    layer.batch_input_shape = (None, *sample) if use == "input_shape" else None
    ways = {
        "call": lambda: layer(np.ones((2, *sample))),
        "Input": lambda: tc.Sequential([tc.Input(sample), layer]),
        "input_shape": lambda: tc.Sequential([layer]),
    }
    assert_refused(ways[use], *parts)
    assert not layer.built
    assert layer.weights == []


def test_shapes_other_than_those_a_layer_was_built_for():
    conv, dense = layers.Conv2D(2, 3), layers.Dense(2)
    conv(np.ones((1, 5, 5, 3)))
    dense(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r'layer "conv2d" .*\(None, 5, 5, 1\).*built for 3 channels'):
        conv(np.ones((1, 5, 5, 1)))
    with pytest.raises(ValueError, match=r'layer "dense" .*\(None, 4\).*built for 3 features'):
        dense(np.ones((1, 4)))


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [([0, 5], 3, "label 5 at index 1 is too high"), ([-1], None, "label -1 at index 0 is negative")],
)
def test_to_categorical(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        tc.datasets.to_categorical(labels, classes)


def test_loading_weights_that_do_not_fit(tmp_path, network, unharmed):
    other = tc.Sequential([layers.Dense(2, input_shape=(3,))])
    path = str(tmp_path / "other.weights.h5")
    other.save_weights(path)
    assert_refused(lambda: unharmed.load_weights(path))
