"""Whole models of Keras 1 and 2, in both orders of images, of every layer: they compute what they computed there."""

import json

import numpy as np
import old_keras
import pytest
from scipy.signal import convolve2d, correlate2d

import tinyconv as tc
from tinyconv import layers as L


def every_layer():
    """Return a network of all layers that Keras 2 had for images."""
    image = tc.Input((13, 12, 3))
    x = L.ZeroPadding2D(((1, 0), (2, 1)))(image)
    x = L.Conv2D(4, (3, 2), strides=(2, 1), activation="relu", kernel_regularizer=tc.regularizers.L2(0.01))(x)
    x = L.BatchNormalization()(x)
    a = L.LeakyReLU(negative_slope=0.2)(L.SeparableConv2D(4, 3, padding="same", depth_multiplier=2)(x))
    b = L.ELU()(L.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
    c = L.Activation("tanh")(L.Conv2DTranspose(4, (3, 2), padding="same")(x))
    x = L.Add()([a, L.Multiply()([b, c])])
    x = L.Concatenate()([x, L.Maximum()([b, c]), L.Average()([a, b]), L.Subtract()([a, c])])
    x = L.UpSampling2D((2, 1))(L.Cropping2D(((1, 0), (0, 1)))(x))
    x = L.SpatialDropout2D(0.2)(L.MaxPooling2D((2, 3), padding="same")(x))
    pooled = L.AveragePooling2D(2)(L.GaussianNoise(0.1)(L.ReLU(max_value=6.0)(x)))
    flat = L.Dropout(0.5)(L.BatchNormalization()(L.Flatten()(pooled)))
    joined = L.Concatenate()([L.Dense(5)(flat), L.GlobalMaxPooling2D()(x), L.GlobalAveragePooling2D()(x)])
    model = tc.Model(image, L.Dense(3, activation="softmax")(joined))
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.9, weight.shape) - 0.4 * (weight.ndim > 1) for weight in model.weights])
    return model


IMAGES = np.random.default_rng(0).random((2, 13, 12, 3), np.float32)


def channels_first(layer):
    """Return what Keras 2 says of a layer of a model whose images are (channels, height, width)."""
    description = old_keras.keras2(layer)
    config = description["config"]
    if "data_format" in config and not isinstance(layer, L.Flatten):
        config["data_format"] = "channels_first"
    config.pop("data_format", None) if isinstance(layer, L.Flatten) else None  # Keras before 2.2
    if isinstance(layer, L.InputLayer):
        n, h, w, c = config["batch_input_shape"]
        config["batch_input_shape"] = [n, c, h, w]
    if isinstance(layer, L.BatchNormalization | L.Concatenate):
        config["axis"] = 1
    return description


def rows_channels_first(model):
    """Return a change of weights: those behind the Flatten have channels first, as the others have not."""
    h, w, c = next(layer for layer in model.layers if isinstance(layer, L.Flatten)).input_shape[1:]
    behind = {
        id(weight)
        for layer in (*model.layers,)
        if layer.name in ("batch_normalization_1", "dense")
        for weight in layer.weights
    }

    def change(layer, weight):
        values = weight.numpy()
        if id(weight) not in behind or values.shape[0] != h * w * c:
            return values
        return values.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(values.shape)

    return change


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_every_layer_of_keras_2(order, backend, tmp_path):
    model = every_layer()
    first = order == "channels_first"
    rows = rows_channels_first(model) if first else lambda layer, weight: weight.numpy()

    def change(layer, weight):
        values = rows(layer, weight)
        flipped = backend == "theano" and values.ndim == 4 and isinstance(layer, L.Conv2D | L.Conv2DTranspose)
        return values[::-1, ::-1] if flipped else values

    config = old_keras.functional(model, channels_first if first else old_keras.keras2)
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model, change), backend=backend)
    if first:
        with pytest.warns(UserWarning, match=r"\(n, c, h, w\)"):
            again = tc.load_model(tmp_path / "a.h5")
    else:
        again = tc.load_model(tmp_path / "a.h5")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    assert again.get_layer("conv2d").kernel.regularizer.l2 == 0.01


