"""Optimizers on the GPU's kernels, against the same on the CPU's (without a GPU on the stand-in, see standin)."""

import numpy as np
import pytest

from tinyconv import optimizers, schedules
from tinyconv.kernels import move
from tinyconv.layers import Parameter

pytestmark = pytest.mark.gpu

STEPS = 20
SHAPES = (3, 3, 2, 4), (4,), (30, 7), ()

OPTIMIZERS = {
    "SGD, clipvalue": lambda: optimizers.SGD(0.02, momentum=0.9, clipvalue=0.3),
    "SGD, schedule": lambda: optimizers.SGD(schedules.CosineDecay(0.05, 15), weight_decay=0.1, clipnorm=1.0),
    "Adam": lambda: optimizers.Adam(weight_decay=0.1, global_clipnorm=2.0),
    "AMSGrad": lambda: optimizers.Adam(beta_2=0.5, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(0.01),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Ftrl": lambda: optimizers.Ftrl(0.05, l1_regularization_strength=0.1),
    "Lamb": lambda: optimizers.Lamb(0.01),
    "Lion": lambda: optimizers.Lion(0.01, weight_decay=0.1),
    "Nadam": lambda: optimizers.Nadam(0.01, clipnorm=1.0),
    "Adagrad": lambda: optimizers.Adagrad(0.05, weight_decay=0.1),
    "Adadelta": lambda: optimizers.Adadelta(1.0, global_clipnorm=1.0),
}


def walk(make, device, dtype):
    """Some steps from fixed weights under fixed gradients; returns the weights and the state."""
    rng = np.random.default_rng(11)
    weights = [Parameter(rng.standard_normal(shape).astype(dtype).reshape(shape), "w") for shape in SHAPES]
    for weight in weights:
        weight.data = move(weight.data, device)
    optimizer = make()
    for _ in range(STEPS):
        gradients = [move(rng.standard_normal(shape).astype(dtype).reshape(shape), device) for shape in SHAPES]
        optimizer.apply(gradients, weights)
    optimizer.to("cpu")
    return [move(weight.data, "cpu") for weight in weights], optimizer.variables()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_steps_as_on_the_cpu(cupy, make, dtype):
    (weights, state), (weights_gpu, state_gpu) = (walk(make, device, dtype) for device in ("cpu", "gpu"))
    rtol = 1e-5 if dtype == "float32" else 1e-12
    for cpu, gpu in zip(weights, weights_gpu, strict=True):
        assert gpu.dtype == dtype
        np.testing.assert_allclose(gpu, cpu, rtol=rtol, atol=rtol)
    for (name, cpu), (name_gpu, gpu) in zip(state, state_gpu, strict=True):
        assert name == name_gpu
        np.testing.assert_allclose(gpu, cpu, rtol=10 * rtol, atol=rtol)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_step_waits_for_nothing(cupy, monkeypatch, make):
    """Norms are compared with their limits where they are: to fetch one would make the CPU wait for the GPU."""
    if cupy.__version__ != "0.0 (stand-in)":
        pytest.skip("seen on the stand-in, whose arrays can be watched")
    asked = []
    weights = [Parameter(np.ones(shape), "w") for shape in SHAPES]
    for weight in weights:
        weight.data = move(weight.data, "gpu")
    gradients = [move(np.full(shape, 0.5), "gpu") for shape in SHAPES]
    for name in ("get", "item", "tolist", "__float__", "__int__", "__bool__", "__index__"):
        monkeypatch.setattr(cupy.ndarray, name, lambda *_, name=name: asked.append(name))
    make().apply(gradients, weights)
    assert asked == []
