from itertools import combinations, product
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_checks import RANDOM, assert_close, assert_gradient
from scipy.stats import zscore

from tinyconv.kernels import cpu, reference

SHAPES = {
    "textbook": (4, 5, 6, 3),
    "features": (16, 64),
    "odd sizes": (7, 5, 3, 13),
    "one pixel": (5, 1, 1, 4),
    "one channel": (3, 4, 4, 1),
    "one row": (1, 6),
    "one number": (1, 1, 1, 1),
    "batch of one": (1, 5, 7, 3),
    "empty batch": (0, 3, 3, 2),
    "vectors": (3, 5, 4, 32),
    "vectors and a rest": (11, 5, 20),
    "many rows": (1033, 6),
    "wide": (5, 1025),
}
all_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
some_rows = pytest.mark.parametrize("shape", [shape for shape in SHAPES.values() if shape[0]], ids=str)
EVERYTHING = True, True, True
EPSILON = 1e-3


def draw(rng, shape, dtype=np.float64):
    """Random (x, dy, γ, β): every channel has another mean and spread, and no γ is near 0."""
    c = shape[-1]
    x = rng.standard_normal(shape) * rng.uniform(0.5, 3, c) + rng.uniform(-3, 3, c)
    gamma = rng.uniform(0.5, 2, c) * rng.choice([-1, 1], c)
    return [array.astype(dtype) for array in (x, rng.standard_normal(shape), gamma, rng.standard_normal(c))]


def rectified(y, ceiling):
    """Return y between 0 and the ceiling, if there is one."""
    return y if ceiling is None else np.clip(y, 0, ceiling)


def exact(x):
    """Mean and variance of each channel in double."""
    rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
    return rows.mean(axis=0), rows.var(axis=0)


def clear_of_the_kink(x, gamma, beta):
    """Move what would come out of batch normalization near 0 away from it: there ReLU has no derivative."""
    for _ in range(20):
        mean, variance = exact(x)
        y = (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta
        near = np.abs(y) < 0.01
        if not near.any():
            break
        x = np.where(near, x + 0.05 * np.sqrt(variance + EPSILON), x)
    return x


@some_rows
@pytest.mark.parametrize("ceiling", [None, inf, 0.4])
def test_batch_norm_forward(kernels, dtype, shape, ceiling, rng):
    x, _, gamma, beta = draw(rng, shape, dtype)
    y, mean, inverse, variance = kernels.batch_norm(x, gamma, beta, EPSILON, ceiling)
    level, spread = exact(x)
    wanted = (x.astype(np.float64) - level) / np.sqrt(spread + EPSILON) * gamma + beta
    assert_close(y, rectified(wanted, ceiling), dtype)
    assert_close(mean, level, dtype)
    assert_close(inverse, 1 / np.sqrt(spread + EPSILON), dtype)
    if spread.any():
        assert_close(variance, spread, dtype)
    else:
        np.testing.assert_array_equal(variance, 0)


@pytest.mark.parametrize("shape", [(9, 4, 5, 3), (40, 32), (37, 5)], ids=str)
def test_batch_norm_is_scipys_zscore(kernels, dtype, shape, rng):
    x = rng.standard_normal(shape).astype(dtype)
    y, *_ = kernels.batch_norm(x, None, None, 0.0, None)
    wanted = zscore(x.reshape(-1, shape[-1]).astype(np.float64), axis=0)
    assert_close(y.reshape(wanted.shape), wanted, dtype)
    rows, _, _ = kernels.layer_norm(x, None, None, 0.0)
    assert_close(rows, zscore(x.astype(np.float64), axis=-1), dtype)


def test_statistics_of_numbers_far_from_zero(kernels, dtype, rng):
    """Where the mean is 10⁴ times the spread, squares of x itself would leave half the digits or none."""
    x = (1e4 + rng.standard_normal((2000, 9)) * np.arange(1, 10)).astype(dtype)
    x[0] = 1e4 + 300 * np.arange(1, 10)  # the first row, which sums may be taken from, is no good guess
    _, mean, _, variance = kernels.batch_norm(x, None, None, EPSILON, None)
    level, spread = exact(x)
    assert_close(mean, level, dtype)
    np.testing.assert_allclose(variance, spread, rtol=1e-5 if dtype == np.float32 else 1e-11)
    _, mean, inverse = kernels.layer_norm(x.T.copy(), None, None, EPSILON)
    assert_close(mean, level, dtype)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(spread + EPSILON), rtol=1e-5 if dtype == np.float32 else 1e-11)


