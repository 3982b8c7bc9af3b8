"""The documents' models: parameter counts, names, shapes, configurations, and a whole backward pass."""

import numpy as np
import pytest
from parity_checks import both_models, close, make_layer, penalty

import tinyconv as tc

# name → (input shape, parameters, layers)
MODELS = {
    "mnist": (
        (28, 28, 1),
        1_199_882,
        [
            ("Conv2D", dict(filters=32, kernel_size=3, activation="relu")),
            ("Conv2D", dict(filters=64, kernel_size=3, activation="relu")),
            ("MaxPooling2D", {}),
            ("Dropout", dict(rate=0.25)),
            ("Flatten", {}),
            ("Dense", dict(units=128, activation="relu")),
            ("Dropout", dict(rate=0.5)),
            ("Dense", dict(units=10, activation="softmax")),
        ],
    ),
    "mnist-cnn5": (
        (28, 28, 1),
        924_374,
        [
            ("Conv2D", dict(filters=64, kernel_size=5, activation="relu")),
            ("MaxPooling2D", {}),
            ("Flatten", {}),
            ("Dense", dict(units=100, activation="relu")),
            ("Dense", dict(units=10, activation="softmax")),
        ],
    ),
    "mnist-fc": (
        (28, 28, 1),
        199_210,
        [
            ("Flatten", {}),
            ("Dense", dict(units=200, activation="relu")),
            ("Dropout", dict(rate=0.15)),
            ("Dense", dict(units=200, activation="relu")),
            ("Dense", dict(units=10, activation="softmax")),
        ],
    ),
    "mnist-sgd": (
        (784,),
        814_090,
        [("Dense", dict(units=1024, activation="relu")), ("Dense", dict(units=10))],
    ),
}
EVERYTHING = [
    ("Conv2D", dict(filters=4, kernel_size=3, padding="same", kernel_regularizer=penalty("L2", l2=0.0625))),
    ("ReLU", dict(negative_slope=0.25)),
    ("MaxPooling2D", dict(pool_size=3, strides=2, padding="same")),
    ("Conv2D", dict(filters=6, kernel_size=(3, 2), strides=(1, 2), activation="tanh", groups=2)),
    ("AveragePooling2D", dict(pool_size=2, strides=1, padding="same")),
    ("Conv2D", dict(filters=6, kernel_size=(2, 1), dilation_rate=(2, 1), use_bias=False)),
    ("Activation", dict(activation="sigmoid")),
    ("Dropout", dict(rate=0.5)),
    ("Reshape", dict(target_shape=(-1, 6))),
    ("Dense", dict(units=5, activation="relu", bias_regularizer=penalty("L1", l1=0.25))),
    ("Flatten", {}),
    ("Dense", dict(units=4)),
    ("Softmax", {}),
]


@pytest.mark.parametrize("name", MODELS)
def test_documents_models(keras, fresh_names, rng, name):
    input_shape, count, spec = MODELS[name]
    ours, theirs = both_models(keras, spec, input_shape, rng)
    assert ours.count_params() == theirs.count_params() == count
    assert ours.input_shape == theirs.input_shape
    assert ours.output_shape == theirs.output_shape
    assert ours.name == theirs.name == "sequential"
    for layer, judge in zip(ours.layers, theirs.layers, strict=True):
        assert layer.name == judge.name
        assert layer.output_shape == judge.output.shape
        assert layer.count_params() == judge.count_params()
        assert [(weight.name, weight.shape) for weight in layer.weights] == [
            (weight.name, tuple(weight.shape)) for weight in judge.weights
        ]
        assert len(layer.trainable_weights) == len(judge.trainable_weights)
    assert [f"{ours.name}/{weight.path}" for weight in ours.weights] == [weight.path for weight in theirs.weights]
    x = rng.random((3, *input_shape)).astype(np.float32)
    close("output, whole models", ours(x).numpy(), theirs(x).numpy(), 1e-5, name)


@pytest.mark.parametrize("name", MODELS)
def test_recipes_train_these_models(name):
    """The layers of each recipe are those compared above, but for how they start."""
    from tinyconv.recipes import BY_NAME

    input_shape, _, spec = MODELS[name]
    model = BY_NAME[name].build()
    assert model.input_shape == (None, *input_shape)
    for layer, (kind, arguments) in zip(model.layers, spec, strict=True):
        theirs, ours = layer.get_config(), make_layer(tc, kind, arguments).get_config()
        assert type(layer).__name__ == kind
        changed = {key for key in ours if theirs[key] != ours[key]}
        assert changed <= {"name", "kernel_initializer", "kernel_regularizer"}


