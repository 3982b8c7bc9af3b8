import numpy as np
import pytest
from kernel_checks import assert_close, assert_gradient
from scipy import special

from tinyconv.kernels import reference

SHAPES = {
    "textbook": (4, 10),
    "two classes": (3, 2),
    "batch of one": (1, 5),
    "batch of 37": (37, 3),
    "empty batch": (0, 4),
    "pixels": (2, 3, 5, 4),
    "many classes": (3, 1003),
    "many rows": (5003, 3),
}
all_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def draw(rng, shape, dtype=np.float64):
    """Random (logits, targets, labels). The targets of a row do not sum to 1, as with weighted samples."""
    logits = (3 * rng.standard_normal(shape)).astype(dtype)
    return logits, rng.uniform(0.05, 1, shape).astype(dtype), rng.integers(0, shape[-1], shape[:-1])


@all_shapes
def test_softmax_forward(kernels, dtype, shape, rng):
    logits, targets, labels = draw(rng, shape, dtype)
    exact = logits.astype(np.float64)
    loss, probabilities = kernels.softmax_cross_entropy(logits, targets)
    assert_close(loss, -np.sum(targets * special.log_softmax(exact, axis=-1), axis=-1), dtype)
    assert_close(probabilities, special.softmax(exact, axis=-1), dtype)

    loss, probabilities = kernels.sparse_softmax_cross_entropy(logits, labels)
    rows = special.log_softmax(exact, axis=-1).reshape(-1, shape[-1])
    wanted = np.array([-row[label] for row, label in zip(rows, labels.reshape(-1), strict=True)])
    assert_close(loss, wanted.reshape(labels.shape), dtype)
    assert_close(probabilities, special.softmax(exact, axis=-1), dtype)


@all_shapes
def test_sigmoid_forward(kernels, dtype, shape, rng):
    logits, targets, _ = draw(rng, shape, dtype)
    p = special.expit(logits.astype(np.float64))
    loss, probabilities = kernels.sigmoid_cross_entropy(logits, targets)
    assert_close(loss, -special.xlogy(targets, p) - special.xlog1py(1.0 - targets.astype(np.float64), -p), dtype)
    assert_close(probabilities, p, dtype)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES.values() if shape[0]], ids=str)
def test_gradients(kernels, shape, rng):
    logits, targets, labels = draw(rng, shape)
    for name, truth in {
        "softmax_cross_entropy": targets,
        "sparse_softmax_cross_entropy": labels,
        "sigmoid_cross_entropy": targets,
    }.items():
        forward, backward = getattr(kernels, name), getattr(kernels, name + "_backward")
        _, probabilities = forward(logits, truth)
        assert_gradient(
            lambda x: forward(x, truth)[0],  # noqa: B023
            lambda dloss: backward(dloss, probabilities, truth),  # noqa: B023
            logits,
            rng,
        )


@all_shapes
def test_agrees_with_reference(twin, dtype, shape, rng):
    logits, targets, labels = draw(rng, shape, dtype)
    for name, truth in {
        "softmax_cross_entropy": targets,
        "sparse_softmax_cross_entropy": labels,
        "sigmoid_cross_entropy": targets,
    }.items():
        loss, probabilities = getattr(twin, name)(logits, truth)
        wanted_loss, wanted_probabilities = getattr(reference, name)(logits, truth)
        assert_close(loss, wanted_loss)
        assert_close(probabilities, wanted_probabilities)
        dloss = rng.standard_normal(loss.shape).astype(dtype)
        arguments = dloss, wanted_probabilities, truth
        assert_close(getattr(twin, name + "_backward")(*arguments), getattr(reference, name + "_backward")(*arguments))


def test_many_classes_keep_their_digits(kernels, rng):
    """A running float32 sum over so many classes would be off by 10⁻⁵."""
    x, targets = rng.random((2, 2, 200_000)).astype(np.float32)
    targets /= targets.sum(axis=1, keepdims=True)
    wide = x.astype(np.float64)
    log_p = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    loss, p = kernels.softmax_cross_entropy(x, targets)
    np.testing.assert_allclose(loss, -(targets * log_p).sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(p, np.exp(log_p), rtol=2e-6)  # the logarithm, of size 12, is rounded
    labels = np.array([3, 150_000])
    loss, _ = kernels.sparse_softmax_cross_entropy(x, labels)
    np.testing.assert_allclose(loss, -log_p[[0, 1], labels], rtol=1e-6)


def test_far_from_zero_nothing_overflows(kernels, dtype):
    logits = np.array([[-1e4, 0, 1e4]], dtype)
    targets = np.array([[1, 0, 0]], dtype)
    for loss, probabilities in (
        kernels.softmax_cross_entropy(logits, targets),
        kernels.sparse_softmax_cross_entropy(logits, np.array([0])),
    ):
        np.testing.assert_array_equal(loss, np.array([2e4], dtype), strict=True)
        np.testing.assert_array_equal(probabilities, [[0, 0, 1]])
    loss, probabilities = kernels.sigmoid_cross_entropy(logits, targets)
    np.testing.assert_allclose(loss, [[1e4, np.log(2), 1e4]], rtol=1e-6)
    np.testing.assert_array_equal(probabilities, [[0, 0.5, 1]])


def test_small_losses_are_not_rounded_away(kernels, dtype):
    loss, _ = kernels.sigmoid_cross_entropy(np.array([30.0], dtype), np.array([1.0], dtype))
    np.testing.assert_allclose(loss, np.exp(-30.0), rtol=1e-5)


def test_nan_propagates(kernels, dtype, rng):
    logits, targets, labels = draw(rng, (3, 4), dtype)
    logits[1, 2] = np.nan
    for name, truth in (("softmax_cross_entropy", targets), ("sparse_softmax_cross_entropy", labels)):
        loss, probabilities = getattr(kernels, name)(logits, truth)
        np.testing.assert_array_equal(np.isnan(loss), [False, True, False])
        dlogits = getattr(kernels, name + "_backward")(np.ones_like(loss), probabilities, truth)
        np.testing.assert_array_equal(np.isnan(dlogits).all(axis=1), [False, True, False])
        np.testing.assert_array_equal(np.isnan(dlogits).any(axis=1), [False, True, False])
    for array in kernels.sigmoid_cross_entropy(logits, targets):
        np.testing.assert_array_equal(np.isnan(array), np.isnan(logits))