KERAS_1 = {
    "filters": "nb_filter",
    "padding": "border_mode",
    "strides": "subsample",
    "use_bias": "bias",
    "kernel_initializer": "init",
    "kernel_regularizer": "W_regularizer",
    "bias_regularizer": "b_regularizer",
    "units": "output_dim",
    "rate": "p",
    "stddev": "sigma",
}
MODES = {"Add": "sum", "Multiply": "mul", "Concatenate": "concat", "Average": "ave", "Maximum": "max"}
CLASSES = {"Conv2D": "Convolution2D", "SeparableConv2D": "SeparableConvolution2D", "Conv2DTranspose": "Deconvolution2D"}


def keras1(order):
    """Return what says of a layer what Keras 1 did, for images in this order."""

    def describe(layer):
        config = (channels_first if order == "th" else old_keras.keras2)(layer)["config"]
        name = type(layer).__name__
        if name in MODES:
            merge = {"name": layer.name, "mode": MODES[name], "concat_axis": config.get("axis", -1), "dot_axes": -1}
            return {"class_name": "Merge", "config": {**merge, "output_shape": None, "arguments": {}}}
        window = name.endswith("Pooling2D")
        found = {}
        for key, value in config.items():
            if key in ("bias_initializer", "dilation_rate", "groups", "output_padding"):
                continue
            if key == "data_format":
                found["dim_ordering"] = order
            elif key == "kernel_size":
                found["nb_row"], found["nb_col"] = value
            elif key == "kernel_regularizer" and value:
                found["W_regularizer"] = {"name": "WeightRegularizer", "l1": 0.0, "l2": value["config"]["l2"]}
            elif key.endswith("initializer"):
                found[KERAS_1.get(key, key.replace("initializer", "init"))] = "glorot_uniform"
            else:
                found[key if window and key == "strides" else KERAS_1.get(key, key)] = value
        if name == "BatchNormalization":
            for key in (
                "beta_init",
                "gamma_init",
                "moving_mean_init",
                "moving_variance_init",
                "center",
                "scale",
                "renorm",
            ):
                found.pop(key, None)
            found |= {"mode": 0, "gamma_regularizer": None, "beta_regularizer": None}
        if name == "Flatten":
            found.pop("dim_ordering", None)
        return {"class_name": CLASSES.get(name, name), "config": found}

    return describe


def image_network():
    """Return a network of layers that Keras 1 had."""
    image = tc.Input((13, 12, 3))
    x = L.Conv2D(4, (3, 2), strides=(2, 1), activation="relu", kernel_regularizer=tc.regularizers.L2(0.01))(image)
    x = L.BatchNormalization()(L.ZeroPadding2D(((1, 1), (2, 2)))(x))
    a = L.LeakyReLU(negative_slope=0.3)(L.SeparableConv2D(4, 3, padding="same", depth_multiplier=2)(x))
    b = L.ELU()(L.Conv2D(4, 3, padding="same")(x))
    c = L.Conv2DTranspose(4, (3, 2), padding="same")(x)
    x = L.Concatenate()([L.Add()([a, b]), L.Multiply()([b, c]), L.Maximum()([a, c]), L.Average()([a, b])])
    x = L.SpatialDropout2D(0.2)(L.MaxPooling2D((2, 3), padding="same")(L.UpSampling2D((2, 1))(x)))
    flat = L.Dropout(0.5)(L.BatchNormalization()(L.Flatten()(L.AveragePooling2D(2)(L.GaussianNoise(0.1)(x)))))
    joined = L.Concatenate()([L.Dense(5)(flat), L.GlobalMaxPooling2D()(x), L.GlobalAveragePooling2D()(x)])
    model = tc.Model(image, L.Dense(3, activation="softmax")(joined))
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.9, weight.shape) - 0.4 * (weight.ndim > 1) for weight in model.weights])
    return model