def test_automatic_names(keras, fresh_names):
    """One count a class for the whole session, spelt as Keras spells it; a second model goes on counting."""

    def names(engine):
        layers = engine.layers
        found = [
            layer.name
            for layer in (
                layers.Conv2D(1, 1),
                layers.Conv2D(1, 1),
                layers.MaxPool2D(),
                layers.MaxPooling2D(),
                layers.AvgPool2D(2),
                layers.GlobalAvgPool2D(),
                layers.ReLU(),
                layers.Dense(1),
                layers.Softmax(),
                layers.Flatten(),
                layers.Reshape((1,)),
                layers.Dropout(0.1),
                layers.Activation("relu"),
                layers.Dense(1, name="dense_1"),
                layers.Dense(1),
                layers.Conv2D(1, 1),
            )
        ]
        return [*found, engine.Sequential().name, engine.Sequential().name]

    assert names(tc) == names(keras)


def test_whole_model(keras, precision, rng):
    """Every layer in one model: its output and the gradient of its loss, penalties included, for every weight."""
    import tensorflow as tf

    ours, theirs = both_models(keras, EVERYTHING, (9, 8, 2), rng)
    x = rng.normal(size=(5, 9, 8, 2)).astype(precision.dtype)
    t = np.eye(4)[rng.integers(0, 4, 5)]
    with tf.GradientTape() as tape:
        y_keras = theirs(x, training=False)
        value = keras.losses.CategoricalCrossentropy()(t, y_keras) + sum(theirs.losses)
    gradients = tape.gradient(value, [variable.value for variable in theirs.trainable_weights])
    y = ours(x)
    loss = tc.losses.CategoricalCrossentropy()(t, y)
    for cost in ours.losses:
        loss = loss + cost
    loss.backward()
    close("output, whole models", y.numpy(), y_keras.numpy(), precision.output, "every layer")
    close("loss, whole models", loss.data.reshape(()), value.numpy(), precision.output, "every layer")
    for weight, gradient in zip(ours.trainable_weights, gradients, strict=True):
        close("gradient, whole models", weight.grad, gradient.numpy(), precision.gradient, weight.path)


def reduced(value):
    """Return a part of a Keras configuration without what only names modules, and of policies the name."""
    if isinstance(value, dict) and "class_name" in value:
        if value["class_name"] == "DTypePolicy":
            return value["config"]["name"]
        return {"class_name": value["class_name"], "config": value["config"]}
    return value


CONFIGURED = [
    *EVERYTHING,
    ("Conv2D", dict(filters=2, kernel_size=3, kernel_initializer="he_normal", bias_initializer="ones", name="first")),
    ("Dense", dict(units=2, kernel_regularizer=penalty("L1L2", l1=0.1), dtype="float64", trainable=False)),
    ("GlobalAveragePooling2D", dict(keepdims=True)),
    ("Dropout", dict(rate=0.1, seed=7)),
    ("AveragePooling2D", dict(pool_size=3)),
    ("BatchNormalization", {}),
    ("BatchNormalization", dict(momentum=0.9, epsilon=1e-5, scale=False, beta_regularizer=penalty("L2", l2=0.5))),
    ("LayerNormalization", {}),
    ("LayerNormalization", dict(axis=[1, 2], center=False, gamma_initializer="zeros")),
    ("Normalization", {}),
    ("Normalization", dict(axis=None, mean=0.5, variance=2.0, invert=True)),
    ("Normalization", dict(axis=(1, -1), mean=[0.5, 1.5], variance=[2.0, 1.0])),
    ("Rescaling", dict(scale=0.5)),
    ("Rescaling", dict(scale=[0.5, 0.25], offset=[1.0, 2.0])),
]


@pytest.mark.parametrize(("name", "arguments"), CONFIGURED, ids=lambda value: value if isinstance(value, str) else "")
def test_configuration(keras, fresh_names, name, arguments):
    """Our keys are among Keras's, with equal values; Keras's own layer can be made from ours."""
    ours, theirs = (make_layer(engine, name, arguments).get_config() for engine in (tc, keras))
    assert set(ours) <= set(theirs)
    for key, value in ours.items():
        expected = reduced(theirs[key])
        if key.endswith("_initializer"):
            # Keras 3.13 added input_axes and output_axes, None unless given.
            assert {k: v for k, v in expected["config"].items() if k not in ("input_axes", "output_axes")} == value[
                "config"
            ]
            assert value["class_name"] == expected["class_name"]
        else:
            assert value == expected, key
    missing = set(theirs) - set(ours)
    allowed = {"lora_rank", "lora_alpha"}
    allowed |= {"quantization_config", "max_value", "threshold"}
    allowed |= {"renorm", "renorm_clipping", "renorm_momentum", "synchronized"}
    allowed |= {"rms_scaling"}
    if name == "Flatten":
        allowed |= {"data_format"}
    assert missing <= allowed
    again = getattr(tc.layers, name).from_config(ours)
    assert again.get_config() == ours


def test_input_configuration(keras):
    ours, theirs = (engine.layers.InputLayer((5, 4, 1), name="in").get_config() for engine in (tc, keras))
    assert ours == {key: reduced(theirs[key]) for key in ours}
