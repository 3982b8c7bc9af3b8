"""Depthwise and transposed convolution and enlarging against their definitions, and what their layers refuse."""

import numpy as np
import pytest
from scipy.signal import correlate
from test_functions import judge

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import layers


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_depthwise_conv2d(multiplier, bias, rng):
    x, w, b = rng.normal(size=(2, 6, 9, 3)), rng.normal(size=(3, 2, 3, multiplier)), rng.normal(size=3 * multiplier)
    wanted = np.zeros((2, 4, 8, 3 * multiplier))
    for n, k in np.ndindex(2, 3 * multiplier):
        c, t = divmod(k, multiplier)
        wanted[n, :, :, k] = correlate(x[n, :, :, c], w[:, :, c, t], "valid") + b[k] * bias
    inputs = (x, w, b) if bias else (x, w)
    judge(F.depthwise_conv2d, wanted, *inputs, rtol=1e-11)
    judge(lambda *inputs: F.depthwise_conv2d(*inputs, strides=(2, 3)), wanted[:, ::2, ::3], *inputs, rtol=1e-11)
    judge(lambda *inputs: F.depthwise_conv2d(*inputs, relu=True), np.maximum(wanted, 0), *inputs, rtol=1e-11)


def spread_out(x, w, strides, dilation, image, before):
    """Return, by the definition, each cell of x times the window of w, added to an image less what is `before` it."""
    y = np.zeros((len(x), 99, 99, w.shape[2]))
    for i, j in np.ndindex(x.shape[1:3]):
        for p, q in np.ndindex(w.shape[:2]):
            y[:, i * strides[0] + p * dilation[0], j * strides[1] + q * dilation[1]] += x[:, i, j] @ w[p, q].T
    return y[:, before[0] : before[0] + image[0], before[1] : before[1] + image[1]]


@pytest.mark.parametrize(
    ("arguments", "image", "before"),
    [
        ({}, (7, 5), (0, 0)),
        ({"strides": (2, 1)}, (11, 5), (0, 0)),
        ({"strides": (2, 3)}, (11, 12), (0, 0)),
        ({"strides": (5, 4)}, (25, 16), (0, 0)),  # gaps between the windows, and behind the last
        ({"padding": "same"}, (5, 4), (1, 0)),
        ({"strides": (2, 3), "padding": "same"}, (10, 12), (0, 0)),
        ({"strides": (2, 3), "output_padding": (1, 0)}, (12, 11), (0, 0)),
        ({"strides": (2, 3), "output_padding": (0, 2), "padding": "same"}, (9, 11), (1, 0)),
        ({"dilation": (2, 3)}, (9, 7), (0, 0)),
        ({"dilation": (2, 3), "padding": "same"}, (5, 4), (2, 1)),
        ({"strides": (2, 1), "dilation": (1, 2)}, (11, 6), (0, 0)),
    ],
    ids=str,
)
def test_conv2d_transpose(arguments, image, before, rng):
    x, w, b = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(3, 2, 4, 3)), rng.normal(size=4)
    strides, dilation = arguments.get("strides", (1, 1)), arguments.get("dilation", (1, 1))
    wanted = spread_out(x, w, strides, dilation, image, before)
    judge(lambda x, w: F.conv2d_transpose(x, w, **arguments), wanted, x, w, rtol=1e-11)
    judge(lambda x, w, b: F.conv2d_transpose(x, w, b, **arguments), wanted + b, x, w, b, rtol=1e-11)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (1, 4), (5, 3)], ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 4, 2), (1, 1, 5, 1), (2, 2, 1, 3), (1, 1, 1, 1)], ids=str)
def test_upsample2d(shape, size, rng):
    x = rng.normal(size=shape)
    judge(lambda x: F.upsample2d(x, size), x.repeat(size[0], axis=1).repeat(size[1], axis=2), x)
    wanted = x
    for axis, factor in ((1, size[0]), (2, size[1])):
        centres = (np.arange(shape[axis] * factor) + 0.5) / factor - 0.5
        wanted = np.apply_along_axis(lambda line, at=centres: np.interp(at, np.arange(line.size), line), axis, wanted)
    judge(lambda x: F.upsample2d(x, size, "bilinear"), wanted, x)


