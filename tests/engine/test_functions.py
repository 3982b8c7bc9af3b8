"""Every function against NumPy or SciPy, and its gradient against differences, on shapes that hypothesis draws."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, mutually_broadcastable_shapes
from scipy import special
from scipy.signal import correlate

import tinyconv as tc
from tinyconv import functions as F

QUICK = settings(max_examples=25, derandomize=True, database=None)
SHAPES = array_shapes(min_dims=0, max_dims=4, max_side=4)
SEEDS = st.integers(0, 2**32 - 1)


def judge(f, wanted, *inputs, rtol=1e-12):
    """`f` of tensors equals the array `wanted`, and its gradient what differences measure."""
    got = f(*(tc.Tensor(x) for x in inputs))
    np.testing.assert_allclose(got.numpy(), wanted, rtol=rtol, atol=1e-14, strict=True)
    assert got.data.flags.c_contiguous
    assert tc.gradcheck(f, *inputs) < 1e-6
    narrow = f(*(tc.Tensor(x.astype(np.float32), requires_grad=True) for x in inputs))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow.numpy(), wanted, rtol=2e-4, atol=2e-5)
    narrow.backward(np.ones(narrow.shape))


def away(x, *points):
    """Move numbers that are nearer than 0.01 to one of `points`, which are kinks."""
    for point in points:
        x = np.where(np.abs(x - point) < 0.01, point + 0.01, x)
    return x


def apart(rng, shape):
    """Numbers of which no two are nearer than 0.05, nor any to 0."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count // 2 + 0.3) * 0.05).reshape(shape)


ELEMENTWISE = {
    "negative": (F.negative, np.negative, 0),
    "exp": (F.exp, np.exp, 0),
    "log": (F.log, np.log, 1),
    "sqrt": (F.sqrt, np.sqrt, 1),
    "absolute": (F.absolute, np.abs, 0),
    "relu": (F.relu, lambda x: np.maximum(x, 0), 0),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * x), 0),
    "sigmoid": (F.sigmoid, special.expit, 0),
    "tanh": (F.tanh, np.tanh, 0),
    "clip": (lambda x: F.clip(x, -0.5, 0.75), lambda x: np.clip(x, -0.5, 0.75), 0),
    "linear": (F.linear, lambda x: x, 0),
    "cast": (lambda x: F.cast(x, str(x.dtype)), lambda x: x, 0),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@QUICK
@given(shape=SHAPES, seed=SEEDS)
def test_elementwise(name, shape, seed):
    f, wanted, positive = ELEMENTWISE[name]
    x = (
        np.random.default_rng(seed).uniform(0.3, 2, shape)
        if positive
        else np.random.default_rng(seed).normal(size=shape)
    )
    x = away(x, 0, -0.5, 0.75)
    judge(f, wanted(x), x)


ARITHMETIC = {
    "add": (F.add, np.add),
    "subtract": (F.subtract, np.subtract),
    "multiply": (F.multiply, np.multiply),
    "divide": (F.divide, np.divide),
    "power": (F.power, np.power),
    "maximum": (F.maximum, np.maximum),
    "minimum": (F.minimum, np.minimum),
}


@pytest.mark.parametrize("name", ARITHMETIC)
@QUICK
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3), seed=SEEDS)
def test_arithmetic_broadcasts(name, shapes, seed):
    f, wanted = ARITHMETIC[name]
    rng = np.random.default_rng(seed)
    a, b = (rng.uniform(0.5, 2, shape) for shape in shapes.input_shapes)
    if name in ("maximum", "minimum"):
        numbers = apart(rng, (a.size + b.size,))
        a, b = numbers[: a.size].reshape(a.shape), numbers[a.size :].reshape(b.shape)
    judge(f, wanted(a, b), a, b)


def test_power_of_negative_numbers_and_of_zero():
    x = tc.Tensor(np.array([-2.0, 0.0, 3.0]), requires_grad=True)
    (x**2).sum().backward()
    np.testing.assert_allclose(x.grad, [-4, 0, 6])
    x.grad = None
    (x**0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0, 0])