def test_constant_channels_stay_finite(kernels, dtype):
    """A channel of one value has variance 0, never less; its output is β, and its gradient finite."""
    x = np.full((7, 5, 3), 0.1, dtype)
    beta = np.array([1, -2, 3], dtype)
    y, mean, inverse, variance = kernels.batch_norm(x, None, beta, EPSILON, None)
    np.testing.assert_allclose(mean, 0.1, rtol=1e-6)
    assert ((variance >= 0) & (variance < 1e-15)).all()
    np.testing.assert_allclose(y, np.broadcast_to(beta, x.shape), rtol=1e-5)
    np.testing.assert_allclose(inverse, EPSILON**-0.5, rtol=1e-5)


def test_one_row_lets_no_gradient_through(kernels, dtype, rng):
    """With one row y is β, whatever x is."""
    x, dy, gamma, beta = draw(rng, (1, 1, 1, 21), dtype)
    y, mean, inverse, _ = kernels.batch_norm(x, gamma, beta, EPSILON, None)
    np.testing.assert_array_equal(y.ravel(), beta)
    dx, dgamma, dbeta = kernels.batch_norm_backward(dy, x, gamma, beta, mean, inverse, None, EVERYTHING)
    np.testing.assert_array_equal(dx, 0)
    np.testing.assert_array_equal(dgamma, 0)
    np.testing.assert_array_equal(dbeta, dy.ravel())


@pytest.mark.parametrize("shape", [shape for shape in SHAPES.values() if np.prod(shape[:-1]) > 1], ids=str)
@pytest.mark.parametrize("ceiling", [None, inf, 0.4])
def test_batch_norm_gradients(kernels, shape, ceiling, rng):
    x, _, gamma, beta = draw(rng, shape)
    x = clear_of_the_kink(x, gamma, beta)
    _, mean, inverse, _ = kernels.batch_norm(x, gamma, beta, EPSILON, ceiling)

    def backward(which):
        return lambda dy: kernels.batch_norm_backward(dy, x, gamma, beta, mean, inverse, ceiling, EVERYTHING)[which]

    assert_gradient(lambda x: kernels.batch_norm(x, gamma, beta, EPSILON, ceiling)[0], backward(0), x, rng)
    assert_gradient(lambda gamma: kernels.batch_norm(x, gamma, beta, EPSILON, ceiling)[0], backward(1), gamma, rng)
    assert_gradient(lambda beta: kernels.batch_norm(x, gamma, beta, EPSILON, ceiling)[0], backward(2), beta, rng)


