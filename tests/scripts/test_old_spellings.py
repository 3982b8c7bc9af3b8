"""Each old spelling of layers, models and what is beside them makes what it made in its time."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.keras import era

# Era, a line of a script, and the same in the words of today.
LAYERS = [
    ("1", "Convolution2D(8, 3, 5)", tc.layers.Conv2D(8, (3, 5))),
    ("1", "Convolution2D(nb_filter=8, nb_row=3, nb_col=5)", tc.layers.Conv2D(8, (3, 5))),
    ("2", "Convolution2D(8, 3, 5, border_mode='same')", tc.layers.Conv2D(8, (3, 5), padding="same")),
    ("2", "Conv2D(8, 3, 5)", tc.layers.Conv2D(8, (3, 5))),
    ("tf2", "Conv2D(8, 3, 2)", tc.layers.Conv2D(8, 3, strides=2)),
    ("3", "Conv2D(8, 3, 2)", tc.layers.Conv2D(8, 3, strides=2)),
    ("2", "Conv2D(8, (3, 3), (2, 2), 'same')", tc.layers.Conv2D(8, 3, strides=2, padding="same")),
    ("1", "Convolution2D(8, 3, 3, border_mode='same', subsample=(2, 2), bias=False, init='he_normal')",
     tc.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, kernel_initializer="he_normal")),
    ("1", "Convolution2D(8, 3, 3, 'uniform', 'relu')",
     tc.layers.Conv2D(8, 3, activation="relu", kernel_initializer="random_uniform")),
    ("1", "Convolution2D(8, 3, 3, W_regularizer=l2(0.1), b_regularizer=l2(0.2), W_constraint=maxnorm(3))",
     tc.layers.Conv2D(8, 3, kernel_regularizer=tc.regularizers.L2(0.1), bias_regularizer=tc.regularizers.L2(0.2),
                      kernel_constraint=tc.constraints.MaxNorm(3))),
    ("1", "Convolution2D(filters=8, kernel_size=(3, 3), padding='same')", tc.layers.Conv2D(8, 3, padding="same")),
    ("1", "Convolution2D(8, (3, 3), padding='same')", tc.layers.Conv2D(8, 3, padding="same")),
    ("1", "AtrousConvolution2D(8, 3, 3, atrous_rate=(2, 2))", tc.layers.Conv2D(8, 3, dilation_rate=2)),
    ("1", "Deconvolution2D(8, 3, 3, output_shape=(None, 9, 9, 8), border_mode='same', subsample=(2, 2))",
     tc.layers.Conv2DTranspose(8, 3, strides=2, padding="same")),
    ("1", "SeparableConvolution2D(8, 3, 3, border_mode='same')", tc.layers.SeparableConv2D(8, 3, padding="same")),
    ("1", "Dense(8, init='normal')", tc.layers.Dense(8, kernel_initializer="random_normal")),
    ("1", "Dense(output_dim=8, input_dim=5)", tc.layers.Dense(8)),
    ("2", "Dense(8, input_dim=5, kernel_initializer='normal')", tc.layers.Dense(8, kernel_initializer="random_normal")),
    ("1", "Dropout(p=0.3)", tc.layers.Dropout(0.3)),
    ("1", "GaussianNoise(sigma=0.3)", tc.layers.GaussianNoise(0.3)),
    ("2", "LeakyReLU(alpha=0.2)", tc.layers.LeakyReLU(negative_slope=0.2)),
    ("tf2", "LeakyReLU(alpha=0.2)", tc.layers.LeakyReLU(negative_slope=0.2)),
    ("2", "LeakyReLU(0.2)", tc.layers.LeakyReLU(negative_slope=0.2)),
    ("1", "MaxPooling2D((3, 3), (2, 2), 'same')", tc.layers.MaxPooling2D(3, 2, "same")),
    ("1", "MaxPooling2D(pool_size=(3, 3), border_mode='same')", tc.layers.MaxPooling2D(3, padding="same")),
    ("1", "ZeroPadding2D((1, 2))", tc.layers.ZeroPadding2D((1, 2))),
    ("2", "Conv2D(8, 3, padding='SAME', activation='relu')", tc.layers.Conv2D(8, 3, padding="same", activation="relu")),
]  # fmt: skip


def described(layer):
    """Return a layer's configuration without its name."""
    return type(layer).__name__, {name: value for name, value in layer.get_config().items() if name != "name"}


@pytest.mark.parametrize(("which", "line", "same"), LAYERS, ids=[f"{which}: {line}" for which, line, _ in LAYERS])
def test_layers(which, line, same):
    imports = "from keras.layers import *; from keras.regularizers import *; from keras.constraints import *;"
    with era(which):
        space = {}
        exec(f"{imports} layer = {line}", space)
    assert described(space["layer"]) == described(same)


