"""Vector code against the same arithmetic in NumPy, compiled into a kernel and as plain Python."""

import numpy as np
import pytest
from numba import TypingError, njit

from tinyconv.kernels.cpu.vectors import (
    LANES,
    add_outer_product,
    at_least,
    in_registers,
    repeat,
    transposed,
    where,
    wide,
)


def polynomial(x, at, factor, y):
    v = x[at]
    y[at] = (v * v - 3 * v) + (v * factor - 2) - v * 0.5 + x.each(at + 1) * 4


def test_arithmetic(dtype, rng):
    inner = in_registers(polynomial)

    @njit
    def kernel(x, factor, y):
        for at in range(0, x.size, LANES):
            inner(x, at, factor, y)

    x, y = rng.standard_normal((3, LANES)).astype(dtype), np.empty((3, LANES), dtype)
    kernel(x.reshape(-1), dtype(0.3), y.reshape(-1))
    exact, factor = x.astype(np.float64), np.float64(dtype(0.3))
    wanted = exact * exact - 3 * exact + exact * factor - 2 - exact * 0.5 + exact[:, 1:2] * 4
    np.testing.assert_allclose(y, wanted, rtol=0, atol=40 * np.finfo(dtype).eps)


def test_a_product_is_rounded_once_with_its_sum():
    """(1 + ε)² − (1 + 2ε) = ε², which is lost where the product is rounded first."""

    def remainder(x, start, minus, y):
        y[start] = x[start] * x[start] + minus[start]

    inner = in_registers(remainder)

    @njit
    def kernel(x, minus, y):
        inner(x, 0, minus, y)

    epsilon = np.finfo(np.float32).eps
    x, y = np.full(LANES, 1 + epsilon, np.float32), np.empty(LANES, np.float32)
    kernel(x, np.full(LANES, -(1 + 2 * epsilon), np.float32), y)
    np.testing.assert_array_equal(y, np.float32(epsilon) ** 2)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_repeat(count, rng):
    def total(x, places, count, y, sums):
        def add(i, once, twice):
            v = x[places.each(i)]
            return [once + v, twice + v * 2]

        once, twice = repeat(count, add, [x[0] * 0, x[0] * 0])
        y[0] = once
        y[LANES] = twice
        sums[0] = sums[0] + wide(once)

    inner = in_registers(total)

    @njit
    def kernel(x, places, count, y, sums):
        inner(x, places, count, y, sums)

    x = rng.standard_normal(8 * LANES).astype(np.float32)
    places = np.array([*[5, 0, 7 * LANES, 3, 40][:count], 0])
    y, sums = np.empty(2 * LANES, np.float32), np.ones(LANES)
    kernel(x, places, count, y, sums)
    once = np.zeros(LANES, np.float32)
    for place in places[:count]:
        once += x[place : place + LANES]
    np.testing.assert_array_equal(y, np.concatenate([once, 2 * once]))
    np.testing.assert_array_equal(sums, 1 + once.astype(np.float64))


def test_transposed(dtype, rng):
    def turn(x, y):
        for i, row in enumerate(transposed([x[i * LANES] for i in range(LANES)])):
            y[i * LANES] = row

    x, y = rng.standard_normal((LANES, LANES)).astype(dtype), np.empty((LANES, LANES), dtype)
    inner = in_registers(turn)
    njit(lambda x, y: inner(x, y))(x.reshape(-1), y.reshape(-1))
    np.testing.assert_array_equal(y, x.T)


def test_where_knows_nan():
    def choose(x, y):
        v = x[0]
        y[0] = where(v > 0, v, -1)
        y[LANES] = where(v <= 0, 0, v)

    x = np.resize(np.array([np.nan, -2, 0, 3], np.float32), LANES)
    y = np.empty(2 * LANES, np.float32)
    inner = in_registers(choose)
    njit(lambda x, y: inner(x, y))(x, y)
    np.testing.assert_array_equal(y[:4], [-1, -1, -1, 3])
    np.testing.assert_array_equal(y[LANES : LANES + 4], [np.nan, 0, 0, 3])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_whole_numbers_are_conditions_and_subtract(count):
    """A truth value, too: it arrives as 0 or 1."""

    def step(x, count, flag, y):
        (total,) = repeat(count - 1, lambda i, total: [total + x[0]], [where(flag, x[0], 0)])
        y[0] = total
        y[LANES] = where(count, x[0], 0)

    x, y = np.arange(LANES, dtype=np.float32), np.empty(2 * LANES, np.float32)
    inner = in_registers(step)
    kernel = njit(lambda x, count, flag, y: inner(x, count, flag, y))
    for flag in (False, True):
        kernel(x, count, flag, y)
        np.testing.assert_array_equal(y[:LANES], (max(0, count - 1) + flag) * x)
        np.testing.assert_array_equal(y[LANES:], min(1, count) * x)


def test_outer_products_are_added_in_row_major_order():
    def step(x, y):
        sums = add_outer_product([x[0]] * 6, [x[0] * (i + 1) for i in range(2)], [x[0] * j for j in range(3)])
        for n, total in enumerate(sums):
            y[n * LANES] = at_least(total, 4)

    x, y = np.ones(LANES, np.float32), np.empty((6, LANES), np.float32)
    inner = in_registers(step)
    njit(lambda x, y: inner(x, y))(x, y.reshape(-1))
    np.testing.assert_array_equal(y[:, 0], [4, 4, 4, 4, 4, 5])


def test_arrays_must_be_contiguous():
    inner = in_registers(polynomial)
    x = np.zeros((LANES, 2), np.float32)
    with pytest.raises((TypingError, TypeError), match="C-contiguous"):
        njit(lambda x, y: inner(x, 0, 1.0, y))(x[:, 0], x.reshape(-1))
