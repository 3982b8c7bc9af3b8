"""The CPU's algorithms of convolution: which is chosen, and that each by itself computes the same."""

import numpy as np
import pytest
from kernel_checks import Case, assert_close
from numba.core import config
from test_kernel_convolution import CASES, all_cases, assert_agrees, draw

from tinyconv.kernels import ALGORITHMS, Window, conv_algorithm, cpu, reference, set_threads
from tinyconv.kernels.cpu.convolution import dispatch, implicit, winograd
from tinyconv.kernels.cpu.convolution.dispatch import choose_algorithm
from tinyconv.kernels.cpu.convolution.winograd import few_tiles, nonfused


@pytest.mark.parametrize("algorithm", ALGORITHMS[1:])
@all_cases
def test_every_algorithm(case, algorithm, dtype, rng):
    """Asked for, each does all it can, and leaves the rest to im2col."""
    with conv_algorithm(algorithm):
        assert_agrees(cpu, *draw(rng, case, dtype), case)


@pytest.mark.parametrize(
    ("algorithm", "dtype", "window", "c", "k", "groups", "image", "wanted"),
    [
        ("auto", "float32", Window((3, 3)), 16, 32, 1, (6, 6), "winograd"),
        ("auto", "float32", Window((3, 3)), 16, 32, 1, (5, 5), "winograd-3x3"),
        ("auto", "float32", Window((3, 3), padding="same"), 16, 32, 1, (6, 6), "winograd-3x3"),
        ("auto", "float32", Window((3, 3), padding="same"), 16, 32, 1, (7, 7), "winograd"),
        ("auto", "float32", Window((3, 3), padding="same"), 16, 32, 1, (3, 8), "winograd"),
        ("auto", "float32", Window((3, 3)), 16, 32, 1, (4, 9), "implicit"),
        ("auto", "float32", Window((3, 3), (2, 2)), 16, 32, 1, (9, 9), "implicit"),
        ("auto", "float32", Window((3, 3), dilation=(1, 2)), 16, 32, 1, (9, 9), "implicit"),
        ("auto", "float32", Window((3, 3)), 32, 32, 2, (9, 9), "im2col"),
        ("auto", "float32", Window((3, 3)), 16, 30, 1, (9, 9), "implicit"),
        ("auto", "float64", Window((3, 3)), 16, 32, 1, (9, 9), "implicit"),
        ("auto", "float32", Window((5, 5)), 1, 64, 1, (28, 28), "direct"),
        ("auto", "float32", Window((3, 3)), 3, 32, 1, (32, 32), "direct"),
        ("auto", "float32", Window((5, 5)), 9, 32, 1, (32, 32), "implicit"),
        ("auto", "float64", Window((3, 3)), 2, 32, 1, (32, 32), "im2col"),
        ("auto", "float32", Window((5, 5)), 9, 3, 1, (32, 32), "im2col"),
        ("implicit", "float32", Window((3, 3)), 16, 32, 1, (9, 9), "implicit"),
        ("direct", "float32", Window((5, 5)), 9, 32, 1, (32, 32), "direct"),
        ("direct", "float32", Window((5, 5)), 9, 30, 1, (32, 32), "im2col"),
        ("winograd-2x2", "float32", Window((3, 3)), 16, 32, 1, (4, 9), "winograd-2x2"),
        ("winograd-3x3", "float32", Window((3, 3)), 16, 32, 1, (4, 9), "winograd-3x3"),
        ("winograd", "float32", Window((3, 3)), 16, 32, 1, (4, 9), "winograd"),
        ("winograd", "float32", Window((3, 3)), 3, 32, 1, (32, 32), "im2col"),
        ("im2col", "float32", Window((3, 3)), 16, 32, 1, (32, 32), "im2col"),
        ("auto", "float32", Window((1, 1)), 64, 256, 1, (7, 7), "pointwise"),
        ("auto", "float64", Window((1, 1), (2, 2), "same"), 64, 100, 1, (7, 7), "pointwise"),
        ("auto", "float32", Window((1, 1)), 64, 256, 2, (7, 7), "im2col"),
        ("auto", "float32", Window((1, 1)), 3, 100, 1, (7, 7), "im2col"),
        ("auto", "float32", Window((1, 1)), 64, 3, 1, (7, 7), "im2col"),
        ("auto", "float32", Window((1, 2)), 64, 256, 1, (7, 7), "implicit"),
        ("im2col", "float32", Window((1, 1)), 64, 256, 1, (7, 7), "pointwise"),
        ("winograd", "float32", Window((1, 1)), 64, 256, 1, (7, 7), "pointwise"),
        ("direct", "float32", Window((1, 1)), 64, 256, 1, (9, 9), "direct"),
    ],
)
def test_what_is_chosen(algorithm, dtype, window, c, k, groups, image, wanted):
    with conv_algorithm(algorithm):
        assert choose_algorithm(np.dtype(dtype), (*window.size, c // groups, k), window, groups, image) == wanted


@pytest.mark.parametrize(
    "case", [each for each in CASES if each.window.strides == (1, 1) and each.groups == 1], ids=str
)
def test_the_turned_window(case, rng):
    """Every input gradient at stride 1 that implicit products could compute, also where another way is faster."""
    x, w, _, dy = draw(rng, case, np.float32)
    dx = implicit.conv2d_backward_input(dy, w, case.window, x.shape[1:3])
    assert_close(dx, reference.conv2d_backward(dy, x, w, None, case.window, 1, (True, False, False))[0])


def test_an_unknown_algorithm():
    with (
        pytest.raises(ValueError, match=r"one of 'auto', 'im2col', 'implicit', .*'winograd-2x2'; got 'fft'"),
        conv_algorithm("fft"),
    ):
        pass


def test_small_tiles_round_less(rng):
    x, w, b, _ = draw(rng, Case("", (2, 26, 26, 64), Window((3, 3)), 64), np.float32)
    errors = []
    with conv_algorithm("im2col"):
        exact = cpu.conv2d(*(array.astype(np.float64) for array in (x, w, b)), Window((3, 3)), 1, False)
    for algorithm in ("winograd-2x2", "winograd-3x3", "winograd"):
        with conv_algorithm(algorithm):
            y = cpu.conv2d(x, w, b, Window((3, 3)), 1, False)
        errors.append(np.linalg.norm(y - exact) / np.linalg.norm(exact))
    assert errors[0] < errors[2] / 2 < 1e-6
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("algorithm", ["winograd", "winograd-3x3"])
@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("Winograd")], ids=str)
def test_winograd_not_fused(case, algorithm, rng, monkeypatch):
    """What wide layers go through, on narrow ones: several rounds, and images that begin in one and end in the next."""
    monkeypatch.setattr(winograd, "MAX_FUSED_BYTES", 0)
    monkeypatch.setattr(few_tiles, "MAX_TILES", 0)
    monkeypatch.setattr(few_tiles, "MAX_TILES_WIDE", 0)
    monkeypatch.setattr(dispatch, "wanted_algorithm", lambda: algorithm)
    for tiles in (5, 1000):
        monkeypatch.setattr(nonfused, "BUFFER_BYTES", tiles * 36 * 4 * (case.images[3] + case.outputs))
        assert_agrees(cpu, *draw(rng, case, np.float32), case)
        found = []
        for threads in (1, min(2, config.NUMBA_NUM_THREADS)):
            set_threads(threads)
            x, w, b, dy = draw(np.random.default_rng(1), case, np.float32)
            y, argmax = cpu.conv2d_pooled(x, w, b, case.window, 1, True)
            dy = dy[:, : y.shape[1], : y.shape[2]].copy()
            found.append([y, *cpu.conv2d_pooled_backward(dy, argmax, x, w, case.window, 1, (True,) * 3)])
        set_threads(config.NUMBA_NUM_THREADS)
        wanted = reference.conv2d_pooled_backward(dy, argmax, x, w, case.window, 1, (True,) * 3)
        for one, two, judge in zip(*found, [found[0][0], *wanted], strict=True):
            np.testing.assert_array_equal(one, two)
            if judge.any():
                assert_close(one, judge)