@QUICK
@given(shapes=mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), seed=SEEDS)
def test_where(shapes, seed):
    rng = np.random.default_rng(seed)
    condition, a, b = (rng.normal(size=shape) for shape in shapes.input_shapes)
    judge(lambda a, b: F.where(condition > 0, a, b), np.where(condition > 0, a, b), a, b)


@QUICK
@given(shapes=mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=3), seed=SEEDS)
def test_matmul(shapes, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=shape) for shape in shapes.input_shapes)
    judge(F.matmul, np.matmul(a, b), a, b)


@st.composite
def reductions(draw):
    shape = draw(array_shapes(max_dims=4, max_side=4))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1))
    axes = tuple(axis - len(shape) if draw(st.booleans()) else axis for axis in axes)
    return shape, draw(st.sampled_from([None, axes[0], axes])), draw(st.booleans())


@pytest.mark.parametrize("name", ["sum", "mean", "var", "max", "min"])
@QUICK
@given(case=reductions(), seed=SEEDS)
def test_reductions(name, case, seed):
    shape, axis, keepdims = case
    x = apart(np.random.default_rng(seed), shape)
    wanted = np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims))
    judge(lambda x: getattr(F, name)(x, axis, keepdims), wanted, x)


LONG = {
    "sum": (lambda x: F.sum(x, 0), lambda x: x.sum(axis=0)),
    "sum of two axes": (lambda x: F.sum(F.reshape(x, 400, 500, 2), (0, 1)), lambda x: x.sum(axis=0)),
    "mean": (lambda x: F.mean(x, 0), lambda x: x.mean(axis=0)),
    "var": (lambda x: F.var(x, 0), lambda x: x.var(axis=0)),
    "sum_squares": (F.sum_squares, lambda x: np.square(x).sum()),
}


@pytest.mark.parametrize("name", LONG)
def test_long_sums_keep_their_digits(name, rng):
    """A running float32 sum of so many numbers would be off by 10⁻⁵."""
    f, judge = LONG[name]
    x = (rng.random((200_000, 2)) + 0.5).astype(np.float32)
    np.testing.assert_allclose(f(tc.Tensor(x)).numpy(), judge(x.astype(np.float64)), rtol=5e-7)


def test_long_sums_of_gradients_keep_their_digits(rng):
    """What is used two hundred thousand times: spread out by broadcasting, by an index, or by enlarging images."""
    dy = (rng.random((200_000, 2)) + 0.5).astype(np.float32)
    total = dy.sum(axis=0, dtype=np.float64)
    row, ones = np.ones((1, 2), np.float32), np.ones_like(dy)
    for f in (lambda b: F.add(ones, b), lambda b: F.multiply(ones, b), lambda b: F.where(ones > 0, b, ones)):
        b = tc.Tensor(row, requires_grad=True)
        f(b).backward(dy)
        np.testing.assert_allclose(b.grad, total[None], rtol=2e-7)
    b = tc.Tensor(row, requires_grad=True)
    b[np.zeros(200_000, int)].backward(dy)
    np.testing.assert_allclose(b.grad, total[None], rtol=2e-7)
    image = tc.Tensor(row[None, None], requires_grad=True)
    F.upsample2d(image, (400, 500)).backward(dy.reshape(1, 400, 500, 2))
    np.testing.assert_allclose(image.grad[0, 0], total[None], rtol=2e-7)


def test_largest_of_a_row_with_nan_is_nan_and_so_are_the_gradients():
    """As in Keras, and in silence."""
    x = tc.Tensor(np.array([[1, np.nan, 2], [3, 1, 3]]), requires_grad=True)
    F.max(x, 1).backward(np.array([1.0, 3.0]))
    np.testing.assert_array_equal(x.grad, [[np.nan] * 3, [1.5, 0, 1.5]])


@pytest.mark.parametrize("axis", [2, -3, (0, 0), (1, -1)])
def test_reduction_over_no_such_axis(axis):
    with pytest.raises(ValueError, match="for a tensor of 2 axes"):
        F.sum(np.ones((2, 3)), axis=axis)


