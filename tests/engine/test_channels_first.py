"""Images with channels first: the session's default, what is drawn, files, and what is refused."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import autograd, layers
from tinyconv import functions as F
from tinyconv.visualize import looking as visualize

FIRST = "channels_first"
TAKES_ONE = [
    (layers.Conv2D, (2, 3)),
    (layers.DepthwiseConv2D, (3,)),
    (layers.SeparableConv2D, (2, 3)),
    (layers.Conv2DTranspose, (2, 3)),
    *((kind, ()) for kind in (layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D)),
    *((kind, ()) for kind in (layers.GlobalMaxPooling2D, layers.ZeroPadding2D, layers.Cropping2D)),
    *((kind, ()) for kind in (layers.UpSampling2D, layers.Flatten, layers.RandomFlip)),
    *((kind, (3, 4)) for kind in (layers.Resizing, layers.CenterCrop, layers.RandomCrop)),
    *((kind, (0.2,)) for kind in (layers.RandomRotation, layers.RandomZoom, layers.RandomContrast)),
    *((kind, (0.2,)) for kind in (layers.RandomBrightness, layers.SpatialDropout2D)),
]


@pytest.fixture
def session():
    yield tc.config.set_image_data_format
    tc.config.set_image_data_format("channels_last")


def test_the_session_s_layout_is_that_of_layers_told_none(session):
    assert tc.config.image_data_format() == "channels_last"
    session(FIRST)
    assert layers.Conv2D(2, 3)(tc.Input((3, 8, 9))).shape == (None, 2, 6, 7)
    assert layers.Conv2D(2, 3, data_format="channels_last")(tc.Input((8, 9, 3))).shape == (None, 6, 7, 2)
    with pytest.raises(
        ValueError, match='data_format must be "channels_last", "channels_first" or None, got \'first\''
    ):
        session("first")


@pytest.mark.parametrize(("kind", "arguments"), TAKES_ONE, ids=lambda value: getattr(value, "__name__", ""))
def test_every_layer_of_images_takes_both_layouts(kind, arguments, rng):
    """The same numbers in the same order; told again by the configuration; and of any size."""
    x = rng.random((3, 6, 5, 4), np.float32)
    last, first = kind(*arguments), kind(*arguments, data_format=FIRST)
    last.prepare((None, 6, 5, 4))
    first.prepare((None, 4, 6, 5))
    first.set_weights(last.get_weights())
    if hasattr(last, "seed_state"):
        first.seed_state = last.seed_state
    for training in (False, True):
        y, other = (np.asarray(layer(given, training=training)) for layer, given in ((last, x), (first, turned(x))))
        np.testing.assert_array_equal(other, turned(y))
    assert first.output_shape[1:] == other.shape[1:]
    assert kind.from_config(first.get_config()).data_format == FIRST
    assert last.get_config().get("data_format", "channels_last") == "channels_last"
    if kind is not layers.Flatten and kind not in (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D):
        open_size = kind(*arguments, data_format=FIRST).compute_output_shape((None, 4, None, 5))
        assert open_size == turned_shape(kind(*arguments).compute_output_shape((None, None, 5, 4)))
    with pytest.raises(ValueError, match="data_format must be"):
        kind(*arguments, data_format="first")


def turned(x):
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


def turned_shape(shape):
    n, h, w, c = shape
    return n, c, h, w


def test_dropout_drops_whole_channels(rng):
    x = np.ones((4, 6, 5, 3), np.float32)
    y = layers.SpatialDropout2D(0.5, FIRST)(x, training=True).numpy()
    whole = y.reshape(4, 6, -1)
    assert set(np.unique(whole)) == {0.0, 2.0}
    assert (whole == whole[..., :1]).all()


def test_single_images():
    x = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    last = layers.CenterCrop(2, 3)(x.transpose(1, 2, 0)).numpy()
    np.testing.assert_array_equal(layers.CenterCrop(2, 3, FIRST)(x).numpy(), last.transpose(2, 0, 1))


def test_flatten_puts_channels_last_first(rng):
    x = rng.random((2, 3, 4, 5), np.float32)
    np.testing.assert_array_equal(layers.Flatten()(x).numpy(), x.reshape(2, -1))
    np.testing.assert_array_equal(layers.Flatten(FIRST)(x).numpy(), x.transpose(0, 2, 3, 1).reshape(2, -1))
    np.testing.assert_array_equal(layers.Flatten(FIRST)(x[..., 0]).numpy(), x[..., 0].transpose(0, 2, 1).reshape(2, -1))
    np.testing.assert_array_equal(layers.Flatten(FIRST)(x[:, :, 0, 0]).numpy(), x[:, :, 0, 0])


def stack():
    return tc.Sequential(
        [
            tc.Input((3, 8, 9)),
            layers.Conv2D(4, 3, activation="relu", data_format=FIRST),
            layers.MaxPooling2D(data_format=FIRST),
            layers.Conv2D(2, 1, activation="sigmoid", data_format=FIRST),
        ]
    )


@pytest.mark.parametrize("name", ["a.keras", "a.h5"])
def test_files_keep_the_layout(tmp_path, rng, name):
    model, x = stack(), rng.random((2, 3, 8, 9), np.float32)
    model.save(tmp_path / name)
    again = tc.load_model(tmp_path / name)
    assert again.input_shape == (None, 3, 8, 9)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    other = stack()
    other.load_weights(tmp_path / name)
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))


def test_probabilities_keep_their_logits(rng):
    """So that a loss of images with channels first is computed from them."""
    y = stack()(rng.random((2, 3, 8, 9), np.float32))
    assert y.logits.shape == y.shape == (2, 2, 3, 3)
    np.testing.assert_allclose(1 / (1 + np.exp(-y.logits.numpy())), y.numpy(), rtol=1e-6)


def test_the_cost_is_that_of_channels_last():
    last = tc.Sequential([tc.Input((8, 9, 3)), layers.Conv2D(4, 3, padding="same")])
    first = tc.Sequential([tc.Input((3, 8, 9)), layers.Conv2D(4, 3, padding="same", data_format=FIRST)])
    assert tc.models.multiply_adds(first) == tc.models.multiply_adds(last) == 8 * 9 * 4 * 27


def test_a_turned_tensor_is_a_tensor(rng):
    last = tc.Tensor(rng.random((2, 3, 4, 5)), requires_grad=True)
    first = F.channels_first(last)
    assert (first.shape, first.ndim, first.size, str(first.dtype), first.device) == (
        (2, 5, 3, 4),
        4,
        120,
        "float64",
        "cpu",
    )
    assert F.channels_last(first) is last
    F.sum(first * F.reshape(np.arange(5.0), (1, 5, 1, 1))).backward()
    np.testing.assert_array_equal(last.grad, np.broadcast_to(np.arange(5.0), last.shape))
    np.testing.assert_array_equal(first.numpy(), last.numpy().transpose(0, 3, 1, 2))
    assert first.data.flags.c_contiguous


def test_layers_that_do_not_fit_are_not_fused(rng):
    """A pooling or a normalization of the other layout behind a convolution."""
    x = rng.random((2, 4, 6, 8), np.float32)
    for second in (layers.MaxPooling2D(), layers.BatchNormalization(), layers.BatchNormalization(3)):
        model = tc.Sequential([tc.Input((4, 6, 8)), layers.Conv2D(4, 1, data_format=FIRST), second])
        fused = model.predict(x, verbose=0)
        with tc.fusion(False):
            np.testing.assert_array_equal(model.predict(x, verbose=0), fused)
    model = tc.Sequential([tc.Input((4, 6, 8)), layers.Conv2D(4, 1), layers.BatchNormalization(axis=1)])
    assert model.layers[1].gamma.shape == (4,)
    assert model.predict(x, verbose=0).shape == (2, 4, 6, 4)


def test_errors_say_the_layout():
    with pytest.raises(ValueError, match=r"needs 4 axes \(batch, channels, height, width\)"):
        layers.Conv2D(2, 3, data_format=FIRST)(np.ones((2, 3), np.float32))


def gradients_within(first):
    """Return the gradient of a score with respect to the maps of a convolution, as (n,h,w,c), and Grad-CAM's maps."""
    order = {"data_format": FIRST if first else "channels_last"}
    tc.set_seed(4)
    start = tc.Input((3, 8, 9) if first else (8, 9, 3))
    maps = layers.Conv2D(4, 3, activation="relu", name="maps", **order)(start)
    y = layers.GlobalAveragePooling2D(**order)(layers.MaxPooling2D(**order)(layers.Conv2D(2, 3, **order)(maps)))
    model = tc.Model(start, layers.Dense(2, activation="softmax")(y))
    x = np.random.default_rng(1).random((2, 8, 9, 3), np.float32)
    x = x.transpose(0, 3, 1, 2) if first else x
    inner = tc.Model(model.inputs, [model.get_layer("maps").output, model.output])
    found, scores = inner(x)
    (dx,) = autograd.gradients([scores[:, 0]], [found])
    looked = visualize.grad_cam_maps(model, x), visualize.feature_maps(model, x)["maps"]
    return dx.transpose(0, 2, 3, 1) if first else dx, *looked


def test_gradients_within_a_model_are_those_of_channels_last():
    """Though the layers behind take another tensor than the one that is asked for."""
    for one, other in zip(gradients_within(False), gradients_within(True), strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-8)


def test_a_tensor_may_be_watched_later(rng):
    last = tc.Tensor(rng.random((2, 3, 4, 5)))
    first = F.channels_first(last)
    first.requires_grad = True
    total = F.sum(F.channels_last(first) * 2.0) + F.sum(first * 3.0)
    (dx,) = autograd.gradients([total], [first])
    assert dx.shape == first.shape
    np.testing.assert_array_equal(dx, 5.0)
