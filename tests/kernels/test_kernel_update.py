from importlib import import_module
from math import fsum, prod, sqrt

import numpy as np
import pytest
from kernel_checks import LARGE, assert_close

from tinyconv.kernels import reference

STEPS = 4

# Keras 3's rules for one number, in Python's floats: from the weight, the gradient, the slots and the number of the
# step, the new weight and slots.


def sgd(w, g, t):
    return (w - 0.05 * g,)


def momentum(w, g, t, m):
    m = 0.9 * m - 0.05 * g
    return w + m, m


def nesterov(w, g, t, m):
    m = 0.9 * m - 0.05 * g
    return w + 0.9 * m - 0.05 * g, m


def rmsprop(epsilon_inside, momentum=0.0, centered=False):
    def rule(w, g, t, v, *slots):
        v = 0.8 * v + 0.2 * g**2
        mean = 0.8 * slots[-1] + 0.2 * g if centered else 0.0
        variance = v - mean**2
        step = 0.05 * g / (sqrt(variance + 1e-3) if epsilon_inside else sqrt(variance) + 1e-3)
        moved = momentum * slots[0] + step if momentum else step
        return w - moved, v, *([moved] if momentum else []), *([mean] if centered else [])

    return rule


def adam(w, g, t, m, v):
    alpha = 0.05 * sqrt(1 - 0.7**t) / (1 - 0.9**t)
    m = m + (g - m) * (1 - 0.9)
    v = v + (g**2 - v) * (1 - 0.7)  # quick to fall, as only then AMSGrad differs
    return w - m * alpha / (sqrt(v) + 1e-3), m, v


def amsgrad(w, g, t, m, v, v_hat):
    _, m, v = adam(w, g, t, m, v)
    v_hat = max(v_hat, v)
    return w - m * 0.05 * sqrt(1 - 0.7**t) / (1 - 0.9**t) / (sqrt(v_hat) + 1e-3), m, v, v_hat


def scheduled(t):
    """Nadam's μ at step t, and the product of all until then."""
    momenta = [0.9 * (1 - 0.5 * 0.96**i) for i in range(1, t + 1)]
    return momenta[-1], prod(momenta)


def nadam(w, g, t, m, v):
    m = m + (g - m) * (1 - 0.9)
    v = v + (g**2 - v) * (1 - 0.7)
    (mu, product), (mu_next, product_next) = scheduled(t), scheduled(t + 1)
    m_hat = mu_next * m / (1 - product_next) + (1 - mu) * g / (1 - product)
    return w - m_hat * 0.05 / (sqrt(v / (1 - 0.7**t)) + 1e-3), m, v


def adagrad(w, g, t, a):
    a = a + g**2
    return w - 0.05 * g / sqrt(a + 1e-3), a


def adagrad_outside(w, g, t, a):
    a = a + g**2
    return w - 0.05 * g / (sqrt(a) + 1e-3), a


def adadelta(w, g, t, a, d):
    a = 0.8 * a + 0.2 * g**2
    step = sqrt(d + 1e-3) * g / sqrt(a + 1e-3)
    return w - 0.5 * step, a, 0.8 * d + 0.2 * step**2


def decay(w, g, t):
    return (w - w * 0.05,)


def run_rmsprop(epsilon_inside, momentum=0.0, centered=False):
    def run(kernels, w, g, t, v, *slots):
        m = slots[0] if momentum else None
        a = slots[-1] if centered else None
        kernels.rmsprop_inplace(w, g, v, m, a, 0.05, 0.8, momentum, 1e-3, epsilon_inside)

    return run


def run_adam(kernels, w, g, t, m, v, v_hat=None):
    kernels.adam_inplace(w, g, m, v, v_hat, 0.05 * sqrt(1 - 0.7**t) / (1 - 0.9**t), 0.9, 0.7, 1e-3)


def run_nadam(kernels, w, g, t, m, v):
    (mu, product), (mu_next, product_next) = scheduled(t), scheduled(t + 1)
    alphas = 0.05 * mu_next / (1 - product_next), 0.05 * (1 - mu) / (1 - product)
    kernels.nadam_inplace(w, g, m, v, *alphas, 0.9, 0.7, 1 - 0.7**t, 1e-3)