@pytest.mark.parametrize("algorithm", ["winograd", "winograd-3x3", "winograd-2x2"])
@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("Winograd")], ids=str)
def test_winograd_of_few_tiles_has_the_bits_of_many(case, algorithm, rng, monkeypatch):
    """Each thread its own cells or all the same, one block of channels or several, on any number of threads."""
    monkeypatch.setattr(dispatch, "wanted_algorithm", lambda: algorithm)
    x, w, b, _ = draw(rng, case, np.float32)
    x = np.maximum(x, 0)
    x[:, : x.shape[1] // 2] = 0  # tiles that see zeros, in part or altogether
    found = []
    for most, own, filters in ((0, 0, 0), (1000, 10**9, 10**9), (1000, 0, 10**9), (1000, 0, 36 * 32 * 16 * 4)):
        monkeypatch.setattr(few_tiles, "MAX_TILES", most)
        monkeypatch.setattr(few_tiles, "MAX_TILES_WIDE", most)
        monkeypatch.setattr(few_tiles, "OWN_CELLS_BYTES", own)
        monkeypatch.setattr(few_tiles, "FILTER_BYTES", filters)
        for threads in (1, min(2, config.NUMBA_NUM_THREADS)):
            few_tiles._block.cache_clear()
            set_threads(threads)
            pooled = cpu.conv2d_pooled(x, w, b, case.window, 1, True)
            found.append((*pooled, cpu.conv2d(x, w, b, case.window, 1, False)))
    few_tiles._block.cache_clear()
    set_threads(config.NUMBA_NUM_THREADS)
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