def test_rows_and_columns_beside_words_of_today_are_refused_as_keras_2_does():
    with era(2):
        from keras.layers import Conv2D

        with pytest.raises(TypeError, match="3 rows and 3 columns, and takes no padding"):
            Conv2D(8, 3, 3, padding="same")


def test_a_layer_by_its_old_name_is_one_of_todays():
    with era(1):
        from keras.layers import Convolution2D

        layer = Convolution2D(8, 3, 3)
        assert isinstance(layer, Convolution2D)
        assert isinstance(layer, tc.layers.Conv2D)

        class Own(Convolution2D):
            pass

        assert issubclass(Own, tc.layers.Conv2D)


def test_input_shape_in_all_its_words():
    with era(2):
        from keras.layers import Dense, Input, InputLayer
        from keras.models import Sequential

        for words in ({"input_shape": (5,)}, {"input_dim": 5}, {"batch_input_shape": (None, 5)}):
            assert Sequential([Dense(3, **words)]).input_shape == (None, 5)
        assert Input(batch_shape=(None, 5)).shape == Input((5,)).shape == Input(shape=[5], dtype="float32").shape
        assert Sequential([InputLayer(input_shape=(5,)), Dense(3)]).input_shape == (None, 5)


def test_first_weights():
    kernel, bias = np.ones((5, 3), np.float32), np.arange(3, dtype=np.float32)
    with era(1):
        from keras.layers import Dense
        from keras.models import Sequential

        model = Sequential([Dense(3, input_dim=5, weights=[kernel, bias])])
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_array_equal(model.get_weights()[1], bias)


def test_an_initializer_of_ones_own():
    with era(1):
        from keras import initializations
        from keras.layers import Dense
        from keras.models import Sequential

        def own(shape, name=None):
            return initializations.normal(shape, scale=1e-9, name=name)

        model = Sequential([Dense(3, input_dim=50, init=own), Dense(2, init="one")])
    assert 0 < np.abs(model.get_weights()[0]).max() < 1e-7
    assert (model.get_weights()[2] == 1).all()


def test_merge_by_every_mode():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 4, 5)).astype(np.float32)
    joined = {
        "sum": a + b,
        "mul": a * b,
        "ave": (a + b) / 2,
        "max": np.maximum(a, b),
        "concat": np.concatenate([a, b], axis=1),
        "dot": (a * b).sum(axis=1, keepdims=True),
        "cos": (a * b).sum(axis=1, keepdims=True)
        / np.linalg.norm(a, axis=1, keepdims=True)
        / np.linalg.norm(b, axis=1, keepdims=True),
    }
    with era(1):
        from keras.layers import Input, Merge, merge
        from keras.models import Model

        for mode, expected in joined.items():
            x, y = Input((5,)), Input((5,))
            models = [
                Model(input=[x, y], output=merge([x, y], mode=mode)),
                Model([x, y], Merge(mode=mode)([x, y])),
            ]
            for model in models:
                np.testing.assert_allclose(model.predict([a, b]), expected, rtol=1e-5, atol=1e-6)
        x, y = Input((5,)), Input((5,))
        model = Model([x, y], merge([x, y], mode=lambda both: both[0] - both[1], output_shape=(5,)))
        np.testing.assert_allclose(model.predict([a, b]), a - b)


def test_modes_of_batch_normalization():
    rng = np.random.default_rng(2)
    x = rng.normal(3, 2, (64, 6)).astype(np.float32)
    with era("1.2.2"):
        from keras.layers import BatchNormalization
        from keras.models import Sequential

        by_sample = Sequential([BatchNormalization(mode=1, input_shape=(6,))])
        always = Sequential([BatchNormalization(mode=2, input_shape=(6,))])
        mean, deviation = x.mean(-1, keepdims=True), np.sqrt(x.var(-1, keepdims=True) + 1e-3) + 1e-3
        np.testing.assert_allclose(by_sample.predict(x), (x - mean) / deviation, rtol=1e-4, atol=1e-5)
        expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
        np.testing.assert_allclose(always.predict(x, batch_size=64), expected, rtol=1e-4, atol=1e-5)


def test_maxout():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4, 5)).astype(np.float32)
    with era(1):
        from keras.layers import MaxoutDense
        from keras.models import Sequential

        model = Sequential([MaxoutDense(3, nb_feature=2, input_dim=5)])
    kernel, bias = model.get_weights()
    expected = (x @ kernel + bias).reshape(4, 2, 3).max(axis=1)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)


