from fractions import Fraction

import numpy as np
import pytest
from kernel_checks import LARGE, assert_close, assert_gradient
from scipy import special, stats

from tinyconv.kernels import reference
from tinyconv.kernels.reference.dropout import philox

# Philox 4×32-10: counter, key and result, as published with Random123 (file kat_vectors).
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

# seed, stream, step
STREAMS = [(0, 0, 0), (1, 0, 0), (2024, 3, 17), (2**63 + 12345, 7, 2**31), (2**64 - 1, 2**32 - 1, 2**32 - 1)]


def judge(counter, key):
    """Philox 4×32-10 on Python's integers."""
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = (
            second // 2**32 ^ counter[1] ^ key[0],
            second % 2**32,
            first // 2**32 ^ counter[3] ^ key[1],
            first % 2**32,
        )
        key = (key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32
    return counter


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS, ids=["zeros", "ones", "digits of pi"])
def test_known_answers(counter, key, words):
    assert judge(counter, key) == words
    assert tuple(philox(np.array([counter], np.uint64), key)[0]) == words


def test_first_known_answer_is_the_first_block(kernels):
    np.testing.assert_array_equal(
        kernels.random_bits(4, 0, 0, 0), np.array(KNOWN_ANSWERS[0][2], np.uint32), strict=True
    )


