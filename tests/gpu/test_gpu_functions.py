"""Functions made of array expressions, on CuPy (without a GPU on the stand-in, see standin) as on NumPy."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F

pytestmark = pytest.mark.gpu

CALLS = {
    "pad": (lambda x: F.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0))), (2, 3, 4, 2)),
    "crop": (lambda x: x[:, 1:3, 0:2], (2, 4, 3, 2)),
    "upsample2d, nearest": (lambda x: F.upsample2d(x, (2, 3)), (2, 3, 4, 2)),
    "upsample2d, bilinear": (lambda x: F.upsample2d(x, (2, 3), "bilinear"), (2, 3, 4, 2)),
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
    values = [rng.permutation(np.linspace(-1, 1, int(np.prod(shape)))).reshape(shape) for shape in shapes]
    here = [tc.Tensor(value, requires_grad=True) for value in values]
    there = [tensor.to("gpu") for tensor in here]
    y, y_there = call(*here), call(*there)
    assert y_there.device == "gpu"
    np.testing.assert_allclose(y_there.numpy(), y.numpy(), rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    y_there.backward(cupy.asarray(dy))
    for one, other in zip(here, there, strict=True):
        assert isinstance(other.grad, cupy.ndarray)
        np.testing.assert_allclose(cupy.asnumpy(other.grad), one.grad, rtol=1e-12, atol=1e-12)
