"""Functions made of array expressions, on CuPy (without a GPU on the stand-in, see standin) as on NumPy."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv.gradcheck.checks import checks

pytestmark = pytest.mark.gpu

CALLS = {
    "pad": (lambda x: F.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0))), (2, 3, 4, 2)),
    "crop": (lambda x: x[:, 1:3, 0:2], (2, 4, 3, 2)),
    "upsample2d, nearest": (lambda x: F.upsample2d(x, (2, 3)), (2, 3, 4, 2)),
    "upsample2d, bilinear": (lambda x: F.upsample2d(x, (2, 3), "bilinear"), (2, 3, 4, 2)),
    "places taken twice": (lambda x: x[[0, 1, 0], :, (3, 3, 0)], (2, 3, 4, 2)),
    "where": (lambda a, b: F.where(np.arange(4)[:, None] % 3, a, b), (3, 4, 2), (4, 1)),
    "max": (lambda x: F.max(x, (1, 2)), (2, 3, 4, 2)),
    "depthwise_conv2d": (
        lambda x, w, b: F.depthwise_conv2d(x, w, b, (2, 1), "same", relu=True),
        *((2, 5, 4, 3), (3, 2, 3, 2), (6,)),
    ),
    "conv2d_transpose": (
        lambda x, w, b: F.conv2d_transpose(x, w, b, (2, 3), "same"),
        *((2, 3, 4, 2), (3, 4, 5, 2), (5,)),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_on_the_cpu(cupy, name, rng):
    call, *shapes = CALLS[name]
    agree(
        cupy, call, [rng.permutation(np.linspace(-1, 1, int(np.prod(shape)))).reshape(shape) for shape in shapes], rng
    )


def agree(cupy, call, values, rng):
    """The results of a function on both devices, and the gradients of a random cotangent."""
    here = [tc.Tensor(value, requires_grad=True) for value in values]
    there = [tc.Tensor(cupy.asarray(value), requires_grad=True) for value in values]
    y, y_there = call(*here), call(*there)
    assert y_there.device == "gpu"
    np.testing.assert_allclose(y_there.numpy(), y.numpy(), rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    y_there.backward(cupy.asarray(dy))
    for one, other in zip(here, there, strict=True):
        assert isinstance(other.grad, cupy.ndarray)
        np.testing.assert_allclose(cupy.asnumpy(other.grad), one.grad, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def checks_of_functions():
    """What gradcheck checks, on inputs that keep away from kinks: each function with the cases it has."""
    return [check for check in checks() if check.kind == "function"]


@pytest.mark.parametrize("name", sorted(set(F.__all__) - {"to_device"}))
def test_each_function_on_the_gpu_is_that_on_the_cpu(cupy, checks_of_functions, name, rng):
    cases = [check for check in checks_of_functions if check.name == name]
    assert cases
    for check in cases:
        agree(cupy, check.f, check.inputs, rng)


def test_a_mask_and_places_on_the_gpu(cupy, rng):
    """An index and a condition may lie there, too."""
    values = rng.standard_normal((4, 3))
    x = tc.Tensor(cupy.asarray(values), requires_grad=True)
    x[cupy.asarray(np.array([1, 3, 1]))].sum().backward()
    np.testing.assert_array_equal(cupy.asnumpy(x.grad), np.array([0, 2, 0, 1])[:, None] * np.ones(3))
    x.grad = None
    F.where(x > 0, x * 2, np.float64(7)).sum().backward()
    np.testing.assert_array_equal(cupy.asnumpy(x.grad), 2 * (values > 0))
    mask = x > 0
    assert isinstance(mask, cupy.ndarray)
    np.testing.assert_array_equal(cupy.asnumpy(x == x.detach()), True)
    np.testing.assert_array_equal(x[mask].numpy(), values[values > 0])


def test_a_move_is_part_of_the_graph(cupy, rng):
    values = rng.standard_normal((2, 3))
    x = tc.Tensor(values, requires_grad=True)
    assert x.to("cpu") is x
    there = (x * 2).to("gpu")
    assert isinstance(there.data, cupy.ndarray)
    back = (there * there).to("cpu")
    back.backward(np.ones((2, 3)))
    assert isinstance(x.grad, np.ndarray)
    np.testing.assert_allclose(x.grad, 8 * values, rtol=1e-15)