@pytest.mark.parametrize(("seed", "stream", "step"), STREAMS, ids=str)
def test_random_bits(kernels, seed, stream, step):
    blocks = [judge((j, 0, step, stream), (seed % 2**32, seed // 2**32)) for j in range(1300)]
    words = np.array(blocks, np.uint32).reshape(-1)
    for count in (0, 1, 3, 4, 5, 1025, 5199):
        np.testing.assert_array_equal(kernels.random_bits(count, seed, stream, step), words[:count], strict=True)


@pytest.mark.parametrize(("seed", "stream", "step"), STREAMS, ids=str)
def test_random_bits_agree_with_reference(twin, seed, stream, step):
    np.testing.assert_array_equal(
        twin.random_bits(LARGE, seed, stream, step), reference.random_bits(LARGE, seed, stream, step), strict=True
    )


@pytest.mark.parametrize("first", [1, 2, 3, 4, 5, 4095, 4096, 5198], ids=str)
def test_a_part_draws_what_the_whole_draws_there(kernels, dtype, first, rng):
    """Wherever a block, a pair of words or a chunk begins."""
    x, draw = rng.standard_normal(10_000).astype(dtype), (7, 2, 5)
    np.testing.assert_array_equal(
        kernels.random_bits(4500, *draw, first), kernels.random_bits(9700, *draw)[first:][:4500]
    )
    for end in (first + 1, first + 2, 10_000):
        part = slice(first, end)
        for got, whole in zip(kernels.dropout(x[part], 0.4, *draw, first), kernels.dropout(x, 0.4, *draw), strict=True):
            np.testing.assert_array_equal(got, whole[part], strict=True)
        noise = kernels.gaussian_noise(x[part], 0.4, *draw, first)
        np.testing.assert_array_equal(noise, kernels.gaussian_noise(x, 0.4, *draw)[part], strict=True)


@pytest.mark.parametrize("count", [2**34 + 3], ids=["beyond 32 bits"])
def test_a_part_far_into_a_batch_draws_its_own(kernels, count):
    """The block's number has more than 32 bits there, and goes into two words of the counter."""
    block, skipped = divmod(count, 4)
    words = [judge((j % 2**32, j // 2**32, 5, 2), (7, 0)) for j in (block, block + 1)]
    wanted = np.array(words, np.uint32).reshape(-1)[skipped : skipped + 4]
    np.testing.assert_array_equal(kernels.random_bits(4, 7, 2, 5, count), wanted, strict=True)


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.3, 0.5, 0.9, "the first number", "just above it"])
@pytest.mark.parametrize("shape", [(3, 5), (37, 3, 5, 7), (1, 1), (0, 4), ()], ids=str)
def test_keep_rule_and_scale(kernels, dtype, rate, shape, rng):
    """An element is kept when ⌊bits / 2⁸⌋ / 2²⁴ ≥ rate, exactly: `Fraction` rounds nothing."""
    x = rng.standard_normal(shape).astype(dtype)
    bits = [int(word) for word in kernels.random_bits(max(x.size, 1), 11, 2, 5)]
    if isinstance(rate, str):
        first = (bits[0] >> 8) / 2**24
        rate = first if rate == "the first number" else float(np.nextafter(first, 1))
    y, keep = kernels.dropout(x, rate, 11, 2, 5)
    wanted = [Fraction(word >> 8, 2**24) >= Fraction(rate) for word in bits[: x.size]]
    np.testing.assert_array_equal(keep, np.reshape(np.array(wanted, np.uint8), shape), strict=True)

    scale = dtype(1 / (1 - rate))
    np.testing.assert_array_equal(y, np.where(keep == 1, x * scale, dtype(0)), strict=True)
    dy = rng.standard_normal(shape).astype(dtype)
    dx = kernels.dropout_backward(dy, keep, rate)
    np.testing.assert_array_equal(dx, np.where(keep == 1, dy * scale, dtype(0)), strict=True)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_rate_and_mean(kernels, rate):
    """The share of what is kept, and the mean of what comes out, each within five standard deviations."""
    count = 200_000
    y, keep = kernels.dropout(np.ones(count), rate, 99, 0, 0)
    deviation = np.sqrt(rate * (1 - rate) / count)
    assert abs(keep.mean() - (1 - rate)) < 5 * deviation
    assert abs(y.mean() - 1) < 5 * deviation / (1 - rate)
    neighbours = np.mean(keep[1:] * keep[:-1])  # independent of each other: both kept with probability (1 − rate)²
    assert abs(neighbours - (1 - rate) ** 2) < 10 * deviation


def test_masks_repeat_and_differ(kernels):
    """The same seed, stream and step give the same mask; another of any of them, another mask."""
    x = np.ones(1000)
    masks = [kernels.dropout(x, 0.5, *key)[1] for key in [(5, 0, 0), (5, 0, 0), (6, 0, 0), (5, 1, 0), (5, 0, 1)]]
    np.testing.assert_array_equal(masks[0], masks[1])
    for mask in masks[2:]:
        assert 400 < np.sum(mask != masks[0]) < 600


def test_gradient(kernels, rng):
    x = rng.standard_normal((6, 5, 4))
    _, keep = kernels.dropout(x, 0.4, 3, 1, 2)
    assert_gradient(
        lambda x: kernels.dropout(x, 0.4, 3, 1, 2)[0], lambda dy: kernels.dropout_backward(dy, keep, 0.4), x, rng
    )


@pytest.mark.parametrize("shape", [(3, 5), (37, 4, 5, 3), (LARGE,)], ids=str)
def test_agrees_with_reference(twin, dtype, shape, rng):
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    for got, wanted in zip(twin.dropout(x, 0.3, 8, 4, 1), reference.dropout(x, 0.3, 8, 4, 1), strict=True):
        np.testing.assert_array_equal(got, wanted, strict=True)
    _, keep = reference.dropout(x, 0.3, 8, 4, 1)
    np.testing.assert_array_equal(
        twin.dropout_backward(dy, keep, 0.3), reference.dropout_backward(dy, keep, 0.3), strict=True
    )


def test_nan_is_kept_or_dropped_like_any_number(kernels, dtype):
    x = np.full(1000, np.nan, dtype)
    y, keep = kernels.dropout(x, 0.5, 0, 0, 0)
    np.testing.assert_array_equal(np.isnan(y), keep == 1)
    assert not y[keep == 0].any()
    np.testing.assert_array_equal(np.isnan(kernels.dropout_backward(x, keep, 0.5)), keep == 1)


def normal_numbers(count, words):
    """Box and Muller's numbers from the words of the generator, by SciPy's functions of degrees."""
    numbers = []
    for first, second in zip(words[::2], words[1::2], strict=True):
        radius = np.sqrt(2 * special.xlog1py(-1.0, (int(first) + 0.5) / 2**32 - 1))
        degrees = 360 * (int(second) + 0.5) / 2**32
        numbers += [radius * special.cosdg(degrees), radius * special.sindg(degrees)]
    return np.array(numbers[:count])


@pytest.mark.parametrize("shape", [(3, 5), (37, 3, 5, 7), (1, 1), (0, 4), (), (2, 3)], ids=str)
def test_gaussian_noise(kernels, dtype, shape, rng):
    x = rng.standard_normal(shape).astype(dtype).reshape(shape)
    z = normal_numbers(x.size, kernels.random_bits(x.size + x.size % 2, 11, 2, 5)).reshape(shape)
    y = kernels.gaussian_noise(x, 0.3, 11, 2, 5)
    assert y.dtype == dtype
    assert y.shape == shape
    np.testing.assert_allclose(y, x + 0.3 * z, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("seed", "stream", "step"), STREAMS, ids=str)
def test_gaussian_noise_is_normal(kernels, seed, stream, step):
    """Mean and variance, the whole distribution, its tails, and that neighbours know nothing of each other."""
    count = 200_001
    z = kernels.gaussian_noise(np.zeros(count), 1.0, seed, stream, step)
    assert abs(z.mean()) < 5 / np.sqrt(count)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / count)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    beyond = count * stats.norm.sf(3)
    assert abs(np.sum(z > 3) - beyond) < 5 * np.sqrt(beyond)
    for distance in (1, 2, 3, 4):
        assert abs(np.mean(z[distance:] * z[:-distance])) < 5 / np.sqrt(count)
    assert abs(np.corrcoef(z[1::2] ** 2, z[:-1:2] ** 2)[0, 1]) < 5 / np.sqrt(count / 2)


def test_gaussian_noise_repeats_and_differs(kernels, dtype):
    x = np.zeros(1000, dtype)
    noises = [kernels.gaussian_noise(x, 0.5, *key) for key in [(5, 0, 0), (5, 0, 0), (6, 0, 0), (5, 1, 0), (5, 0, 1)]]
    np.testing.assert_array_equal(noises[0], noises[1])
    for noise in noises[2:]:
        assert (noise != noises[0]).all()


@pytest.mark.parametrize("shape", [(3, 5), (37, 4, 5, 3), (LARGE,)], ids=str)
def test_gaussian_noise_agrees_with_reference(twin, dtype, shape, rng):
    x = rng.standard_normal(shape).astype(dtype)
    assert_close(twin.gaussian_noise(x, 0.3, 8, 4, 1), reference.gaussian_noise(x, 0.3, 8, 4, 1))


def test_gaussian_noise_of_what_is_no_number(kernels, dtype):
    y = kernels.gaussian_noise(np.array([np.nan, np.inf, -np.inf], dtype), 0.5, 1, 2, 3)
    np.testing.assert_array_equal(y, np.array([np.nan, np.inf, -np.inf], dtype))
