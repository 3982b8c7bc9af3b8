"""Layers on the GPU's kernels, noise included, against the same on the CPU's (without a GPU on the stand-in)."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import layers

pytestmark = pytest.mark.gpu


def train(device):
    """Twelve steps of a network with one of each; returns losses and weights."""
    tc.clear_session()
    tc.set_seed(3)
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((24, 9, 8, 2)), rng.integers(0, 3, 24)
    model = tc.Sequential(
        [
            tc.Input((9, 8, 2), dtype="float64"),
            layers.GaussianNoise(0.1, dtype="float64"),
            layers.Conv2D(6, 3, activation="silu", dtype="float64"),
            layers.PReLU("random_normal", shared_axes=[1, 2], dtype="float64"),
            layers.SpatialDropout2D(0.2, dtype="float64"),
            layers.Conv2D(5, 2, activation="softplus", dtype="float64"),
            layers.ReLU(1.5, 0.1, 0.2, dtype="float64"),
            layers.Permute((3, 1, 2), dtype="float64"),
            layers.Flatten(dtype="float64"),
            layers.Dense(9, activation="selu", dtype="float64"),
            layers.PReLU(dtype="float64"),
            layers.Dense(9, activation="gelu", dtype="float64"),
            layers.ELU(0.5, dtype="float64"),
            layers.Dense(9, activation="softsign", dtype="float64"),
            layers.LeakyReLU(dtype="float64"),
            layers.Dense(9, activation="hard_sigmoid", dtype="float64"),
            layers.Dense(3, activation="softmax", dtype="float64"),
        ]
    )
    model.compile(tc.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.to(device)
    return [model.train_on_batch(x, y) for _ in range(12)], model.get_weights()


def test_learns_as_on_the_cpu(cupy):
    (losses, weights), (losses_gpu, weights_gpu) = (train(device) for device in ("cpu", "gpu"))
    assert losses[0] != losses[-1]
    np.testing.assert_allclose(losses_gpu, losses, rtol=1e-9)
    for cpu, gpu in zip(weights, weights_gpu, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-6, atol=1e-9)


def test_functions_written_once(cupy):
    """Array expressions that NumPy and CuPy share."""
    rng = np.random.default_rng(6)
    x, dy = rng.standard_normal((2, 5, 3, 4, 6))
    for function in (
        tc.functions.log_softmax,
        tc.functions.exponential,
        tc.functions.hard_sigmoid,
        lambda x: tc.functions.spatial_dropout2d(x, 0.4, 1, 2, 3),
        lambda x: tc.functions.gelu(x, True),
    ):
        found = []
        for device in ("cpu", "gpu"):
            tensor = tc.Tensor(x).to(device)
            tensor.requires_grad = True
            y = function(tensor)
            y.backward(cupy.asarray(dy) if device == "gpu" else dy)
            assert y.device == device
            found.append((y.numpy(), tc.kernels.move(tensor.grad, "cpu")))
        for cpu, gpu in zip(*found, strict=True):
            np.testing.assert_allclose(gpu, cpu, rtol=1e-10, atol=1e-14)


def test_normalized_and_joined_branches(cupy, rng):
    """Normalization, by given and by learnt numbers, and the gradient that Concatenate sends to either branch."""
    x, y = rng.random((4, 6, 5, 3)).astype(np.float32), rng.random((4, 6, 5, 9)).astype(np.float32)
    found = []
    for device in ("cpu", "gpu"):
        tc.set_seed(1)
        image = tc.Input((6, 5, 3))
        learnt = layers.Normalization()
        learnt.adapt(x)
        given = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])
        branches = [layers.Conv2D(3, 1)(layers.Conv2D(3, 1)(image)), learnt(image), given(image)]
        model = tc.Model(image, layers.Concatenate()(branches))
        model.compile(tc.optimizers.SGD(0.1), "mse")
        model.to(device)
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        found.append([losses, model.predict(x, verbose=0), *model.get_weights()])
    for cpu, gpu in zip(*found, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=1e-5, atol=1e-6)