@pytest.mark.parametrize("left_out", ["gamma", "beta"])
def test_no_gamma_is_one_and_no_beta_zero(kernels, dtype, left_out, rng):
    x, dy, gamma, beta = draw(rng, (5, 3, 12), dtype)
    if left_out == "gamma":
        explicit, short = (np.ones_like(gamma), beta), (None, beta)
    else:
        explicit, short = (gamma, np.zeros_like(beta)), (gamma, None)
    y, mean, inverse, _ = kernels.batch_norm(x, *explicit, EPSILON, inf)
    np.testing.assert_array_equal(kernels.batch_norm(x, *short, EPSILON, inf)[0], y)
    rows = [kernels.layer_norm(x, *learnt, EPSILON) for learnt in (explicit, short)]
    np.testing.assert_array_equal(rows[0][0], rows[1][0])
    pairs = [
        [kernels.batch_norm_backward(dy, x, *learnt, mean, inverse, inf, EVERYTHING) for learnt in (explicit, short)],
        [kernels.layer_norm_backward(dy, x, learnt[0], *rows[0][1:]) for learnt in (explicit, short)],
    ]
    for one, other in pairs:
        for got, wanted in zip(one, other, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_only_what_is_needed(kernels, dtype, rng):
    x, dy, gamma, beta = draw(rng, (6, 10), dtype)
    _, mean, inverse, _ = kernels.batch_norm(x, gamma, beta, EPSILON, inf)
    for backward, arguments in (
        (kernels.batch_norm_backward, (dy, x, gamma, beta, mean, inverse, inf)),
        (kernels.scale_shift_backward, (dy, x, mean, gamma, beta, inf)),
        (kernels.scale_shift_backward, (dy, x, mean, gamma, beta, None)),
    ):
        whole = backward(*arguments, EVERYTHING)
        for needs in product([False, True], repeat=3):
            for part, wanted, needed in zip(backward(*arguments, needs), whole, needs, strict=True):
                assert (part is not None) == needed
                if needed:
                    np.testing.assert_array_equal(part, wanted)


@some_rows
@pytest.mark.parametrize("ceiling", [None, inf, 0.4])
def test_scale_shift_forward(kernels, dtype, shape, ceiling, rng):
    x, _, scale, shift = draw(rng, shape, dtype)
    mean, shift = rng.standard_normal(shape[-1]).astype(dtype), shift + dtype(5)  # so that not all is cut off
    wanted = (x.astype(np.float64) - mean) * scale + shift
    assert_close(kernels.scale_shift(x, mean, scale, shift, ceiling), rectified(wanted, ceiling), dtype)


@pytest.mark.parametrize("missing", [*combinations(("gamma", "beta", "bias"), 2), ("gamma",), ()], ids=str)
def test_a_normalization_folds_into_a_scale_and_a_shift(kernels, dtype, missing, rng):
    x = rng.standard_normal((50, 37)).astype(dtype)
    mean, *others = rng.standard_normal((4, 37)).astype(dtype)
    variance = rng.uniform(0.5, 2, 37).astype(dtype)
    gamma, beta, bias = (
        None if name in missing else each for name, each in zip(("gamma", "beta", "bias"), others, strict=True)
    )
    table = kernels.fold_normalization(mean, variance, gamma, beta, bias, EPSILON)
    assert table.dtype == dtype
    moved = x.astype(np.float64) + (0 if bias is None else bias)
    right = (moved - mean) / np.sqrt(variance.astype(np.float64) + EPSILON)
    right = right * (1 if gamma is None else gamma) + (0 if beta is None else beta)
    assert_close(x * table[0] + table[1], right, dtype)


@some_rows
@pytest.mark.parametrize("ceiling", [None, inf, 9.0])
def test_scale_shift_gradients(kernels, shape, ceiling, rng):
    x, _, scale, shift = draw(rng, shape)
    mean, shift = rng.standard_normal(shape[-1]), shift + 5
    for kink in (0, 9):
        x = np.where(np.abs((x - mean) * scale + shift - kink) < 0.01, x + 0.05, x)

    def backward(which):
        return lambda dy: kernels.scale_shift_backward(dy, x, mean, scale, shift, ceiling, EVERYTHING)[which]

    assert_gradient(lambda x: kernels.scale_shift(x, mean, scale, shift, ceiling), backward(0), x, rng)
    assert_gradient(lambda scale: kernels.scale_shift(x, mean, scale, shift, ceiling), backward(1), scale, rng)
    assert_gradient(lambda shift: kernels.scale_shift(x, mean, scale, shift, ceiling), backward(2), shift, rng)


def test_gradient_passes_exactly_where_the_output_is_above_zero(kernels, dtype, rng):
    """Backward works out again what forward did, and must come to the same bits, near the kink too."""
    for c in (3, 32, 37):
        x = (rng.integers(-3, 4, (40, 5, c)) * 1.1 + rng.standard_normal((40, 5, c)) * 1e-7).astype(dtype)
        gamma, beta = rng.uniform(0.5, 2, c).astype(dtype), rng.standard_normal(c).astype(dtype)
        y, mean, inverse, _ = kernels.batch_norm(x, gamma, beta, EPSILON, inf)
        scale = gamma * inverse
        shift = ((mean - x[0, 0]) * scale).astype(dtype)  # the first row comes out within rounding of 0
        y = kernels.scale_shift(x, mean, scale, shift, inf)
        dx, _, dshift = kernels.scale_shift_backward(np.ones_like(x), x, mean, scale, shift, inf, EVERYTHING)
        np.testing.assert_array_equal(dx != 0, y > 0)
        np.testing.assert_array_equal(dshift, (y > 0).sum(axis=(0, 1)))


@pytest.mark.parametrize("ceiling", [inf, 1.5])
@pytest.mark.parametrize("c", [3, 32, 37])
def test_rectifier_in_the_same_pass_does_what_it_does_after(kernels, dtype, c, ceiling, rng):
    """At its kinks, too, and for what is no number: to the bit."""
    x, dy, scale, shift = draw(rng, (40, 5, c), dtype)
    mean, scale[:2], shift[:2] = np.zeros(c, dtype), [2, -0.5], 0
    x[:8, 1, 0] = x[8:16, 2, 1] = x[16:24, 3, -1] = [0, 0.75, -3, np.nan, np.inf, -np.inf, -0.0, 1e-30]
    with np.errstate(invalid="ignore"):  # the reference is NumPy, which warns of ∞ − ∞
        y = kernels.scale_shift(x, mean, scale, shift, None)
        wanted = kernels.rectifier(y, 0.0, ceiling, 0.0)
        np.testing.assert_array_equal(kernels.scale_shift(x, mean, scale, shift, ceiling), wanted, strict=True)
        passed = kernels.rectifier_backward(dy, y, 0.0, ceiling, 0.0)
        separate = kernels.scale_shift_backward(passed, x, mean, scale, shift, None, EVERYTHING)
        joined = kernels.scale_shift_backward(dy, x, mean, scale, shift, ceiling, EVERYTHING)
    for one, other in zip(joined, separate, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_shift_s_gradient_counts_what_is_no_number(kernels, dtype, rng):
    """Without a rectifier, Σ dy has every dy, whatever y is."""
    x, dy, gamma, beta = draw(rng, (6, 7, 19), dtype)
    x[3, 2, 1] = x[0, 0, -1] = np.nan
    _, mean, inverse, _ = kernels.batch_norm(x, gamma, beta, EPSILON, None)
    dbeta = kernels.batch_norm_backward(dy, x, gamma, beta, mean, inverse, None, EVERYTHING)[2]
    assert_close(dbeta, dy.sum(axis=(0, 1), dtype=np.float64), dtype)


@some_rows
def test_layer_norm_forward(kernels, dtype, shape, rng):
    x, _, gamma, beta = draw(rng, shape, dtype)
    y, mean, inverse = kernels.layer_norm(x, gamma, beta, EPSILON)
    x = x.astype(np.float64)
    level, spread = x.mean(axis=-1), x.var(axis=-1)
    assert_close(y, (x - level[..., None]) / np.sqrt(spread + EPSILON)[..., None] * gamma + beta, dtype)
    assert_close(mean, level, dtype)
    assert_close(inverse, 1 / np.sqrt(spread + EPSILON), dtype)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES.values() if shape[0] and shape[-1] > 1], ids=str)
