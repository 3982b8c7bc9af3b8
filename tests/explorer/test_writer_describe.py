"""What the page knows of each kind of operation: slopes and tables give, for any dy, what backward gives."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as f
from tinyconv.explorer.letters import letters
from tinyconv.explorer.page.describe import describe
from tinyconv.explorer.page.jacobian import ENTRIES

RNG = np.random.default_rng(0)


def array(*shape, positive=False):
    x = RNG.normal(size=shape)
    return np.abs(x) + 0.5 if positive else x


MAPS = np.array([[[0.9, 0.1, 0.3], [-0.2, 1.1, 0.2]]] * 2, np.float64)
ELEMENTWISE = {
    "Relu": lambda: (f.relu, array(2, 5)),
    "Elu": lambda: (f.elu, array(2, 5)),
    "Gelu": lambda: (f.gelu, array(2, 5)),
    "Rectifier": lambda: (lambda x: f.relu(x, 0.1, 1.0), array(2, 30)),
    "Prelu": lambda: (f.prelu, array(2, 4, 4, 3), array(1, 1, 3)),
    "Add": lambda: (f.add, array(2, 4, 3), array(3)),
    "AddRelu": lambda: (lambda a, b: f.add(a, b, True), array(2, 3), array(2, 3)),
    "Multiply": lambda: (f.multiply, array(2, 1, 3), array(4, 1)),
    "Divide": lambda: (f.divide, array(2, 3), array(1, 3, positive=True)),
    "Power": lambda: (f.power, array(2, 3, positive=True), array()),
    "Where": lambda: (lambda a, b: f.where(np.array([True, False, True]), a, b), array(2, 3), array(3)),
    "Maximum": lambda: (f.maximum, array(2, 3), array()),
    "ScaleShift": lambda: (lambda x, s, t: f.scale_shift(x, s, t, array(3), 1.5), array(2, 4, 3), array(3), array(3)),
    "GaussianNoise": lambda: (lambda x: f.gaussian_noise(x, 0.5, 0), array(2, 5)),
    "SpatialDropout2D": lambda: (lambda x: f.spatial_dropout2d(x, 0.5, 0), array(2, 3, 3, 4)),
}
JACOBIAN = {
    "Transpose": lambda: (lambda x: f.transpose(x, (0, 2, 1)), array(2, 3, 4)),
    "GetItem": lambda: (lambda x: f.getitem(x, ([0, 0, 1], slice(1, 3))), array(2, 4)),
    "Stack": lambda: (lambda a, b: f.stack([a, b], 1), array(2, 3), array(2, 3)),
    "Pad": lambda: (lambda x: f.pad(x, [(0, 0), (1, 2)], 3.0), array(2, 4)),
    "UpSample2DNearest": lambda: (f.upsample2d, array(1, 3, 4, 2)),
    "Sum": lambda: (lambda x: f.sum(x, 1), array(2, 3, 4)),
    "Mean": lambda: (f.mean, array(2, 3)),
    "Var": lambda: (lambda x: f.var(x, (0, 2), True), array(2, 3, 4)),
    "Max": lambda: (lambda x: f.max(x, (1, 2)), array(2, 3, 3, 4)),
    "SumSquares": lambda: (f.sum_squares, array(3, 4)),
    "LayerNorm": lambda: (f.layer_norm, array(2, 3, 5), array(5), array(5)),
    "LogSoftmax": lambda: (f.log_softmax, array(2, 3, 4)),
    "Sparsemax": lambda: (f.sparsemax, array(2, 5)),
    "Resize": lambda: (lambda x: f.resize(x, (5, 3), "bicubic"), array(2, 3, 4, 2)),
    "UpSample2DBilinear": lambda: (lambda x: f.upsample2d(x, (2, 3), "bilinear"), array(2, 3, 4, 2)),
    "Warp": lambda: (lambda x: f.warp(x, MAPS * [[[1.0]], [[0.8]]], fill_value=2.0), array(2, 4, 5, 3)),
    "Matmul": lambda: (f.matmul, array(2, 3), array(3, 4)),
}


def applied(make):
    """Return the function that was applied last, the arrays of its inputs, its output and a random dy."""
    function, *inputs = make()
    y = function(*(tc.Tensor(x, True) for x in inputs))
    creator = y.creator
    return creator, [each.data for each in creator.inputs], y.data, RNG.normal(size=y.shape)


def summed_to(array, shape):
    """Sum over the axes that broadcasting stretched."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    return array.sum(axis=tuple(axis for axis, length in enumerate(shape) if length == 1), keepdims=True).reshape(shape)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_slopes_give_what_backward_gives(name):
    function, inputs, y, dy = applied(ELEMENTWISE[name])
    assert type(function).__name__ == name
    found = describe(function, inputs, y)
    assert found.kind == "elementwise"
    for place, (x, dx) in enumerate(zip(inputs, function.backward(dy), strict=True)):
        slope = found.arrays[f"slope{place}"]
        assert slope.shape == y.shape
        x_shape = (1, *x.shape) if name == "Prelu" and place else x.shape
        np.testing.assert_allclose(summed_to(dy * slope, x_shape).reshape(x.shape), dx, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", JACOBIAN)
def test_tables_give_what_backward_gives(name):
    function, inputs, y, dy = applied(JACOBIAN[name])
    assert type(function).__name__ == name
    found = describe(function, inputs, y)
    assert found.kind == "jacobian"
    for place, (x, dx) in enumerate(zip(inputs, function.backward(dy), strict=True)):
        offsets, outputs, slopes = (found.arrays[f"{part}{place}"] for part in ("offsets", "outputs", "slopes"))
        cells = np.repeat(np.arange(x.size), np.diff(offsets))
        sums = np.bincount(cells, slopes * dy.reshape(-1)[outputs], minlength=x.size)
        np.testing.assert_allclose(sums.reshape(x.shape), dx, rtol=1e-5, atol=1e-6)


def test_ones_and_zeros_are_bytes():
    function, inputs, y, _ = applied(ELEMENTWISE["Relu"])
    slope = describe(function, inputs, y).arrays["slope0"]
    assert slope.dtype == np.uint8
    np.testing.assert_array_equal(slope, inputs[0] > 0)


def test_what_is_too_large_is_opaque():
    function, inputs, y, _ = applied(lambda: (f.sum_squares, array(ENTRIES + 1)))
    assert describe(function, inputs, y).kind == "opaque"
    function, inputs, y, _ = applied(
        lambda: (lambda x, w: f.conv2d(x, w, relu=True), array(1, 4, 4, 1), array(3, 3, 1, 2))
    )
    assert describe(function, inputs, y).kind == "opaque"


@pytest.mark.parametrize(
    ("make", "kind", "settings"),
    [
        (
            lambda: (
                lambda x, w: f.conv2d(x, w, None, (2, 2), "same", groups=2),
                array(1, 5, 6, 2),
                array(3, 4, 1, 4),
            ),
            "convolution",
            {"strides": [2, 2], "dilation": [1, 1], "pads": [1, 1], "groups": 2},
        ),
        (
            lambda: (
                lambda x, w: f.depthwise_conv2d(x, w, None, (1, 1), "same", (2, 1)),
                array(1, 5, 6, 2),
                array(3, 3, 2, 3),
            ),
            "depthwise",
            {"strides": [1, 1], "dilation": [2, 1], "pads": [2, 1], "multiplier": 3},
        ),
        (
            lambda: (lambda x, w: f.conv2d_transpose(x, w, None, (2, 2), "same"), array(1, 3, 4, 2), array(3, 3, 5, 2)),
            "transposed",
            {"strides": [2, 2], "dilation": [1, 1], "pads": [0, 0]},
        ),
        (
            lambda: (lambda x: f.max_pool2d(x, (3, 3), (2, 2), "same"), array(1, 5, 5, 2)),
            "max_pooling",
            {"size": [3, 3], "strides": [2, 2], "dilation": [1, 1], "pads": [1, 1]},
        ),
        (lambda: (f.global_average_pool2d, array(1, 3, 3, 2)), "global_average", {}),
        (
            lambda: (lambda a, b: f.concatenate([a, b]), array(2, 3), array(2, 4)),
            "concatenate",
            {"axis": 1, "starts": [0, 3]},
        ),
        (lambda: (f.softmax, array(2, 3)), "softmax", {}),
        (
            lambda: (lambda x, g: f.batch_norm(x, g, None, 0.01)[0], array(4, 3), array(3)),
            "batch_normalization",
            {"scaled": True, "centered": False, "epsilon": 0.01, "ceiling": None},
        ),
    ],
)
def test_settings(make, kind, settings):
    function, inputs, y, _ = applied(make)
    found = describe(function, inputs, y)
    assert (found.kind, found.settings) == (kind, settings)
    assert len(letters(function, len(inputs))) == len(inputs)


def test_letters():
    function, inputs, *_ = applied(lambda: (lambda x, b: f.batch_norm(x, None, b)[0], array(4, 3), array(3)))
    assert letters(function, len(inputs)) == ["x", "β"]
    function, inputs, *_ = applied(lambda: (lambda a, b: f.concatenate([a, b]), array(2, 3), array(2, 4)))
    assert letters(function, len(inputs)) == ["x₁", "x₂"]