def test_graph():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(32, 6)).astype(np.float32), rng.normal(size=(32, 2)).astype(np.float32)
    with era("0.3.3"):
        from keras.layers.core import Dense
        from keras.models import Graph

        model = Graph()
        model.add_input(name="in", input_shape=(6,))
        model.add_node(Dense(5, activation="relu"), name="a", input="in")
        model.add_node(Dense(5), name="b", input="in")
        model.add_node(Dense(2), name="c", inputs=["a", "b"], merge_mode="sum")
        model.add_output(name="out", input="c")
        model.compile("sgd", {"out": "mse"})
        history = model.fit({"in": x, "out": y}, nb_epoch=3, batch_size=8, verbose=0)
        assert history.history["loss"][-1] < history.history["loss"][0]
        found = model.predict({"in": x})["out"]
    w = [array for name in ("a", "b", "c") for array in model.nodes[name].get_weights()]
    joined = np.maximum(x @ w[0] + w[1], 0) + x @ w[2] + w[3]
    np.testing.assert_allclose(found, joined @ w[4] + w[5], rtol=1e-4, atol=1e-5)


def test_names_beside_layers():
    with era(1):
        from keras import initializations, objectives
        from keras.constraints import maxnorm, nonneg, unitnorm
        from keras.regularizers import activity_l2, l1, l1l2, l2

        assert objectives.get("mse") is tc.losses.get("mse")
        assert objectives.mse(np.ones((2, 3)), np.zeros((2, 3))).shape == (2,)
        assert initializations.get("he_normal").get_config() == tc.initializers.get("he_normal").get_config()
        assert maxnorm(2).max_value == maxnorm(m=2).max_value == 2
        assert type(nonneg()) is tc.constraints.NonNeg
        assert type(unitnorm()) is tc.constraints.UnitNorm
        assert (l2(0.1).l2, l1(0.1).l1, activity_l2(0.1).l2) == (0.1, 0.1, 0.1)
        assert (l1l2(l1=0.1, l2=0.2).l1, l1l2(l1=0.1, l2=0.2).l2) == (0.1, 0.2)


def test_one_hot_labels():
    labels = np.array([[0], [2], [1]], np.uint8)
    expected = np.eye(3)[[0, 2, 1]]
    for which, dtype in (("1", "float64"), ("2.1.5", "float64"), ("2.1.6", "float32"), ("tf2", "float32")):
        with era(which):
            from keras.utils import np_utils

            found = [np_utils.to_categorical(labels, 3), np_utils.to_categorical(labels, num_classes=3)]
            if which == "1":
                found.append(np_utils.to_categorical(labels, nb_classes=3))
        for array in found:
            np.testing.assert_array_equal(array, expected)
            assert array.dtype == dtype


def test_kernels_of_channels_first():
    rng = np.random.default_rng(5)
    kernel, bias = rng.normal(size=(4, 2, 3, 3)).astype(np.float32), np.zeros(4, np.float32)
    x = rng.normal(size=(1, 2, 3, 3)).astype(np.float32)
    with era(1):
        from keras.layers import Convolution2D
        from keras.models import Sequential

        model = Sequential([Convolution2D(4, 3, 3, dim_ordering="th", input_shape=(2, 3, 3))])
        assert [array.shape for array in model.get_weights()] == [(4, 2, 3, 3), (4,)]
        model.set_weights([kernel, bias])
        np.testing.assert_array_equal(model.layers[0].get_weights()[0], kernel)
        expected = (kernel * x).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(model.predict(x)[0, :, 0, 0], expected, rtol=1e-5, atol=1e-6)
        assert model.output_shape == (None, 4, 1, 1)


def test_image_ordering():
    with era(1):
        from keras import backend as K

        assert K.image_dim_ordering() == "tf"
        K.set_image_dim_ordering("th")
        assert (K.image_dim_ordering(), K.image_data_format()) == ("th", "channels_first")
    assert tc.config.image_data_format() == "channels_last"
    with era("1.0.8"):
        from keras import backend as K

        assert K.image_dim_ordering() == "th"


def test_what_networks_written_by_hand_took_from_inside_keras():
    with era(2):
        from keras.applications.imagenet_utils import _obtain_input_shape
        from keras.engine.topology import get_source_inputs
        from keras.layers import Conv2D, Input
        from keras.utils.np_utils import convert_kernel

        image = Input((32, 32, 3))
        assert get_source_inputs(Conv2D(2, 3)(image)) == [image]
        take = {"default_size": 224, "min_size": 32, "data_format": "channels_last"}
        assert _obtain_input_shape(None, require_flatten=True, **take) == (224, 224, 3)
        assert _obtain_input_shape(None, include_top=False, **take) == (None, None, 3)
        assert _obtain_input_shape((64, 64, 3), require_flatten=True, **take) == (64, 64, 3)
        with pytest.raises(ValueError, match="32×32"):
            _obtain_input_shape((16, 64, 3), require_flatten=True, **take)
        np.testing.assert_array_equal(convert_kernel(np.arange(4).reshape(2, 2, 1, 1)).ravel(), [3, 2, 1, 0])


@pytest.mark.parametrize("which", ["1", "2", "tf2"])
def test_regularizers_by_their_old_argument(which):
    with era(which):
        from keras.regularizers import l1, l2

        assert [l2(l=0.3).l2, l2(0.2).l2, l1(l=0.1).l1] == [0.3, 0.2, 0.1]
        assert l2().l2 == 0.01