@pytest.mark.parametrize("f", [F.max, F.min, F.mean, F.var], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("shape", "axis"), [((0, 3), 0), ((2, 0), 1), ((2, 0), None), ((0,), -1), ((0, 0), None)])
def test_reductions_of_nothing(f, shape, axis):
    """No elements have none of these; over axes that are not empty, the result is."""
    message = rf"of no elements is not defined: axis {axis} of shape {re.escape(str(shape))}"
    with pytest.raises(ValueError, match=message):
        f(np.zeros(shape), axis)
    assert f(np.zeros((0, 3)), 1).shape == (0,)
    np.testing.assert_array_equal(F.sum(np.zeros((0, 3)), 0), np.zeros(3))


@pytest.mark.parametrize("f", [F.max, F.min])
def test_ties_share_the_gradient(f):
    x = tc.Tensor(np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]]), requires_grad=True)
    f(x, axis=1).backward(np.array([6.0, 6.0]))
    np.testing.assert_allclose(x.grad, [[3, 3, 0] if f is F.max else [0, 0, 6], [2, 2, 2]])


@QUICK
@given(shape=SHAPES, seed=SEEDS)
def test_sum_squares(shape, seed):
    x = np.random.default_rng(seed).normal(size=shape)
    judge(F.sum_squares, np.asarray((x**2).sum()), x)


@QUICK
@given(shape=SHAPES, seed=SEEDS, data=st.data())
def test_movements(shape, seed, data):
    x = np.random.default_rng(seed).normal(size=shape)
    judge(lambda x: F.reshape(x, -1), x.reshape(-1), x)
    judge(F.transpose, x.transpose(), x)
    axes = tuple(data.draw(st.permutations(range(x.ndim))))
    judge(lambda x: F.transpose(x, axes), x.transpose(axes), x)
    pads = tuple(data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in shape)
    if x.ndim:
        judge(lambda x: F.pad(x, pads, 0.5), np.pad(x, pads, constant_values=0.5), x)


@QUICK
@given(shape=array_shapes(max_dims=3, max_side=5), seed=SEEDS, data=st.data())
def test_basic_indices(shape, seed, data):
    x = np.random.default_rng(seed).normal(size=shape)
    index = data.draw(basic_indices(shape, allow_newaxis=True).filter(lambda index: x[index].size))
    judge(lambda x: x[index], np.asarray(x[index]), x)


@pytest.mark.parametrize(
    "index",
    [
        [0, 2, 2],
        ([0, 1, 0], [1, 1, 1]),
        (slice(None), [3, 0]),
        np.array([[0, 1], [2, 2]]),
        (..., np.array([1, 1])),
        ((0, 0, -3),),
        ((0, 2), (1, 1), (0, 0)),
        ([(0, 0), (0, 2)], 1),
        range(2),
        (None, range(0, 2, 2), (3, -1, 3)),
        np.arange(3) != 1,
        (np.ones((3, 4), bool), 1),
        (True, [1, 1]),
        (np.array(1), np.array([2, 2])),
        [],
        ([np.int64(2), 2], slice(None, None, -2)),
    ],
    ids=str,
)
def test_array_indices(index, rng):
    """Also places that are named twice: in tuples, ranges and nested lists as in arrays."""
    x = rng.normal(size=(3, 4, 2))
    wanted = x[index]
    tensor = tc.Tensor(x, requires_grad=True)
    dy = rng.normal(size=wanted.shape)
    tensor[index].backward(dy)
    places = np.arange(x.size).reshape(x.shape)[index]
    dx = np.bincount(places.reshape(-1), dy.reshape(-1), x.size)
    np.testing.assert_allclose(tensor.grad.reshape(-1), dx, rtol=1e-15, atol=1e-15)
    if wanted.size:
        judge(lambda x: x[index], wanted, x)


