from importlib import import_module

import numba
import numpy as np
import pytest
from kernel_checks import assert_close, assert_gradient
from numba.core import config

from tinyconv.kernels import cpu, reference, set_threads
from tinyconv.kernels.cpu import few_rows
from tinyconv.kernels.cpu.matmul import MAX_MR, multiply
from tinyconv.kernels.cpu.vectors import LANES

SHAPES = {
    "textbook": ((3, 4), 5),
    "odd sizes": ((7, 13), 3),
    "one number": ((1, 1), 1),
    "batch of one": ((1, 6), 4),
    "batch of 37": ((37, 5), 3),
    "empty batch": ((0, 4), 3),
    "rows of rows": ((2, 3, 4), 5),
    "wide": ((5, 1025), 130),
    "many rows": ((1030, 6), 10),
    "blocks, ragged": ((133, 530), 140),
    "blocks, many rows": ((700, 65), 33),
    "sums in parts": ((21, 2049), 70),
    "sums of rows in parts": ((1030, 20), 130),
}
all_shapes = pytest.mark.parametrize(("shape", "outputs"), SHAPES.values(), ids=SHAPES)


def draw(rng, shape, outputs, dtype=np.float64):
    """Random (x, w, b, dy)."""
    shapes = shape, (shape[-1], outputs), (outputs,), (*shape[:-1], outputs)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@all_shapes
def test_forward(kernels, dtype, shape, outputs, rng):
    x, w, b, _ = draw(rng, shape, outputs, dtype)
    product = np.einsum("...m,mk->...k", x.astype(np.float64), w.astype(np.float64))
    assert_close(kernels.dense(x, w, b), product + b, dtype)
    assert_close(kernels.dense(x, w, None), product, dtype)


@pytest.mark.parametrize(("shape", "outputs"), [size for size in SHAPES.values() if size[0][0]])
def test_gradients(kernels, shape, outputs, rng):
    x, w, b, _ = draw(rng, shape, outputs)
    assert_gradient(lambda x: kernels.dense(x, w, b), lambda dy: kernels.dense_backward_input(dy, w), x, rng)
    assert_gradient(lambda w: kernels.dense(x, w, b), lambda dy: kernels.dense_backward_kernel(dy, x), w, rng)
    assert_gradient(lambda b: kernels.dense(x, w, b), kernels.dense_backward_bias, b, rng)


@all_shapes
def test_agrees_with_reference(twin, dtype, shape, outputs, rng):
    x, w, b, dy = draw(rng, shape, outputs, dtype)
    for name, arguments in {
        "dense": (x, w, b),
        "dense_backward_input": (dy, w),
        "dense_backward_kernel": (dy, x),
        "dense_backward_bias": (dy,),
    }.items():
        got, wanted = getattr(twin, name)(*arguments), getattr(reference, name)(*arguments)
        if len(x):
            assert_close(got, wanted)
        else:
            np.testing.assert_array_equal(got, wanted, strict=True)  # no rows: zeros for the parameters


def test_nan_propagates(kernels, dtype, rng):
    x, w, b, dy = draw(rng, (5, 4), 3, dtype)
    x[2, 1] = dy[3, 2] = np.nan
    for relu in (False, True):
        np.testing.assert_array_equal(np.isnan(kernels.dense(x, w, b, relu)).all(axis=1), np.arange(5) == 2)
    np.testing.assert_array_equal(np.isnan(kernels.dense_backward_input(dy, w)).all(axis=1), np.arange(5) == 3)
    dw = np.isnan(kernels.dense_backward_kernel(dy, x))
    np.testing.assert_array_equal(dw, (np.arange(4) == 1)[:, None] | (np.arange(3) == 2))
    np.testing.assert_array_equal(np.isnan(kernels.dense_backward_bias(dy)), np.arange(3) == 2)


@all_shapes
def test_the_rectifier_is_in_the_same_pass_to_the_bit(kernels, dtype, shape, outputs, rng):
    x, w, b, _ = draw(rng, shape, outputs, dtype)
    y = kernels.dense(x, w, b)
    assert y.size < 2 or (y < 0).any()
    np.testing.assert_array_equal(kernels.dense(x, w, b, True), np.maximum(y, 0), strict=True)


def test_zeros_of_either_sign_and_infinities_are_rectified(kernels, dtype):
    for rows, outputs in (2, 4), (64, 160):  # in one product, and in blocks
        x, w, b = np.zeros((rows, 160), dtype), np.zeros((160, outputs), dtype), np.zeros(outputs, dtype)
        b[:4] = -0.0, np.inf, -np.inf, 1
        wanted = np.zeros(outputs, dtype)
        wanted[1], wanted[3] = np.inf, 1
        np.testing.assert_array_equal(kernels.dense(x, w, b, True), np.tile(wanted, (rows, 1)))


