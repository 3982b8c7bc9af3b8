"""Tensors where arrays and numbers are expected: NumPy's functions, Python's conversions, copies, other frameworks."""

import copy
import operator
import pickle

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F

COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@pytest.fixture
def tensor(rng):
    """One inside a graph."""
    return tc.Tensor(rng.standard_normal((4, 3)), requires_grad=True) * 2


def test_numpys_functions_compute_on_the_values(tensor):
    x = tensor.numpy()
    for got, wanted in [
        (np.asarray(tensor), x),
        (np.array(tensor), x),
        (np.asarray(tensor, np.float32), x.astype(np.float32)),
        (np.argmax(tensor, axis=1), x.argmax(axis=1)),
        (np.sum(tensor), x.sum()),
        (np.mean(tensor, axis=0), x.mean(axis=0)),
        (np.max(tensor, axis=1, keepdims=True), x.max(axis=1, keepdims=True)),
        (np.std(tensor), x.std()),
        (np.transpose(tensor), x.T),
        (np.reshape(tensor, (2, 6)), x.reshape(2, 6)),
        (np.concatenate([tensor, x, tensor]), np.concatenate([x, x, x])),
        (np.stack((tensor, tensor)), np.stack([x, x])),
        (np.where(x > 0, tensor, 0), np.where(x > 0, x, 0)),
        (np.linalg.norm(tensor), np.linalg.norm(x)),
        (np.clip(a=tensor, a_min=0, a_max=1), np.clip(x, 0, 1)),
        (x[np.argsort(tensor[:, 0])], x[x[:, 0].argsort()]),
    ]:
        assert isinstance(got, np.ndarray | np.generic)
        np.testing.assert_array_equal(got, wanted, strict=True)
    np.testing.assert_allclose(tensor, x)
    assert np.allclose(tensor, x)


def test_an_array_of_a_tensor_shares_its_memory_unless_copied(tensor):
    assert np.shares_memory(np.asarray(tensor), tensor.data)
    assert np.shares_memory(np.array(tensor, copy=False), tensor.data)
    assert not np.shares_memory(np.array(tensor), tensor.data)
    assert not np.shares_memory(np.array(tensor, copy=True), tensor.data)
    with pytest.raises(ValueError, match="copy"):
        np.array(tensor, np.float32, copy=False)


def test_elementwise_functions_of_numpy_are_refused_not_cut_off(tensor):
    """The operators are NumPy's elementwise functions, too, and must give tensors: so none of them takes a tensor."""
    with pytest.raises(TypeError, match="Tensor"):
        np.exp(tensor)
    total = np.ones(3)
    with pytest.raises(TypeError, match="Tensor"):
        total += tensor[0]
    assert (total + tensor[0]).requires_grad


def test_a_picture_of_a_tensor(rng):
    from matplotlib.figure import Figure

    values = rng.random((5, 4))
    image = Figure().subplots().imshow(tc.Tensor(values))
    np.testing.assert_array_equal(image.get_array(), values)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_number_is_a_number(shape):
    tensor = tc.Tensor(np.full(shape, 2.75), requires_grad=True) * 1
    assert (float(tensor), int(tensor), bool(tensor), f"{tensor:.1f}") == (2.75, 2, True, "2.8")
    assert not tc.Tensor(np.zeros(shape))
    assert f"{tensor}" == repr(tensor)


@pytest.mark.parametrize("convert", [float, int, bool, tc.Tensor.item, lambda tensor: f"{tensor:.2f}"])
def test_many_numbers_are_not_one(convert, tensor):
    with pytest.raises(ValueError, match=r"one number was asked of a tensor of shape \(4, 3\): index it or reduce it"):
        convert(tensor)


def test_rows_one_after_the_other_stay_in_the_graph():
    x = tc.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    np.testing.assert_array_equal(x.grad, [[3, 4], [1, 2]])
    with pytest.raises(TypeError, match="no axes"):
        iter(tc.Tensor(1.0))


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda compare: compare.__name__)
def test_comparisons_go_element_by_element(compare):
    x = np.array([[0.1, 2.0, -1.0], [3.0, 0.1, 2.0]], np.float32)
    tensor, row = tc.Tensor(x), np.array([2.0, 2.0, 2.0])
    for other, values in [(tensor.T.T, x), (2, 2), (0.1, np.float32(0.1)), (np.float64(0.1), np.float32(0.1))]:
        np.testing.assert_array_equal(compare(tensor, other), compare(x, values), strict=True)
    for other in (row, row.tolist(), np.array(0.1), np.array([2, 2, 2])):
        wanted = np.asarray(other, np.float32)
        np.testing.assert_array_equal(compare(tensor, other), compare(x, wanted), strict=True)
        np.testing.assert_array_equal(compare(other, tensor), compare(wanted, x), strict=True)


def test_comparison_with_what_is_no_number():
    tensor = tc.Tensor([1.0, 2.0])
    assert (tensor == None) is False  # noqa: E711
    assert (tensor != "a") is True
    with pytest.raises(TypeError, match="not supported between"):
        tensor < "a"  # noqa: B015


def test_tensors_are_keys_by_identity():
    one, same = tc.Tensor([1.0]), tc.Tensor([1.0])
    assert len({one, same, one}) == 2
    assert {one: 1, same: 2}[same] == 2
    weight = tc.layers.Dense(2)
    weight.build((None, 3))
    assert len(set(weight.weights)) == 2