def test_tensors_as_indices():
    x = tc.Tensor(np.arange(4.0), requires_grad=True)
    (x[tc.Tensor([3.0, 1.0, 3.0])] * [1.0, 10.0, 100.0]).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 10, 0, 101])
    with pytest.raises(IndexError, match=r"a tensor that is an index holds whole numbers, got 0\.5"):
        x[tc.Tensor([0.5])]


@QUICK
@given(shape=array_shapes(max_dims=3, max_side=3), count=st.integers(1, 3), seed=SEEDS, data=st.data())
def test_joins(shape, count, seed, data):
    rng = np.random.default_rng(seed)
    xs = [rng.normal(size=shape) for _ in range(count)]
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    judge(lambda *xs: F.stack(xs, axis), np.stack(xs, axis), *xs)
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = [data.draw(st.integers(1, 3)) for _ in range(count)]
    xs = [rng.normal(size=[n if i == axis % len(shape) else m for i, m in enumerate(shape)]) for n in lengths]
    judge(lambda *xs: F.concatenate(xs, axis), np.concatenate(xs, axis), *xs)


@QUICK
@given(shape=array_shapes(max_dims=4, max_side=4), seed=SEEDS)
def test_softmax(shape, seed):
    x = 3 * np.random.default_rng(seed).normal(size=shape)
    judge(F.softmax, special.softmax(x, axis=-1), x)