# name: rule for one number, call of the kernel, start of each slot
RULES = {
    "sgd": (sgd, lambda kernels, w, g, t: kernels.sgd_inplace(w, g, 0.05), ()),
    "momentum": (momentum, lambda kernels, w, g, t, m: kernels.momentum_inplace(w, g, m, 0.05, 0.9, False), (0.0,)),
    "nesterov": (nesterov, lambda kernels, w, g, t, m: kernels.momentum_inplace(w, g, m, 0.05, 0.9, True), (0.0,)),
    "adam": (adam, run_adam, (0.0, 0.0)),
    "amsgrad": (amsgrad, run_adam, (0.0, 0.0, 0.0)),
    "nadam": (nadam, run_nadam, (0.0, 0.0)),
    "adagrad": (adagrad, lambda kernels, w, g, t, a: kernels.adagrad_inplace(w, g, a, 0.05, 1e-3, True), (0.1,)),
    "adagrad epsilon outside": (
        adagrad_outside,
        lambda kernels, w, g, t, a: kernels.adagrad_inplace(w, g, a, 0.05, 1e-3, False),
        (0.1,),
    ),
    "adadelta": (
        adadelta,
        lambda kernels, w, g, t, a, d: kernels.adadelta_inplace(w, g, a, d, 0.5, 0.8, 1e-3),
        (0.0, 0.0),
    ),
    "decay": (decay, lambda kernels, w, g, t: kernels.decay_inplace(w, 0.05), ()),
}
for inside in (True, False):
    for options in ({}, {"momentum": 0.7}, {"centered": True}, {"momentum": 0.7, "centered": True}):
        name = " ".join(["rmsprop", *options, f"epsilon {'inside' if inside else 'outside'}"])
        RULES[name] = rmsprop(inside, **options), run_rmsprop(inside, **options), (0.0,) * (1 + len(options))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 3, 2, 5), (37, 41), (LARGE,), (0, 3)], ids=str)
def test_update(kernels, dtype, name, shape, rng):
    """Some steps, in place, on the weight and the slots and on nothing else."""
    rule, run, starts = RULES[name]
    w = rng.standard_normal(shape).astype(dtype).reshape(shape)
    gradients = [rng.standard_normal(shape).astype(dtype).reshape(shape) for _ in range(STEPS)]
    arrays = [w, *(np.full(shape, start, dtype) for start in starts)]

    chosen = np.unique(np.linspace(0, max(w.size - 1, 0), 101).astype(int))[: w.size]
    wanted = []
    for i in chosen:
        numbers = [float(array.flat[i]) for array in arrays]
        for t, g in enumerate(gradients, 1):
            numbers = rule(numbers[0], float(g.flat[i]), t, *numbers[1:])
        wanted.append(numbers)

    for t, g in enumerate(gradients, 1):
        before = g.copy()
        assert run(kernels, arrays[0], g, t, *arrays[1:]) is None
        np.testing.assert_array_equal(g, before)
    for array, numbers in zip(arrays, np.array(wanted).reshape(-1, len(arrays)).T, strict=True):
        assert array.shape == shape
        assert_close(array.reshape(-1)[chosen], numbers, dtype)


@pytest.mark.parametrize("name", RULES)
def test_agrees_with_reference(twin, dtype, name, rng):
    _, run, starts = RULES[name]
    w, *gradients = rng.standard_normal((1 + STEPS, LARGE)).astype(dtype)
    results = []
    for kernels in (twin, reference):
        arrays = [w.copy(), *(np.full(LARGE, start, dtype) for start in starts)]
        for t, g in enumerate(gradients, 1):
            run(kernels, arrays[0], g, t, *arrays[1:])
        results.append(arrays)
    for got, wanted in zip(*results, strict=True):
        assert_close(got, wanted)