@pytest.mark.parametrize("order", ["tf", "th"])
def test_every_layer_of_keras_1(order, tmp_path):
    model = image_network()
    rows = rows_channels_first(model) if order == "th" else lambda layer, weight: weight.numpy()

    def change(layer, weight):
        values = rows(layer, weight)
        if values.ndim != 4:
            return values
        if isinstance(layer, L.Conv2DTranspose):  # (filters, channels, rows, columns) or (rows, columns, …)
            return values.transpose(2, 3, 0, 1) if order == "th" else values.swapaxes(2, 3)
        return values.transpose(3, 2, 0, 1) if order == "th" else values

    config = old_keras.functional(model, keras1(order))
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model, change), version="1.2.2", backend=None)
    if order == "th":
        with pytest.warns(UserWarning, match=r"\(n, c, h, w\)"):
            again = tc.load_model(tmp_path / "a.h5")
    else:
        again = tc.load_model(tmp_path / "a.h5")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    described = {**config, "keras_version": "1.2.2"}
    if order == "tf":
        assert tc.model_from_json(json.dumps(described)).count_params() == model.count_params()


@pytest.mark.parametrize("backend", ["theano", None])
def test_a_network_of_theano_by_hand(backend, tmp_path):
    """A convolution with channels first, pooled, flattened and multiplied, as SciPy and NumPy do it."""
    rng = np.random.default_rng(1)
    image, kernel, bias = rng.normal(size=(2, 8, 7)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
    matrix, offset = rng.normal(size=(3 * 3 * 2, 4)), rng.normal(size=4)
    product = convolve2d if backend == "theano" else correlate2d
    maps = np.array([sum(product(x, k, "valid") for x, k in zip(image, each, strict=True)) for each in kernel])
    maps = np.maximum(maps + bias[:, None, None], 0)
    pooled = maps[:, :6, :4].reshape(3, 3, 2, 2, 2).max(axis=(2, 4))
    expected = pooled.reshape(-1) @ matrix + offset
    config = [
        {
            "class_name": "Convolution2D",
            "config": {"name": "c", "batch_input_shape": [None, 2, 8, 7], "nb_filter": 3, "nb_row": 3, "nb_col": 3}
            | {"activation": "relu", "border_mode": "valid", "dim_ordering": "th", "init": "uniform", "bias": True},
        },
        {
            "class_name": "MaxPooling2D",
            "config": {
                "name": "p",
                "pool_size": [2, 2],
                "strides": [2, 2],
                "border_mode": "valid",
                "dim_ordering": "th",
            },
        },
        {"class_name": "Flatten", "config": {"name": "f", "trainable": True}},
        {"class_name": "Dense", "config": {"name": "d", "output_dim": 4, "init": "normal", "activation": "linear"}},
    ]
    weights = [("c", {"c_W": kernel, "c_b": bias}), ("p", {}), ("f", {}), ("d", {"d_W": matrix, "d_b": offset})]
    old_keras.write(tmp_path / "a.h5", {"class_name": "Sequential", "config": config}, weights, None, backend)
    with pytest.warns(UserWarning, match=r"\(n, c, h, w\)"):
        model = tc.load_model(tmp_path / "a.h5")
    found = model.predict(image.transpose(1, 2, 0)[None].astype(np.float32), verbose=0)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-5)


def test_what_sees_the_order_of_channels_is_refused(tmp_path):
    model = tc.Sequential([tc.Input((4, 4, 2)), L.Conv2D(2, 1), L.Flatten(), L.Reshape((32,)), L.Dense(2)])
    config = {"class_name": "Sequential", "config": [channels_first(each) for each in model.layers]}
    config["config"][0]["config"]["batch_input_shape"] = [None, 2, 4, 4]
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model))
    with pytest.raises(ValueError, match=r'a\.h5 .*"reshape" \(Reshape\) sees a vector'):
        tc.load_model(tmp_path / "a.h5")