def test_layer_norm_gradients(kernels, shape, rng):
    x, _, gamma, beta = draw(rng, shape)
    _, mean, inverse = kernels.layer_norm(x, gamma, beta, EPSILON)

    def backward(which):
        return lambda dy: kernels.layer_norm_backward(dy, x, gamma, mean, inverse)[which]

    assert_gradient(lambda x: kernels.layer_norm(x, gamma, beta, EPSILON)[0], backward(0), x, rng)
    assert_gradient(lambda gamma: kernels.layer_norm(x, gamma, beta, EPSILON)[0], backward(1), gamma, rng)
    assert_gradient(lambda beta: kernels.layer_norm(x, gamma, beta, EPSILON)[0], backward(2), beta, rng)


def test_an_empty_batch(kernels, dtype):
    x, gamma = np.empty((0, 3, 3, 20), dtype), np.ones(20, dtype)
    y, mean, inverse, variance = kernels.batch_norm(x, gamma, gamma, EPSILON, inf)
    assert y.shape == x.shape
    np.testing.assert_array_equal(mean, 0)
    np.testing.assert_array_equal(variance, 0)
    for dx, *sums in (
        kernels.batch_norm_backward(x, x, gamma, gamma, mean, inverse, inf, EVERYTHING),
        kernels.scale_shift_backward(x, x, mean, gamma, gamma, None, EVERYTHING),
        kernels.layer_norm_backward(x, x, gamma, *kernels.layer_norm(x, gamma, gamma, EPSILON)[1:]),
    ):
        assert dx.shape == x.shape
        for total in sums:
            np.testing.assert_array_equal(total, np.zeros(20, dtype), strict=True)