def test_upsampling_keeps_infinity_in_its_place():
    """In the middle of a cell nothing of its neighbours is seen, not even 0·∞."""
    x = np.zeros((1, 1, 3, 1))
    x[0, 0, 0] = np.inf
    y = F.upsample2d(x, (1, 3), "bilinear").numpy()[0, 0, :, 0]
    np.testing.assert_array_equal(y, [np.inf, np.inf, np.inf, np.inf, 0, 0, 0, 0, 0])


def test_largest_of_a_channel_shares_its_gradient():
    x = tc.Tensor(np.array([1.0, 3, 3, 2]).reshape(1, 2, 2, 1), requires_grad=True)
    layers.GlobalMaxPooling2D(dtype="float64")(x).backward(np.array([[8.0]]))
    np.testing.assert_array_equal(x.grad.reshape(-1), [0, 4, 4, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.depthwise_conv2d(np.ones((1, 3, 3, 2)), np.ones((1, 1, 3, 1))),
            r"x \(n,h,w,c\) and w \(kh,kw,c,m\), got shapes \(1, 3, 3, 2\) and \(1, 1, 3, 1\)",
        ),
        (lambda: F.depthwise_conv2d(np.ones((1, 2, 2, 1)), np.ones((3, 3, 1, 1))), "larger than the image of 2×2"),
        (
            lambda: F.conv2d_transpose(np.ones((1, 3, 3, 2)), np.ones((1, 1, 2, 3))),
            r"x \(n,h,w,c\) and w \(kh,kw,k,c\), got shapes \(1, 3, 3, 2\) and \(1, 1, 2, 3\)",
        ),
        (
            lambda: F.conv2d_transpose(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)), None, (2, 2), "same", (0, 0)),
            r"output_padding \(0, 0\) would make images of 4×4, which the convolution does not bring back to 3×3",
        ),
        (lambda: layers.Conv2DTranspose(1, 3, 2, output_padding=2), r"below the strides \(2, 2\), got \(2, 2\)"),
        (lambda: layers.Conv2DTranspose(1, 3, 2, output_padding=-1), "an integer that is not negative, or two, got -1"),
        (lambda: layers.Conv2DTranspose(1, 3)(np.ones((1, 3, 3))), "needs 4 axes"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier must be a positive integer, got 0"),
        (lambda: layers.DepthwiseConv2D(3)(np.ones((1, 2, 2, 1))), '"depthwise_conv2d" .*larger than the image of 2×2'),
        (lambda: layers.SeparableConv2D(0, 3), "filters must be a positive integer, got 0"),
        (lambda: layers.SeparableConv2D(1, 3, data_format="first"), 'must be "channels_last"'),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), r"padding must be an integer, two, or two pairs, got \(1, 2, 3\)"),
        (lambda: layers.ZeroPadding2D(((1, 2), (0, -1))), r"not negative, or two, got \(0, -1\)"),
        (lambda: layers.Cropping2D(1.5), "an integer that is not negative, or two, got 1.5"),
        (lambda: layers.Cropping2D(((1, 2), (0, 1)))(np.ones((1, 3, 4, 1))), '"cropping2d" .*nothing would be left'),
        (lambda: layers.UpSampling2D(0), "size must be a positive integer or two, got 0"),
        (
            lambda: layers.UpSampling2D(2, interpolation="area"),
            "interpolation must be one of 'nearest', 'bilinear'.*got 'area'",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "channels", "message"),
    [
        (layers.DepthwiseConv2D(2), 3, "its kernel was built for 2 channels"),
        (layers.SeparableConv2D(1, 2), 3, "its kernels were built for 2 channels"),
        (layers.Conv2DTranspose(1, 2), 3, "its kernel was built for 2 channels"),
    ],
)
def test_other_channels_than_it_was_built_for(layer, channels, message):
    layer(np.ones((1, 3, 3, 2)))
    with pytest.raises(ValueError, match=message):
        layer(np.ones((1, 3, 3, channels)))


@pytest.mark.parametrize(
    ("kind", "argument"), [(layers.ZeroPadding2D, "padding"), (layers.Cropping2D, "cropping")], ids=["pad", "crop"]
)
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (((1, 0), (2, 3)), ((1, 0), (2, 3))),
        ([[1, 0], [2, 3]], ((1, 0), (2, 3))),
        ((1, (2, 3)), ((1, 1), (2, 3))),
        (0, ((0, 0), (0, 0))),
    ],
)
def test_forms_of_sides(kind, argument, given, meant):
    assert getattr(kind(**{argument: given}), argument) == meant