@pytest.mark.parametrize("turned_a", [False, True])
@pytest.mark.parametrize("turned_b", [False, True])
def test_nothing_that_others_left_is_computed_with(turned_a, turned_b, monkeypatch, rng):
    """What lies behind the factors is computed with, too: subnormal numbers there would slow a product down."""
    module = import_module("tinyconv.kernels.cpu.dense")
    rows, depth, columns, ldc = 13, module.KC + 21, LANES + 4, 2 * LANES
    left = module.thread_buffers(module.PACKED_A + module.PACKED_B + module.BLOCK_C, np.float32)
    left.fill(1e-40)
    blocks = left[:, module.PACKED_A + module.PACKED_B :][:, : (rows + 3) * ldc].reshape(len(left), rows + 3, ldc)
    blocks.fill(0)
    monkeypatch.setattr(module._last_workspace, "last", (len(left), np.dtype(np.float32), left))
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    turned = [np.ascontiguousarray(each.T).T if turn else each for each, turn in ((a, turned_a), (b, turned_b))]
    assert_close(module.product(*turned), a.astype(np.float64) @ b, np.float32)
    assert blocks.any()
    for behind in np.abs(blocks[:, rows:]), np.abs(blocks[:, :, columns:]):
        assert not ((behind > 0) & (behind < 1e-30)).any()


@pytest.mark.parametrize("turned_a", [False, True])
@pytest.mark.parametrize("turned_b", [False, True])
@pytest.mark.parametrize(("rows", "depth", "columns"), [(21, 2049, 70), (300, 530, 33), (9, 5000, 16), (300, 100, 400)])
def test_the_bits_do_not_depend_on_the_threads(rows, depth, columns, turned_a, turned_b, rng):
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    a, b = (np.ascontiguousarray(each.T).T if turn else each for each, turn in ((a, turned_a), (b, turned_b)))
    product, found = import_module("tinyconv.kernels.cpu.dense").product, []
    for threads in range(1, config.NUMBA_NUM_THREADS + 1):
        set_threads(threads)
        found.append(product(a, b).tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize("turned", [False, True])
def test_factors_that_are_read_only_or_not_aligned_are_read_like_all_others(turned, rng):
    product = import_module("tinyconv.kernels.cpu.dense").product
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((40, 50), (50, 60)))
    if turned:
        a, b = np.ascontiguousarray(a.T).T, np.ascontiguousarray(b.T).T
    wanted = product(a, b)

    def elsewhere(matrix, moved, writeable):
        flat = matrix.T.reshape(-1) if turned else matrix.reshape(-1)
        space = np.zeros(flat.nbytes + 1, np.uint8)
        other = space[moved : moved + flat.nbytes].view(np.float32)
        other[:] = flat
        other.flags.writeable = writeable
        return other.reshape(matrix.shape[::-1]).T if turned else other.reshape(matrix.shape)

    for moved, writeable in (0, False), (1, True), (1, False):
        others = elsewhere(a, moved, writeable), elsewhere(b, moved, writeable)
        np.testing.assert_array_equal(product(others[0], b), wanted)
        np.testing.assert_array_equal(product(a, others[1]), wanted)
        np.testing.assert_array_equal(product(*others), wanted)


def test_sums_too_small_to_be_told_from_zero_keep_their_sign_wherever_they_are_added():
    """They are added where they belong, or elsewhere and then copied, which depends on the number of threads."""
    product = import_module("tinyconv.kernels.cpu.dense").product
    a, b = np.full((21, 3), -1e-30, np.float32), np.full((3, 5 * LANES + 3), 1e-30, np.float32)
    for rows in 8, 21:
        for columns in 2 * LANES, 5 * LANES + 3:
            c = product(a[:rows], np.ascontiguousarray(b[:, :columns]))
            assert not c.any()
            assert len(set(np.signbit(c).flat)) == 1


@numba.njit
def multiplied(a, b, c, rows, depth, columns):
    multiply(a, 0, depth, b, 0, columns, c, 0, columns, (rows, columns, depth), False)


@pytest.mark.parametrize("rows", [1, 5, 8, 13])
def test_a_product_clears_what_lies_behind_its_first_factor(rows, rng):
    """It is computed with, and passed over: subnormal numbers that others left there would take ten times as long."""
    depth, columns = 21, 2 * LANES
    a = np.full((rows + MAX_MR, depth), 1e-40, np.float32)
    a[:rows] = rng.standard_normal((rows, depth))
    b = rng.standard_normal((depth, columns)).astype(np.float32)
    c = np.zeros((rows + MAX_MR, columns), np.float32)
    multiplied(a.reshape(-1), b.reshape(-1), c.reshape(-1), rows, depth, columns)
    assert_close(c[:rows], a[:rows].astype(np.float64) @ b, np.float32)
    assert not a[rows : -(-rows // MAX_MR) * MAX_MR].any()


@pytest.mark.parametrize(("depth", "outputs"), [(1, 16), (8, 17), (300, 33), (9, 200), (130, 15)])
def test_a_few_rows_have_the_bits_of_many_where_their_sums_are_short(dtype, depth, outputs, rng):
    x, w, b, _ = draw(rng, (11, depth), outputs, dtype)
    x[1, :1] = np.nan
    whole = cpu.dense(x, w, b, True)
    for rows in range(1, few_rows.MAX_ROWS + 2):
        np.testing.assert_array_equal(cpu.dense(x[:rows], w, b, True), whole[:rows])


@pytest.mark.parametrize(("depth", "outputs"), [(512, 16), (1031, 50), (5000, 33)])
def test_long_sums_of_a_few_rows(dtype, depth, outputs, rng):
    """Taken in parts, of which there are as many whatever the number of threads."""
    x, w, b, _ = draw(rng, (3, depth), outputs, dtype)
    found = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        set_threads(threads)
        found.append(cpu.dense(x, w, b, True))
    np.testing.assert_array_equal(*found)
    assert_close(found[0], np.maximum(x.astype(np.float64) @ w + b, 0).astype(dtype))