@pytest.mark.parametrize("c", [5, 48])
def test_nan_spreads_over_its_channel_and_no_further(kernels, dtype, c, rng):
    x, dy, gamma, beta = draw(rng, (6, 7, c), dtype)
    x[3, 2, 1] = np.nan
    y, mean, inverse, variance = kernels.batch_norm(x, gamma, beta, EPSILON, inf)
    for array in (mean, inverse, variance, y):
        np.testing.assert_array_equal(np.isnan(array).reshape(-1, c).all(axis=0), np.arange(c) == 1)
        np.testing.assert_array_equal(np.isnan(array).reshape(-1, c).any(axis=0), np.arange(c) == 1)
    for gradient in kernels.batch_norm_backward(dy, x, gamma, beta, mean, inverse, None, EVERYTHING)[:2]:
        np.testing.assert_array_equal(np.isnan(gradient).reshape(-1, c).all(axis=0), np.arange(c) == 1)
    y, *_ = kernels.layer_norm(x, gamma, beta, EPSILON)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x).any(axis=-1, keepdims=True) & np.ones(c, bool))


@pytest.mark.parametrize("trouble", [np.inf, -np.inf, 1e38])
def test_what_overflows_does_so_in_silence(dtype, trouble, rng):
    """And a channel of one value with an ε of 0; the other channels stay what they are."""
    x, dy, gamma, beta = draw(rng, (9, 4, 20), dtype)
    x[2, 1, 3], x[..., 4] = trouble, 7
    y, mean, inverse, variance = cpu.batch_norm(x, gamma, beta, 0.0, inf)
    dx, dgamma, _ = cpu.batch_norm_backward(dy, x, gamma, beta, mean, inverse, inf, EVERYTHING)
    cpu.scale_shift_backward(dy, x, mean, gamma, beta, inf, EVERYTHING)
    cpu.layer_norm_backward(dy, x, gamma, *cpu.layer_norm(x, gamma, beta, 0.0)[1:])
    others = np.arange(20) // 2 != 1
    others[4] = False
    for array in (y, dx, dgamma, variance):
        assert np.isfinite(array[..., others]).all()
    assert not np.isfinite(inverse[4])


def assert_agrees(twin, shape, dtype, rng):
    x, dy, gamma, beta = draw(rng, shape, dtype)
    for ceiling in (None, inf, 0.4):
        _, mean, inverse, _ = reference.batch_norm(x, gamma, beta, EPSILON, ceiling)
        assert_twins(twin, "batch_norm", x, gamma, beta, EPSILON, ceiling)
        assert_twins(twin, "batch_norm_backward", dy, x, gamma, beta, mean, inverse, ceiling, EVERYTHING)
        assert_twins(twin, "scale_shift", x, mean, gamma, beta, ceiling)
        assert_twins(twin, "fold_normalization", mean, np.abs(gamma), gamma, None, beta, EPSILON)
        assert_twins(twin, "scale_shift_backward", dy, x, mean, gamma, beta, ceiling, EVERYTHING)
    _, mean, inverse = reference.layer_norm(x, gamma, beta, EPSILON)
    assert_twins(twin, "layer_norm", x, gamma, beta, EPSILON)
    assert_twins(twin, "layer_norm_backward", dy, x, gamma, mean, inverse)


def assert_twins(twin, name, *arguments):
    both = [getattr(kernels, name)(*arguments) for kernels in (twin, reference)]
    for got, wanted in zip(*both, strict=True) if isinstance(both[0], tuple) else [both]:
        close_or_zero(got, wanted)


def close_or_zero(got, wanted):
    """As `assert_close`; but what must be 0, since a batch of one row or a row of one number has no spread, is 0."""
    if wanted.size and not np.abs(wanted).max() > 1e-12:
        np.testing.assert_allclose(got, wanted, atol=1e-12, strict=True)
    else:
        assert_close(got, wanted)


@all_shapes
def test_agrees_with_reference(twin, dtype, shape, rng):
    assert_agrees(twin, shape, dtype, rng)


@RANDOM
@given(rows=st.integers(8, 70), c=st.integers(8, 70), narrow=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_random_agrees_with_reference(twin, dtype, rows, c, narrow, seed):
    """Of a few numbers alone, normalized, hardly any gradient is left: too few digits of it to compare."""
    rng = np.random.default_rng(seed)
    assert_agrees(twin, (rows, c), dtype, rng)
    x, _, gamma, beta = draw(rng, (rows, narrow), dtype)
    assert_twins(twin, "batch_norm", x, gamma, beta, EPSILON, inf)