NUMBERS = [np.float64(0.5), np.sqrt(0.25), np.array(0.5), np.float16(0.5), np.int64(2), 0.5]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{type(number).__name__} {number}")
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_one_number_has_no_precision_of_its_own(number, backend, rng):
    """Neither beside a tensor nor as a setting of an operation; nor has its gradient."""
    x = tc.Tensor(rng.uniform(0.1, 2, (2, 3, 4, 2)).astype(np.float32), requires_grad=True)
    rate = number * 0.2
    with tc.backend(backend):
        for call in [
            lambda: x + number,
            lambda: number + x,
            lambda: x - number,
            lambda: number - x,
            lambda: x * number,
            lambda: number * x,
            lambda: x / number,
            lambda: number / x,
            lambda: x**number,
            lambda: number**x,
            lambda: F.maximum(number, x),
            lambda: F.minimum(x, number),
            lambda: F.where(x > number, x, number),
            lambda: F.where(x > number, number, x),
            lambda: x.clip(rate, number),
            lambda: F.pad(x, [(1, 1)] * 4, number),
            lambda: F.leaky_relu(x, number),
            lambda: F.relu(x, rate, number * 2, number),
            lambda: F.elu(x, number),
            lambda: F.prelu(x, [[[number]]]),
            lambda: F.dropout(x, rate, 1),
            lambda: F.spatial_dropout2d(x, rate, 1),
            lambda: F.gaussian_noise(x, number, 1),
            lambda: F.batch_norm(x, epsilon=number, ceiling=number)[0],
            lambda: F.layer_norm(x, epsilon=number),
            lambda: F.scale_shift(x, [1, 2], ceiling=number),
        ]:
            y = call()
            assert y.dtype == np.float32
            y.backward(np.ones(y.shape))
            assert x.grad.dtype == np.float32


def test_a_copy_is_a_leaf():
    x = tc.Tensor([1.0, 2.0], requires_grad=True)
    y = F.softmax(x * 2)
    for again in (copy.deepcopy, copy.copy, lambda tensor: pickle.loads(pickle.dumps(tensor))):
        for tensor in (x, y, y.detach()):
            other = again(tensor)
            np.testing.assert_array_equal(other, tensor)
            assert other.requires_grad == (tensor is x)
            assert other.creator is None
            assert other.logits is None
    (copy.deepcopy(x) * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 2])


def test_reprs_of_one_line(rng):
    layer = tc.layers.Conv2D(4, 3, name="first")
    layer.build((None, 8, 8, 2))
    assert repr(layer.kernel) == 'Parameter("first/kernel", shape=(3, 3, 2, 4), dtype=float32, device=cpu)'
    layer.trainable = False
    assert repr(layer.bias) == 'Parameter("first/bias", shape=(4,), dtype=float32, device=cpu, trainable=False)'
    for shape in [(), (3,), (2, 2), (4, 5), (100, 100), (2, 3, 4, 5), (9, 9, 9, 9, 9), (0, 3)]:
        text = repr(tc.Tensor(rng.standard_normal(shape)))
        assert "\n" not in text
        assert len(text) < 250
    assert repr(tc.Tensor([[1.0], [2.0]])) == "Tensor([[1.], [2.]], shape=(2, 1), dtype=float32, device=cpu)"


def test_losses_take_lists():
    np.testing.assert_allclose(float(tc.losses.MeanSquaredError()([[1.0, 0.0]], [[0.5, 0.5]])), 0.25)


class Foreign:
    """Another framework's tensor: its dtype is not NumPy's, and it may refuse to be an array."""

    dtype = "framework.float64"

    def __init__(self, values, refusal=None):
        self.values, self.refusal = values, refusal

    def __array__(self, dtype=None, copy=None):
        if self.refusal:
            raise RuntimeError(self.refusal)
        return np.array(self.values, dtype=dtype, copy=copy)


def test_tensors_of_other_frameworks_are_data():
    x = np.array([[1.5, 2.5], [3.5, -1.0]])
    foreign = Foreign(x)
    assert tc.Tensor(foreign).dtype == np.float64
    np.testing.assert_array_equal(tc.Tensor(foreign), x)
    tensor = tc.Tensor(2 * x)
    for got, wanted in [(tensor * foreign, 2 * x * x), (foreign + tensor, 3 * x), (tensor @ foreign, 2 * x @ x)]:
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(tensor == foreign, x == 0)
    np.testing.assert_array_equal(tensor[Foreign(np.array([1, 1]))], 2 * x[[1, 1]])
    np.testing.assert_array_equal(tc.layers.Flatten(dtype="float64")(foreign), x)
    with pytest.raises(RuntimeError, match=r"use its \.detach\(\)"):
        tc.Tensor(Foreign(x, "use its .detach()"))


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_torchs_and_tensorflows_tensors(framework, rng):
    module = pytest.importorskip(framework, reason=f"{framework} is not installed")
    make = module.from_numpy if framework == "torch" else module.constant
    x = rng.standard_normal((2, 3)).astype(np.float32)
    np.testing.assert_array_equal(tc.Tensor(make(x)), x, strict=True)
    assert (tc.Tensor(x) * make(x)).dtype == np.float32
    np.testing.assert_array_equal(tc.Tensor(x)[make(np.array([1, 1]))], x[[1, 1]])
    model = tc.Sequential([tc.Input((3,)), tc.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    labels, weights = np.array([0, 1]), np.array([1.0, 2.0], np.float32)
    start, found = model.get_weights(), []
    for given in (make, lambda values: values):
        model.set_weights([given(values) for values in start])
        x_, y_, w_ = given(x), given(labels), given(weights)
        history = model.fit(x_, y_, sample_weight=w_, validation_data=(x_, y_), verbose=0).history
        loss = tc.losses.MeanSquaredError()(x_, given(2 * x))
        found.append([*history.values(), model.evaluate(x_, y_, verbose=0), model.predict(x_, verbose=0), loss])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_array_equal(theirs, ours)
    if framework == "torch":
        with pytest.raises(RuntimeError, match=r"detach\(\)"):
            tc.Tensor(make(x).requires_grad_())