@pytest.mark.parametrize("name", RULES)
def test_nan_propagates(kernels, dtype, name, rng):
    _, run, starts = RULES[name]
    w, g = rng.standard_normal((2, 5)).astype(dtype)
    (w if name == "decay" else g)[3] = np.nan
    arrays = [w, *(np.full(5, start, dtype) for start in starts)]
    run(kernels, arrays[0], g, 1, *arrays[1:])
    for array in arrays:
        np.testing.assert_array_equal(np.isnan(array), np.arange(5) == 3)


@pytest.mark.parametrize("epsilon_inside", [True, False], ids=["inside", "outside"])
def test_variance_never_falls_below_zero(kernels, dtype, epsilon_inside):
    """Of a gradient that does not change, v − a² is a difference of equal numbers, and rounding takes either side."""
    w, v, a = np.zeros((3, 50), dtype)
    g = np.linspace(1, 1000, 50).astype(dtype)
    for _ in range(400):
        kernels.rmsprop_inplace(w, g, v, None, a, 1e-3, 0.9, 0.0, 1e-7, epsilon_inside)
    assert np.isfinite(w).all()
    assert (w < 0).all()


def test_the_largest_square_is_kept(kernels, dtype):
    """AMSGrad's denominator never falls: after one large gradient the steps stay small."""
    w, m, v, v_hat = np.zeros((4, 3), dtype)
    for g in (100, 1e-3, 1e-3, 1e-3):
        kernels.adam_inplace(w, np.full(3, g, dtype), m, v, v_hat, 0.1, 0.5, 0.5, 1e-7)
    np.testing.assert_allclose(v_hat, 5000, rtol=1e-6)
    assert (v < 1000).all()


@pytest.mark.parametrize("shape", [(), (1,), (3, 3, 2, 5), (LARGE,), (0, 3)], ids=str)
def test_clip(kernels, dtype, shape, rng):
    x = rng.standard_normal(shape).astype(dtype).reshape(shape)
    y = kernels.clip(x, 0.5)
    assert y.dtype == dtype
    assert y.shape == shape
    wanted = [min(max(number, -0.5), 0.5) for number in x.reshape(-1).tolist()]
    np.testing.assert_array_equal(y.reshape(-1), np.array(wanted, dtype))


def test_clip_of_what_is_no_number(kernels, dtype):
    y = kernels.clip(np.array([np.nan, np.inf, -np.inf, 3], dtype), 2.0)
    np.testing.assert_array_equal(y, np.array([np.nan, 2, -2, 2], dtype))


@pytest.mark.parametrize("size", [0, 1, 1000, LARGE])
def test_weighted_sum(kernels, dtype, size, rng):
    x, y, total = rng.standard_normal((3, size)).astype(dtype)
    before = y.copy()
    kernels.weighted_sum_inplace(total, x, 0.3, y, -2)
    np.testing.assert_allclose(total, 0.3 * x - 2 * y, rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(y, before)
    kernels.weighted_sum_inplace(y, y, 1.0)
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize("shape", [(), (1,), (3, 3, 2, 5), (LARGE,), (0, 3)], ids=str)
def test_add_scaled(kernels, dtype, shape, rng):
    """The multiple is rounded before it is added, as if an array had held it."""
    a, b = (rng.standard_normal(shape).astype(dtype).reshape(shape) for _ in range(2))
    factor = np.array(0.3, dtype)
    total = kernels.add_scaled(a, b, factor)
    assert total.dtype == dtype
    assert total.shape == shape
    assert not np.shares_memory(total, a)
    np.testing.assert_array_equal(total, a + b * factor)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, LARGE])
def test_sum_squares(kernels, dtype, size, rng):
    x = rng.standard_normal(size).astype(dtype)
    total = kernels.sum_squares(x)
    assert total.dtype == dtype
    assert total.shape == ()
    np.testing.assert_allclose(total, fsum(number**2 for number in x.tolist()), rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("backend", ["reference", "cpu"])  # of the GPU's, NumPy's arrays would tell that ∞ came up
def test_sum_squares_beyond_the_dtype(backend):
    module = import_module("tinyconv.kernels." + backend)
    assert module.sum_squares(np.full(3, 1e30, np.float32)) == np.inf