def test_a_stack_within_a_stack(tmp_path):
    """Up to Keras 2.2.2 a stack was a list of layers, its input said by the first layer of the inner one."""
    inner = tc.Sequential([tc.Input((8, 8, 1)), L.Conv2D(2, 3), L.Flatten()])
    model = tc.Sequential([inner, L.Dense(3)])
    layers = [old_keras.keras2(layer) for layer in inner.layers]
    layers[0]["config"]["batch_input_shape"] = [None, 8, 8, 1]
    config = [{"class_name": "Sequential", "config": layers}, old_keras.keras2(model.layers[1])]
    old_keras.write(tmp_path / "a.h5", {"class_name": "Sequential", "config": config}, old_keras.stored(model), "2.1.6")
    images = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    again = tc.load_model(tmp_path / "a.h5")
    np.testing.assert_array_equal(again.predict(images, verbose=0), model.predict(images, verbose=0))


def test_a_model_within_a_model_counts_its_making_as_a_call(tmp_path):
    start = tc.Input((4,))
    inner = tc.Model(start, L.Dense(4, activation="tanh")(start), name="inner")
    start = tc.Input((4,))
    once = inner(start)
    model = tc.Model(start, [L.Dense(2)(inner(once)), once])

    def describe(layer):
        return old_keras.functional(layer) if layer is inner else old_keras.keras2(layer)

    config = old_keras.functional(model, describe)
    calls = [place for layer in config["config"]["layers"] for call in layer["inbound_nodes"] for place in call]
    for place in [*calls, *config["config"]["output_layers"]]:
        place[1] += place[0] == "inner"
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model))
    x = np.random.default_rng(0).random((2, 4), np.float32)
    again = tc.load_model(tmp_path / "a.h5")
    for found, expected in zip(again.predict(x, verbose=0), model.predict(x, verbose=0), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("how", ["loss", "metric"])
def test_arguments_of_wrapped_functions_are_kept(how, tmp_path):
    """A loss or a metric that is a function of Keras's comes wrapped, its arguments and its name beside it."""
    model = tc.Sequential([tc.Input((3,)), L.Dense(2)])
    loss = {"fn": "categorical_crossentropy", "from_logits": True, "label_smoothing": 0.2, "name": "soft"}
    metric = {"fn": "top_k_categorical_accuracy", "k": 1, "name": "first", "dtype": "float32"}
    training = {
        "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1}},
        "loss": {"class_name": "LossFunctionWrapper", "config": {**loss, "reduction": "auto"}},
        "metrics": [{"class_name": "MeanMetricWrapper", "config": metric}],
    }
    config = {"class_name": "Sequential", "config": [old_keras.keras2(each) for each in model.layers]}
    config["config"][0]["config"]["batch_input_shape"] = [None, 3]
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model), "2.3.1", training=training)
    again = tc.load_model(tmp_path / "a.h5")
    x, y = np.random.default_rng(0).random((4, 3), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0]]
    outputs = model.predict(x, verbose=0).astype(np.float64)
    if how == "loss":
        logs = outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))
        expected = np.mean(-((0.8 * y + 0.1) * logs).sum(-1))
        assert again.evaluate(x, y, verbose=0)[0] == pytest.approx(expected, rel=1e-6)
    else:
        expected = np.mean(outputs.argmax(-1) == y.argmax(-1))
        assert again.evaluate(x, y, verbose=0, return_dict=True)["first"] == pytest.approx(expected)
    training["metrics"][0]["config"]["weight"] = 3
    old_keras.write(tmp_path / "a.h5", config, old_keras.stored(model), "2.3.1", training=training)
    with pytest.raises(ValueError, match="weight"):
        tc.load_model(tmp_path / "a.h5")
    assert tc.load_model(tmp_path / "a.h5", compile=False).count_params() == 8


