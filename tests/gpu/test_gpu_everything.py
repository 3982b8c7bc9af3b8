"""Every function, layer, loss, penalty and model that gradcheck checks, on the GPU (without one on the stand-in)."""

import inspect

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import functions as F
from tinyconv import kernels, layers
from tinyconv.gradcheck.checks import checks
from tinyconv.randomness import repeat_draws

pytestmark = pytest.mark.gpu

CHECKS = {f"{number} {check.kind} {check.name} {check.case}": check for number, check in enumerate(checks())}


def weights_of(f):
    """Return the weights of the layers and models that a function is, or speaks of."""
    spoken_of = [f]
    if inspect.isfunction(f):
        spoken_of += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        spoken_of += inspect.getclosurevars(f).nonlocals.values()
    found = {id(weight): weight for owner in spoken_of for weight in getattr(owner, "weights", [])}
    return list(found.values())


def results(check, device, rng):
    """Return the value, and the gradients of the inputs and weights, as NumPy's arrays."""
    leaves = [x if isinstance(x, tc.Tensor) else tc.Tensor(x, requires_grad=True) for x in check.inputs]
    weights = [*weights_of(check.f), *(leaf for leaf, x in zip(leaves, check.inputs, strict=True) if leaf is x)]
    for weight in weights:
        weight.data, weight.grad = kernels.move(weight.data, device), None
    with repeat_draws():
        y = check.f(*(leaf.to(device) for leaf in leaves))
        leaves += [weight for weight in weights_of(check.f) if weight.requires_grad]
        assert y.device == (device if check.name != "to_device" else "cpu")
        y.backward(kernels.move(rng.standard_normal(y.shape), y.device))
    return [
        y.numpy(),
        *(np.zeros(leaf.shape) if leaf.grad is None else kernels.move(leaf.grad, "cpu") for leaf in leaves),
    ]


@pytest.mark.parametrize("name", CHECKS)
def test_as_on_the_cpu(cupy, name):
    check = CHECKS[name]
    here, there = (results(check, device, np.random.default_rng(1)) for device in ("cpu", "gpu"))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-9 * np.abs(one).max(initial=0), strict=True)
    assert np.abs(here[0]).max() > 0


def test_nothing_is_left_out():
    covered = {(check.kind, check.name) for check in CHECKS.values()}
    assert {name for kind, name in covered if kind == "function"} == set(F.__all__)
    classes = {value for value in vars(layers).values() if inspect.isclass(value) and issubclass(value, layers.Layer)}
    assert {name for kind, name in covered if kind == "layer"} == {one.__name__ for one in classes} - {
        "Layer",
        "Wrapper",
    }
