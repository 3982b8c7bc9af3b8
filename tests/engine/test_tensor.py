"""Tensors: what they hold, how they print, which operators they have."""

import operator

import numpy as np
import pytest

import tinyconv as tc

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("data", [3, 2.5, True, [1, 2], [[1.5, 2], [3, 4]], np.arange(3), np.ones(2, bool)], ids=str)
@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_what_is_not_floating_becomes_floatx(data, floatx):
    tc.set_floatx(floatx)
    tensor = tc.Tensor(data)
    assert tensor.dtype == floatx
    np.testing.assert_array_equal(tensor.numpy(), np.asarray(data))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_arrays_keep_their_dtype_and_memory(dtype):
    data = np.ones((2, 3), dtype)
    tensor = tc.Tensor(data)
    assert tensor.dtype == dtype
    assert tensor.data is data
    assert tc.Tensor(data[:, ::2]).data.flags.c_contiguous


@pytest.mark.parametrize("data", ["a", [1 + 2j], [None], [b"x"]], ids=str)
def test_no_numbers(data):
    with pytest.raises(TypeError, match="cannot be converted"):
        tc.Tensor(data)


def test_properties():
    tensor = tc.Tensor(np.zeros((2, 3, 4)))
    assert (tensor.shape, tensor.ndim, tensor.size, len(tensor), tensor.device) == ((2, 3, 4), 3, 24, 2, "cpu")
    assert tc.Tensor([[2.5]]).item() == 2.5
    with pytest.raises(TypeError, match="no length"):
        len(tc.Tensor(1.0))
    assert [row.shape for row in tensor] == [(3, 4), (3, 4)]
    assert tensor.T.shape == (4, 3, 2)


def test_repr():
    assert repr(tc.Tensor([1.0, 2.5])) == "Tensor([1. , 2.5], shape=(2,), dtype=float32, device=cpu)"
    leaf = tc.Tensor(np.ones((1, 2)), requires_grad=True)
    assert repr(leaf) == "Tensor([[1., 1.]], shape=(1, 2), dtype=float64, device=cpu, requires_grad=True)"
    assert repr(leaf * 2).endswith("dtype=float64, device=cpu, from=Multiply)")
    assert len(repr(tc.Tensor(np.zeros((1000, 1000))))) < 200


@pytest.mark.parametrize("operate", OPERATORS, ids=lambda operate: operate.__name__)
@pytest.mark.parametrize(
    "other", [2, 2.5, np.float64(1.5), [1.0, 2.0, 0.5], np.array([3.0, 1.0, 2.0]), np.array([3, 1, 2])], ids=repr
)
def test_operators_on_both_sides(operate, other):
    x = np.array([[1.5, 2.5, 0.5], [3.0, 1.0, 2.0]])
    tensor = tc.Tensor(x)
    for got, wanted in [
        (operate(tensor, other), operate(x, np.asarray(other))),
        (operate(other, tensor), operate(np.asarray(other), x)),
        (operate(tensor, tensor), operate(x, x)),
    ]:
        assert isinstance(got, tc.Tensor)
        assert got.dtype == np.float64
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-15)


def test_matmul_negative_absolute(rng):
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((3, 4))
    for got in (tc.Tensor(a) @ tc.Tensor(b), tc.Tensor(a) @ b, a @ tc.Tensor(b)):
        np.testing.assert_allclose(got.numpy(), a @ b, rtol=1e-14)
    np.testing.assert_array_equal((-tc.Tensor(a)).numpy(), -a)
    np.testing.assert_array_equal(abs(tc.Tensor(a)).numpy(), np.abs(a))


def test_methods(rng):
    x = rng.uniform(0.5, 2, (2, 3, 4))
    t = tc.Tensor(x)
    for got, wanted in [
        (t.exp(), np.exp(x)),
        (t.log(), np.log(x)),
        (t.sqrt(), np.sqrt(x)),
        (t.clip(0.7, 1.2), np.clip(x, 0.7, 1.2)),
        (t.astype("float32"), x.astype(np.float32)),
        (t.sum(axis=1), x.sum(axis=1)),
        (t.mean(axis=(0, 2), keepdims=True), x.mean(axis=(0, 2), keepdims=True)),
        (t.var(), x.var()),
        (t.max(axis=-1), x.max(axis=-1)),
        (t.min(axis=0), x.min(axis=0)),
        (t.reshape(4, -1), x.reshape(4, -1)),
        (t.reshape((6, 4)), x.reshape(6, 4)),
        (t.reshape(np.int64(24)), x.reshape(24)),
        (t.transpose((1, 0, 2)), x.transpose(1, 0, 2)),
        (t[1, :, ::2], x[1, :, ::2]),
    ]:
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-13, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_and_integers_take_the_tensors_dtype(dtype):
    tensor = tc.Tensor(np.ones(3, dtype))
    for other in (2, 0.1, [1, 2, 3], np.array([1, 2, 3]), True):
        assert (tensor * other).dtype == dtype
        assert (other + tensor).dtype == dtype


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b: a + b,
        lambda a, b: a @ b,
        lambda a, b: b.numpy() * a,
        lambda a, b: tc.functions.concatenate([a, b], 0),
        tc.functions.dense,
        tc.functions.maximum,
    ],
)
def test_precisions_do_not_mix(operation):
    a, b = tc.Tensor(np.ones((2, 2), np.float32)), tc.Tensor(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"float.. and float..; convert one with \.astype") as caught:
        operation(a, b)
    assert "float32" in str(caught.value)
    assert "float64" in str(caught.value)


def test_cast_carries_the_gradient_back_in_the_dtype_it_came_from(rng):
    x = tc.Tensor(rng.standard_normal(4).astype(np.float32), requires_grad=True)
    r = rng.standard_normal(4)
    (x.astype("float64") * r).sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad, r, rtol=1e-6)


@pytest.mark.parametrize("before", [True, False])
def test_who_gets_a_gradient_is_settled_going_forward(before):
    x, w = tc.Tensor([2.0, 3.0], requires_grad=True), tc.Tensor([5.0, 7.0], requires_grad=before)
    y = tc.functions.sum(x * w)
    w.requires_grad = not before
    y.backward()
    np.testing.assert_array_equal(x.grad, [5, 7])
    assert w.grad is None if not before else (w.grad == [2, 3]).all()