RULES = {  # of Keras 1 and 2: the class, its configuration, and one step from an accumulator of 0 with gradient g
    "Adagrad of 1.0": ("1.0.0", "Adagrad", {"lr": 0.1, "epsilon": 1e-6}, lambda g: 0.1 * g / np.sqrt(g * g + 1e-6)),
    "Adagrad of 2.2": ("2.2.4", "Adagrad", {"lr": 0.1, "epsilon": 1e-3}, lambda g: 0.1 * g / (abs(g) + 1e-3)),
    "RMSprop of 1.0": (
        *("1.0.0", "RMSprop", {"lr": 0.1, "rho": 0.9, "epsilon": 1e-6}),
        lambda g: 0.1 * g / np.sqrt(0.1 * g * g + 1e-6),
    ),
    "RMSprop of 2.2": (
        *("2.2.4", "RMSprop", {"lr": 0.1, "rho": 0.9, "epsilon": 1e-3}),
        lambda g: 0.1 * g / (np.sqrt(0.1 * g * g) + 1e-3),
    ),
    "Nadam of 2.2": ("2.2.4", "Nadam", {"lr": 0.1, "epsilon": 1e-3, "schedule_decay": 0.004}, lambda g: nadam(g, 0.1)),
}


def nadam(g, rate):
    """The first step, μₜ = 0.9·(1 − 0.96^(0.004·t)/2): keras/optimizers.py of Keras 2.2."""
    first, second = (0.9 * (1 - 0.5 * 0.96 ** (t * 0.004)) for t in (1, 2))
    m = 0.1 * g / (1 - first * second)
    bar = (1 - first) * g / (1 - first) + second * m
    return rate * bar / (abs(g) + 1e-3)


@pytest.mark.parametrize("name", RULES)
def test_optimizers_keep_the_rule_of_their_time(name, tmp_path):
    version, class_name, config, step = RULES[name]
    model = tc.Sequential([tc.Input((1,)), L.Dense(1, use_bias=False)])
    described = {"class_name": "Sequential", "config": [old_keras.keras2(each) for each in model.layers]}
    described["config"][0]["config"]["batch_input_shape"] = [None, 1]
    training = {"optimizer_config": {"class_name": class_name, "config": config}, "loss": "mse", "metrics": []}
    old_keras.write(tmp_path / "a.h5", described, old_keras.stored(model), version, training=training)
    again = tc.load_model(tmp_path / "a.h5")
    w, x, y = 0.5, 0.02, 0.008  # the gradient 2·x·(w·x − y) is near the root of ε
    again.set_weights([np.full((1, 1), w)])
    again.train_on_batch(np.full((1, 1), x, np.float32), np.full((1, 1), y, np.float32))
    expected = w - step(2 * x * (w * x - y))
    assert float(again.get_weights()[0][0, 0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("version", ["1.2.2", "2.3.1"])
def test_thresholded_relu_is_a_relu_today(version):
    config = {"name": "cut", "trainable": True, "batch_input_shape": [None, 4], "theta": 0.5}
    layers = [{"class_name": "ThresholdedReLU", "config": config}]
    described = layers if version < "2" else {"name": "stack", "layers": layers}
    model = tc.model_from_json(
        json.dumps({"class_name": "Sequential", "config": described, "keras_version": version, "backend": "theano"})
    )
    x = np.array([[-1.0, 0.25, 0.5, 0.75]], np.float32)
    np.testing.assert_array_equal(model.predict(x), x * (x > 0.5))
    assert model.layers[0].name == "cut"
    assert json.loads(model.to_json())["config"]["layers"][-1]["class_name"] == "ReLU"


def test_groups_and_noise_of_images_with_channels_first():
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4, 6, 5], "name": "in"}},
        {"class_name": "GroupNormalization", "config": {"name": "groups", "groups": 2, "axis": 1}},
        {"class_name": "Dropout", "config": {"name": "drop", "rate": 0.5, "noise_shape": [None, 4, 1, 1]}},
        {"class_name": "ZeroPadding2D", "config": {"name": "pad", "padding": [1, 1], "data_format": "channels_first"}},
    ]
    description = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, "keras_version": "2.12.0"}
    with pytest.warns(UserWarning, match="takes .n, h, w, c. now"):
        model = tc.model_from_json(json.dumps(description))
    assert model.input_shape == (None, 6, 5, 4)
    assert model.layers[0].axis == -1
    assert model.layers[1].noise_shape == (None, 1, 1, 4)
