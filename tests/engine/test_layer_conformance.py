"""One body that every layer class passes, and what single layers promise besides."""

import inspect

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers
from tinyconv.layers import Layer
from tinyconv.layers.merge import Merge


@tc.register_keras_serializable("conformance")
def halved(x, by=2):
    """A function for Lambda."""
    return x / by


# Arguments of a layer, and the shape of one sample. Every class appears, with every argument that changes what it does.
CASES = [
    (layers.InputLayer, {"shape": (4,)}, (4,)),
    (layers.Dense, {"units": 5}, (4,)),
    (layers.Dense, {"units": 5, "activation": "tanh", "use_bias": False, "kernel_regularizer": "l1_l2"}, (3, 4)),
    (layers.Dense, {"units": 2, "kernel_initializer": tc.initializers.Constant(0.3), "bias_regularizer": "l1"}, (4,)),
    (layers.Conv2D, {"filters": 3, "kernel_size": 3}, (6, 5, 2)),
    (
        layers.Conv2D,
        {"filters": 4, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same", "groups": 2, "activation": "relu"},
        (7, 5, 2),
    ),
    (layers.Conv2D, {"filters": 2, "kernel_size": 2, "dilation_rate": (2, 3), "use_bias": False}, (6, 7, 2)),
    (
        layers.Conv2D,
        {
            "filters": 2,
            "kernel_size": 1,
            "kernel_initializer": "he_normal",
            "bias_initializer": {"class_name": "RandomNormal", "config": {"stddev": 0.1, "seed": 3}},
            "kernel_regularizer": tc.regularizers.L2(0.1),
        },
        (2, 2, 3),
    ),
    (layers.MaxPooling2D, {}, (5, 6, 3)),
    (layers.MaxPooling2D, {"pool_size": (3, 2), "strides": 2, "padding": "same"}, (5, 6, 3)),
    (layers.AveragePooling2D, {}, (5, 6, 3)),
    (layers.AveragePooling2D, {"pool_size": 3, "strides": (1, 2), "padding": "same"}, (5, 6, 3)),
    (layers.GlobalAveragePooling2D, {}, (5, 6, 3)),
    (layers.GlobalAveragePooling2D, {"keepdims": True}, (5, 6, 3)),
    (layers.BatchNormalization, {}, (5, 6, 3)),
    (
        layers.BatchNormalization,
        {
            "axis": 1,
            "momentum": 0.5,
            "epsilon": 0.01,
            "scale": False,
            "beta_initializer": "random_normal",
            "moving_mean_initializer": "random_normal",
            "moving_variance_initializer": tc.initializers.Constant(0.5),
            "beta_regularizer": "l2",
            "moving_variance": "unbiased",
        },
        (4,),
    ),
    (layers.BatchNormalization, {"center": False, "gamma_initializer": "he_normal", "gamma_regularizer": "l1"}, (3, 4)),
    (layers.LayerNormalization, {}, (3, 4)),
    (layers.LayerNormalization, {"axis": 1, "rms_scaling": True, "gamma_initializer": "random_normal"}, (3, 4)),
    (layers.RepeatVector, {"n": 3}, (4,)),
    (
        layers.LayerNormalization,
        {"axis": [1, 2, 3], "epsilon": 0.01, "center": False, "gamma_initializer": "random_normal"},
        (3, 4, 2),
    ),
    (layers.LayerNormalization, {"scale": False, "beta_initializer": "ones", "beta_regularizer": "l1_l2"}, (4,)),
    (layers.GroupNormalization, {"groups": 2}, (3, 2, 4)),
    (
        layers.GroupNormalization,
        {"groups": -1, "epsilon": 0.01, "center": False, "gamma_initializer": "random_normal"},
        (5, 2),
    ),
    (layers.GroupNormalization, {"groups": 1, "scale": False, "beta_regularizer": "l1_l2"}, (4,)),
    (layers.UnitNormalization, {}, (3, 4)),
    (layers.UnitNormalization, {"axis": [1, 3]}, (3, 4, 2)),
    (layers.RMSNormalization, {}, (3, 4)),
    (layers.RMSNormalization, {"axis": [-1, 2], "epsilon": 0.01}, (3, 4, 2)),
    (layers.Identity, {}, (3, 4)),
    (layers.Lambda, {"function": halved}, (3, 4)),
    (layers.Lambda, {"function": halved, "output_shape": (3, 4), "arguments": {"by": 3}}, (3, 4)),
    (layers.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (3, 4)),
    (layers.Normalization, {}, (5, 4, 3)),
    (layers.Normalization, {"axis": (1, -1), "mean": [0.5, 1, -2], "variance": [2, 0.1, 3]}, (4, 2, 3)),
    (layers.Normalization, {"axis": None, "mean": 0.5, "variance": 2, "invert": True}, (4,)),
    (layers.Rescaling, {"scale": 1 / 255}, (5, 4, 3)),
    (layers.Rescaling, {"scale": [1, 2, 0.5, 3], "offset": -1}, (4,)),
    (layers.GlobalMaxPooling2D, {}, (5, 6, 3)),
    (layers.GlobalMaxPooling2D, {"keepdims": True}, (5, 6, 3)),
    (layers.DepthwiseConv2D, {"kernel_size": 3, "depthwise_regularizer": "l2"}, (6, 5, 2)),
    (
        layers.DepthwiseConv2D,
        {
            "kernel_size": (3, 2),
            "strides": 2,
            "padding": "same",
            "depth_multiplier": 3,
            "activation": "tanh",
            "bias_initializer": "random_normal",
            "bias_regularizer": "l1",
        },
        (7, 6, 2),
    ),
    (layers.DepthwiseConv2D, {"kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (6, 7, 3)),
    (layers.SeparableConv2D, {"filters": 4, "kernel_size": 3, "bias_regularizer": "l2"}, (6, 5, 2)),
    (
        layers.SeparableConv2D,
        {
            "filters": 5,
            "kernel_size": (2, 3),
            "strides": 2,
            "padding": "same",
            "depth_multiplier": 2,
            "activation": "relu",
            "depthwise_initializer": "he_normal",
            "pointwise_initializer": "lecun_normal",
            "depthwise_regularizer": "l2",
            "pointwise_regularizer": "l1",
        },
        (7, 6, 2),
    ),
    (layers.SeparableConv2D, {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (6, 7, 3)),
    (layers.Conv2DTranspose, {"filters": 3, "kernel_size": 3}, (3, 4, 2)),
    (
        layers.Conv2DTranspose,
        {
            "filters": 2,
            "kernel_size": (3, 4),
            "strides": (2, 3),
            "padding": "same",
            "output_padding": (1, 2),
            "activation": "tanh",
            "kernel_regularizer": "l2",
        },
        (3, 4, 3),
    ),
    (layers.Conv2DTranspose, {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}, (3, 4, 2)),
    (layers.ZeroPadding2D, {}, (3, 4, 2)),
    (layers.ZeroPadding2D, {"padding": ((0, 1), (2, 3))}, (3, 4, 2)),
    (layers.Cropping2D, {}, (3, 4, 2)),
    (layers.Cropping2D, {"cropping": (1, 0)}, (3, 4, 2)),
    (layers.UpSampling2D, {}, (3, 4, 2)),
    (layers.UpSampling2D, {"size": (3, 1), "interpolation": "bilinear"}, (3, 4, 2)),
    (layers.Flatten, {}, (3, 4, 2)),
    (layers.Flatten, {}, (4,)),
    (layers.Reshape, {"target_shape": (4, -1)}, (3, 4, 2)),
    (layers.Activation, {"activation": "softmax"}, (3, 4)),
    (layers.ReLU, {"negative_slope": 0.2}, (3, 4)),
    (layers.ReLU, {}, (4,)),
    (layers.Softmax, {}, (3, 4)),
    (layers.Softmax, {"axis": [1, 3]}, (3, 2, 4)),
    (layers.UpSampling2D, {"size": (2, 1), "interpolation": "bicubic"}, (3, 4, 2)),
    (layers.Dropout, {"rate": 0.4, "seed": 5}, (3, 4)),
    (layers.Dropout, {"rate": 0.4, "noise_shape": (None, 1, 4), "seed": 5}, (3, 4)),
    (layers.AlphaDropout, {"rate": 0.4, "seed": 5}, (3, 4)),
    (layers.GaussianDropout, {"rate": 0.4, "seed": 5}, (3, 4)),
    (layers.ReLU, {"max_value": 0.5, "negative_slope": 0.2, "threshold": 0.1}, (3, 4)),
    (layers.LeakyReLU, {}, (3, 4)),
    (layers.LeakyReLU, {"negative_slope": 0.1}, (5, 4, 2)),
    (layers.PReLU, {}, (4,)),
    (
        layers.PReLU,
        {"alpha_initializer": "random_normal", "alpha_regularizer": "l2", "shared_axes": [1, 2]},
        (5, 4, 2),
    ),
    (layers.PReLU, {"alpha_initializer": tc.initializers.Constant(0.25), "shared_axes": 2}, (3, 4)),
    (layers.ELU, {}, (3, 4)),
    (layers.ELU, {"alpha": 0.3}, (5, 4, 2)),
    (layers.GaussianNoise, {"stddev": 0.2, "seed": 5}, (3, 4)),
    (layers.SpatialDropout2D, {"rate": 0.4, "seed": 5}, (5, 4, 6)),
    (layers.RandomFlip, {"seed": 5}, (4, 5, 2)),
    (layers.RandomRotation, {"factor": 0.2, "fill_mode": "constant", "fill_value": 2.0, "seed": 5}, (4, 5, 2)),
    (layers.RandomZoom, {"height_factor": (-0.5, 0.2), "width_factor": 0.1, "seed": 5}, (4, 5, 2)),
    (layers.RandomTranslation, {"height_factor": 0.5, "width_factor": (0, 0.3), "seed": 5}, (4, 5, 2)),
    (layers.RandomBrightness, {"factor": 0.3, "value_range": (-9, 9), "seed": 5}, (4, 5, 2)),
    (layers.RandomGrayscale, {"factor": 0.4, "seed": 5}, (4, 5, 3)),
    (layers.RandomHue, {"factor": 0.5, "value_range": (-9, 9), "seed": 5}, (4, 5, 3)),
    (layers.RandomSaturation, {"factor": (0.2, 0.3), "value_range": (0, 9), "seed": 5}, (4, 5, 3)),
    (layers.RandomInvert, {"factor": 0.5, "value_range": (-1, 1), "seed": 5}, (4, 5, 2)),
    (layers.RandomShear, {"x_factor": 0.3, "y_factor": (0.1, 0.2), "fill_mode": "wrap", "seed": 5}, (4, 5, 2)),
    (layers.RandomContrast, {"factor": (0.3, 0.1), "value_range": (-9, 9), "seed": 5}, (4, 5, 2)),
    (layers.RandomCrop, {"height": 3, "width": 2, "seed": 5}, (4, 5, 2)),
    (layers.CenterCrop, {"height": 3, "width": 2}, (4, 5, 2)),
    (layers.CenterCrop, {"height": 6, "width": 3}, (4, 5, 2)),
    (layers.Resizing, {"height": 6, "width": 3}, (4, 5, 2)),
    (layers.Resizing, {"height": 3, "width": 6, "interpolation": "bicubic", "pad_to_aspect_ratio": True}, (4, 5, 2)),
    (layers.Permute, {"dims": (2, 1)}, (3, 4)),
    (layers.Permute, {"dims": (3, 1, 2)}, (5, 4, 2)),
]
every_layer = pytest.mark.parametrize(
    ("kind", "arguments", "sample"), CASES, ids=[f"{kind.__name__}{i}" for i, (kind, _, _) in enumerate(CASES)]
)


def test_every_layer_is_here():
    classes = {value for value in vars(layers).values() if inspect.isclass(value) and issubclass(value, Layer)}
    assert {kind for kind, _, _ in CASES} == {
        kind for kind in classes - {Layer} if not issubclass(kind, Merge | layers.Wrapper)
    }


@every_layer
def test_conformance(kind, arguments, sample, rng):
    tc.set_floatx("float64")
    x = rng.permutation(np.linspace(-1, 1, 3 * int(np.prod(sample)))).reshape(3, *sample)
    layer = kind(**arguments)
    assert layer.name == tc.names.snake_case(kind.__name__)
    assert layer.built is (kind is layers.InputLayer)

    # It builds, and says what shape comes out.
    y = layer(x, training=False)
    assert layer.built
    assert isinstance(y, tc.Tensor)
    assert y.dtype == "float64"
    assert layer.compute_output_shape((3, *sample)) == y.shape
    assert layer.output_shape == layer.compute_output_shape((None, *sample)) == (None, *y.shape[1:])
    assert layer(x[:1], training=False).shape == (1, *y.shape[1:])
    assert layer.count_params() == sum(weight.size for weight in layer.weights)
    assert [weight.path for weight in layer.weights] == [f"{layer.name}/{weight.name}" for weight in layer.weights]

    # In inference it is a function of its input.
    np.testing.assert_array_equal(layer(x, training=False).numpy(), y.numpy())

    # Its configuration and its weights make an equal layer.
    twin = kind.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    twin(x, training=False)
    assert [weight.shape for weight in twin.weights] == [weight.shape for weight in layer.weights]
    twin.set_weights(layer.get_weights())
    np.testing.assert_array_equal(twin(x, training=False).numpy(), y.numpy())
    np.testing.assert_array_equal(twin(x, training=True).numpy(), layer(x, training=True).numpy())
    assert [float(one.item()) for one in twin.losses] == [float(one.item()) for one in layer.losses]

    # Its gradients are right.
    assert tc.gradcheck(layer, x) < 1e-6
    assert tc.gradcheck(lambda x, *weights: layer(x, training=True), x, *layer.trainable_weights) < 1e-6

    # A step of training changes every weight that is learnt, and what get_weights returned earlier stays.
    before = layer.get_weights()
    model = tc.Sequential([layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    model.train_on_batch(x, rng.standard_normal((3, 1)))
    for weight, old in zip(layer.weights, before, strict=True):
        assert (weight.numpy() != old).any() or not weight.trainable


@every_layer
def test_in_float32(kind, arguments, sample, rng):
    layer = kind(**arguments)
    y = layer(rng.standard_normal((2, *sample)))
    assert y.dtype == np.float32
    assert all(weight.dtype == np.float32 for weight in layer.weights)
    if kind is not layers.InputLayer:
        with pytest.raises(ValueError, match=r"tensor of float64, its weights are float32"):
            layer(tc.Tensor(rng.standard_normal((2, *sample))))


@every_layer
def test_same_weights_in_both_precisions(kind, arguments, sample):
    made = []
    for dtype in ("float32", "float64"):
        tc.set_seed(11)
        layer = kind(**arguments, dtype=dtype)
        layer.prepare((None, *sample))
        made.append(layer.get_weights())
    for narrow, wide in zip(*made, strict=True):
        np.testing.assert_array_equal(narrow, wide.astype(np.float32), strict=True)


@every_layer
def test_frozen(kind, arguments, sample):
    if kind is layers.InputLayer:
        return
    config = {**kind(**arguments).get_config(), "trainable": False}
    layer = kind.from_config(config)
    layer.prepare((None, *sample))
    assert layer.trainable_weights == []
    assert layer.non_trainable_weights == layer.weights
    assert layer.losses == []
    assert layer.trainable is False
    assert layer.get_config().get("trainable", False) is False  # SpatialDropout2D, as in Keras, does not say


def test_aliases():
    assert layers.MaxPool2D is layers.MaxPooling2D
    assert layers.AvgPool2D is layers.AveragePooling2D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    assert isinstance(tc.Input((3,)).node.operation, layers.InputLayer)
    assert layers.GlobalMaxPool2D is layers.GlobalMaxPooling2D


def test_automatic_names():
    names = [layers.Conv2D(1, 1).name, layers.Conv2D(1, 1).name, layers.MaxPool2D().name, layers.ReLU().name]
    assert names == ["conv2d", "conv2d_1", "max_pooling2d", "re_lu"]
    assert layers.Conv2D(1, 1, name="mine").name == "mine"
    assert layers.Conv2D(1, 1).name == "conv2d_2"
    tc.clear_session()
    assert layers.Conv2D(1, 1).name == "conv2d"


def test_repr():
    layer = layers.Dense(3)
    assert repr(layer) == "<Dense dense>"
    layer.prepare((None, 2))
    assert repr(layer) == "<Dense dense, output_shape=(None, 3)>"


def test_weight_order_and_shapes():
    layer = layers.Conv2D(8, (3, 2), groups=2)
    layer.prepare((None, 9, 9, 4))
    assert [(weight.name, weight.shape) for weight in layer.weights] == [("kernel", (3, 2, 2, 8)), ("bias", (8,))]


def test_dropout_draws_anew_at_each_step_and_not_in_inference(rng):
    layer, x = layers.Dropout(0.5), rng.random((20, 20)) + 1
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(layer(x).numpy(), x.astype(np.float32))
    assert layer.seed_state.tolist() == [1, 2]
    layer.seed_state = np.array([1, 0], np.uint32)
    np.testing.assert_array_equal(layer(x, training=True).numpy(), first)


@pytest.mark.parametrize(("rate", "kept"), [(0, 1.0), (1, 0.0)])
def test_dropout_of_nothing_and_of_all(rate, kept, rng):
    x = rng.random((4, 5)) + 1
    np.testing.assert_array_equal(layers.Dropout(rate, dtype="float64")(x, training=True).numpy(), kept * x)


def test_two_dropouts_do_not_drop_the_same(rng):
    x = rng.random((20, 20)) + 1
    one, other = (layers.Dropout(0.5)(x, training=True).numpy() for _ in range(2))
    assert (one != other).any()


@pytest.mark.parametrize("name", sorted(set(tc.initializers.INITIALIZERS) - {"identity"}))  # of matrices alone
def test_initializers(name):
    """Mean and variance as documented; from its configuration an equal one; the next draw of the same one differs."""
    kind = tc.initializers.INITIALIZERS[name]
    shape = (3, 3, 40, 60)
    fan_in, fan_out = 360, 540
    variances = {
        "random_uniform": 0.1**2 / 12,
        "random_normal": 0.05**2,
        "truncated_normal": (0.05 * 0.87962566103423978) ** 2,
        "variance_scaling": 1 / fan_in,
        "orthogonal": 1 / fan_in,  # as long as there are fewer columns than rows
        **dict.fromkeys(["glorot_uniform", "glorot_normal"], 2 / (fan_in + fan_out)),
        **dict.fromkeys(["he_uniform", "he_normal"], 2 / fan_in),
        **dict.fromkeys(["lecun_uniform", "lecun_normal"], 1 / fan_in),
    }
    initializer = tc.initializers.get(name)
    values = initializer(shape, "float64")
    assert values.shape == shape
    if name in variances:
        assert abs(values.mean()) < 5 * np.sqrt(variances[name] / values.size)
        assert values.var() == pytest.approx(variances[name], rel=0.05)
        assert (initializer(shape, "float64") != values).any()
        kept = kind(seed=4)
        again = tc.initializers.get({"class_name": kind.__name__, "config": kept.get_config()})
        np.testing.assert_array_equal(again(shape, "float64"), kept(shape, "float64"))
    else:
        assert (values == {"zeros": 0, "ones": 1, "constant": 0}[name]).all()


def test_truncated_normal_is_truncated():
    values = tc.initializers.TruncatedNormal(stddev=1.0)((10_000,), "float64")
    assert 1.9 < np.abs(values).max() <= 2


@pytest.mark.parametrize(
    ("name", "penalty"), [("l1", 0.01 * 6), ("l2", 0.01 * 14), ("l1_l2", 0.01 * 20)], ids=["l1", "l2", "l1_l2"]
)
def test_penalties(name, penalty):
    w = tc.Tensor(np.array([1.0, -2.0, 3.0]))
    assert tc.regularizers.get(name)(w).item() == pytest.approx(penalty)
    assert tc.regularizers.L1L2(0.1, 0.2)(w).item() == pytest.approx(0.6 + 2.8)