@QUICK
@given(shape=array_shapes(max_dims=3, max_side=4), units=st.integers(1, 4), bias=st.booleans(), seed=SEEDS)
def test_dense(shape, units, bias, seed):
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=shape), rng.normal(size=(shape[-1], units)), rng.normal(size=units)][: 2 + bias]
    judge(F.dense, inputs[0] @ inputs[1] + (inputs[2] if bias else 0), *inputs)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_conv2d(groups, bias, rng):
    x, w, b = rng.normal(size=(2, 6, 5, 4)), rng.normal(size=(3, 2, 4 // groups, 6)), rng.normal(size=6)
    wanted = np.zeros((2, 4, 4, 6))
    for n in range(2):
        for k in range(6):
            first = k // (6 // groups) * (4 // groups)
            inputs = x[n, :, :, first : first + 4 // groups]
            wanted[n, :, :, k] = correlate(inputs, w[..., k], "valid")[..., 0] + b[k] * bias
    inputs = (x, w, b) if bias else (x, w)
    judge(lambda *inputs: F.conv2d(*inputs, groups=groups), wanted, *inputs, rtol=1e-11)
    judge(lambda *inputs: F.conv2d(*inputs, strides=(2, 3), groups=groups), wanted[:, ::2, ::3], *inputs, rtol=1e-11)


@pytest.mark.parametrize(("padding", "strides"), [("valid", None), ("same", (2, 1)), ("valid", (3, 3))])
def test_pooling(padding, strides, rng):
    """Windows gathered one by one; what "same" adds is NaN, which the judges leave out."""
    x = apart(rng, (2, 5, 7, 3))
    sh, sw = strides or (2, 2)
    frame = x
    if padding == "same":
        ah, aw = ((-(-size // s) - 1) * s + 2 - size for size, s in ((5, sh), (7, sw)))
        frame = np.pad(x, [(0, 0), (ah // 2, ah - ah // 2), (aw // 2, aw - aw // 2), (0, 0)], constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(frame, (2, 2), (1, 2))[:, ::sh, ::sw]
    judge(lambda x: F.max_pool2d(x, (2, 2), strides, padding), np.nanmax(windows, (-1, -2)), x)
    judge(lambda x: F.average_pool2d(x, (2, 2), strides, padding), np.nanmean(windows, (-1, -2)), x)
    judge(F.global_average_pool2d, x.mean((1, 2)), x)


@QUICK
@given(shape=array_shapes(max_dims=3, max_side=5), seed=SEEDS)
def test_cross_entropies(shape, seed):
    rng = np.random.default_rng(seed)
    x = 3 * rng.normal(size=shape)
    t = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    logs = special.log_softmax(x, axis=-1)
    judge(lambda x: F.softmax_cross_entropy(x, t), np.asarray(-(t * logs).sum(-1)), x)
    labels = rng.integers(0, shape[-1], shape[:-1])
    chosen = -np.take_along_axis(logs, np.asarray(labels)[..., None], -1)[..., 0]
    if chosen.all():  # with a single class the loss is 0, up to its sign
        judge(lambda x: F.sparse_softmax_cross_entropy(x, labels), np.asarray(chosen), x)
    bits = rng.integers(0, 2, shape)
    wanted = -(bits * special.log_expit(x) + (1 - bits) * special.log_expit(-x))
    judge(lambda x: F.sigmoid_cross_entropy(x, bits), wanted, x)


def test_cross_entropy_of_large_logits_is_exact():
    x = np.array([[1000.0, 0.0], [-1000.0, 0.0]])
    np.testing.assert_array_equal(F.sparse_softmax_cross_entropy(x, [0, 0]).numpy(), [0, 1000])
    np.testing.assert_array_equal(F.sigmoid_cross_entropy(x, [[1, 0], [1, 0]]).numpy()[:, 0], [0, 1000])


def test_dropout(rng):
    x = rng.normal(size=(40, 50))
    y = F.dropout(x, 0.25, seed=3, stream=1, step=2).numpy()
    kept = y != 0
    np.testing.assert_allclose(y[kept], x[kept] / 0.75)
    assert abs(kept.mean() - 0.75) < 0.05
    assert tc.gradcheck(lambda x: F.dropout(x, 0.25, 3, 1, 2), x) < 1e-8
    np.testing.assert_array_equal(F.dropout(x, 0.25, 3, 1, 2).numpy(), y)
    assert (F.dropout(x, 0.25, 3, 1, 3).numpy() != y).any()
    np.testing.assert_array_equal(F.dropout(x, 0.0, 3).numpy(), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.dense(np.ones((2, 3)), np.ones((4, 5))),
            r"x \(…,m\) and w \(m,k\), got shapes \(2, 3\) and \(4, 5\)",
        ),
        (lambda: F.conv2d(np.ones((2, 3, 3)), np.ones((1, 1, 1, 1))), r"got shapes \(2, 3, 3\)"),
        (lambda: F.conv2d(np.ones((1, 3, 3, 2)), np.ones((1, 1, 3, 1))), "needed 3 channels"),
        (lambda: F.conv2d(np.ones((1, 3, 3, 2)), np.ones((1, 1, 1, 3)), groups=2), "3 filters divisible by the groups"),
        (lambda: F.conv2d(np.ones((1, 2, 2, 1)), np.ones((3, 3, 1, 1))), "larger than the image of 2×2"),
        (lambda: F.max_pool2d(np.ones((1, 2, 2, 1)), (3, 3)), "larger than the image of 2×2"),
        (lambda: F.transpose(np.ones((2, 3)), (0, 0)), "each of the 2 axes once"),
        (lambda: F.to_device(np.ones(3), "tpu"), 'a device is "cpu" or "gpu", got \'tpu\''),
        (lambda: F.dropout(np.ones(3), 1.0, 0), "0 ≤ rate < 1, got 1.0"),
        (lambda: F.softmax_cross_entropy(np.ones((2, 3)), np.ones((2, 4))), "needs one shape"),
        (lambda: F.sigmoid_cross_entropy(np.ones(2), np.ones(3)), "needs one shape"),
        (lambda: F.sparse_softmax_cross_entropy(np.ones((2, 3)), [0, 3]), "integers in 0 … 2, got 3"),
        (lambda: F.sparse_softmax_cross_entropy(np.ones((2, 3)), [0, -1]), "integers in 0 … 2, got -1"),
        (lambda: F.sparse_softmax_cross_entropy(np.ones((2, 3)), [0.5, 1]), "integers in 0 … 2, got 0.5"),
        (lambda: F.sparse_softmax_cross_entropy(np.ones((2, 3)), [0]), r"needs labels \(2,\), got \(1,\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
