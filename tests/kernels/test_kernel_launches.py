"""Recorded launches: the bits of the calls that they stand for, on other numbers, and no memory but their own."""

from threading import Thread

import numpy as np
import pytest
from numba.core import config

from tinyconv import kernels
from tinyconv.kernels import cpu
from tinyconv.kernels.cpu import launches, memory
from tinyconv.kernels.cpu.compile import jit
from tinyconv.kernels.window import Window

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="the compiler is switched off: nothing is launched")


class Operation:
    """An application of a function of arrays, as the engine has them."""

    def __init__(self, forward):
        self.forward = forward


def recorded(forwards, x, weights=(), by_kernels=True):
    """Record forwards one after the other, each of the result before and the weights; return the launches and y."""
    with launches.Recording(list(weights)) as recording:
        y = recording.copied(x)
        for forward in forwards:
            y = recording.apply(lambda forward=forward: Operation(forward), [y, *weights], by_kernels)
        return recording.launches([y]), y.copy()


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


CONVOLUTIONS = {
    "direct": ((2, 12, 12, 3), (3, 3, 3, 16), "same"),
    "Winograd, few tiles": ((1, 12, 12, 16), (3, 3, 16, 32), "valid"),
    "Winograd, wide and few tiles": ((1, 8, 8, 128), (3, 3, 128, 160), "same"),
    "Winograd": ((3, 30, 30, 16), (3, 3, 16, 16), "valid"),
    "Winograd, transformed kernel apart": ((3, 13, 13, 192), (3, 3, 192, 192), "valid"),
    "pointwise": ((2, 20, 20, 16), (1, 1, 16, 32), "valid"),
    "pointwise, as dense blocks": ((1, 8, 8, 16), (1, 1, 16, 32), "valid"),
    "implicit": ((2, 11, 11, 16), (5, 5, 16, 16), "valid"),
}


@pytest.mark.parametrize(("image", "kernel", "padding"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("pooled", [False, True])
def test_convolutions(image, kernel, padding, pooled, rng):
    w, window = draw(rng, *kernel), Window(kernel[:2], padding=padding)

    def convolve(x, w):
        return cpu.conv2d_pooled(x, w, None, window, 1, True)[0] if pooled else cpu.conv2d(x, w, None, window, 1, True)

    made, first = recorded([convolve], draw(rng, *image), [w])
    assert not any(function is launches._compute for function, _ in made.steps)
    x = draw(rng, *image)
    (again,) = made.run([x])
    np.testing.assert_array_equal(again, convolve(x, w))
    assert not np.array_equal(again, first)
    w += 1  # weights are read where they are
    np.testing.assert_array_equal(made.run([x])[0], convolve(x, w))


@pytest.mark.parametrize("rows", [1, 11])
def test_a_stack_of_layers_shares_memory(rows, rng):
    weights = [draw(rng, 300, 300) for _ in range(6)]
    layers = [lambda x, *weights, i=i: cpu.dense(x, weights[i], None, True) for i in range(6)]
    made, _ = recorded(layers, draw(rng, rows, 300), weights)
    x = draw(rng, rows, 300)
    y = x
    for layer in layers:
        y = layer(y, *weights)
    np.testing.assert_array_equal(made.run([x])[0], y)
    arrays = [each for _, arguments in made.steps for each in arguments if isinstance(each, np.ndarray)]
    assert len({each.ctypes.data for each in arrays if each.size == rows * 300 and not memory.is_constant(each)}) <= 4


def test_what_numpy_computes_is_computed_again(rng):
    made, _ = recorded([np.square, np.tanh], draw(rng, 9, 4))
    assert [function for function, _ in made.steps] == [launches._compute] * 2
    x = draw(rng, 9, 4)
    np.testing.assert_array_equal(made.run([x])[0], np.tanh(np.square(x)))


def test_a_kernel_that_returns_an_array_is_called_again(rng):
    made, _ = recorded([_doubled], draw(rng, 7))
    assert [function for function, _ in made.steps] == [launches._compute]
    np.testing.assert_array_equal(made.run([np.ones(7, np.float32)])[0], np.full(7, 2))


@jit
def _doubled(x):
    return x * 2


@pytest.mark.parametrize("elsewhere", [False, True])
def test_arrays_in_a_tuple_are_noted_with_it(elsewhere, rng):
    def forward(x):
        y, place = memory.empty(x.shape, x.dtype), np.empty_like(x)
        _copy_pair((x, place if elsewhere else y))
        if elsewhere:
            _copy_pair((place, y))
        return y

    made, _ = recorded([forward], draw(rng, 7))
    assert [function for function, _ in made.steps] == ([launches._compute] if elsewhere else [_copy_pair])
    np.testing.assert_array_equal(made.run([np.ones(7, np.float32)])[0], np.ones(7))


@jit
def _copy_pair(pair):
    pair[1][:] = pair[0]


def test_what_is_not_by_kernels_is_not_noted(rng):
    made, _ = recorded([cpu.relu], draw(rng, 7), by_kernels=False)
    assert [function for function, _ in made.steps] == [launches._compute]


def test_results_stay_when_the_launches_run_again(rng):
    made, _ = recorded([cpu.relu], draw(rng, 7))
    (first,) = made.run([np.ones(7, np.float32)])
    made.run([np.zeros(7, np.float32)])
    np.testing.assert_array_equal(first, np.ones(7))


def test_too_much_memory_is_refused_and_all_is_as_before(rng, monkeypatch):
    monkeypatch.setattr(launches, "MAX_BYTES", 1000)
    with pytest.raises(kernels.RecordingError):
        recorded([cpu.relu], draw(rng, 300))
    assert memory.here.pool is memory.COMMON
    assert "__call__" not in vars(launches.Kernel)
    monkeypatch.undo()
    recorded([cpu.relu], draw(rng, 300))


def test_one_recording_at_a_time(rng):
    with launches.Recording([]) as first, launches.Recording([]) as second:
        assert first is not None
        assert second is None
    with launches.Recording([]) as third:
        assert third is not None


def test_other_threads_are_not_noted(rng):
    x, found = draw(rng, 50), []
    with launches.Recording([]) as recording:

        def forward(x):
            other = Thread(target=lambda: found.append(cpu.relu(x.copy())))
            other.start()
            other.join()
            return cpu.relu(x)

        y = recording.apply(lambda: Operation(forward), [recording.copied(x)], True)
        made = recording.launches([y])
    assert len(made.steps) == 1
    np.testing.assert_array_equal(found[0], y)


def test_launches_fit_threads_and_algorithm(rng):
    weight = draw(rng, 3)
    made, _ = recorded([lambda x, w: cpu.relu(x)], draw(rng, 7), [weight])
    assert made.fits([weight])
    assert not made.fits([weight.copy()])
    with kernels.conv_algorithm("im2col"):
        assert not made.fits([weight])
    threads = kernels.threads()
    if threads > 1:
        kernels.set_threads(threads - 1)
        try:
            assert not made.fits([weight])
        finally:
            kernels.set_threads(threads)
    assert made.fits([weight])


def test_while_one_thread_runs_them_another_gets_none(rng):
    made, _ = recorded([cpu.relu], draw(rng, 7))
    with made._running:
        assert made.run([draw(rng, 7)]) is None
    assert made.run([draw(rng, 7)]) is not None


def test_each_operation_can_be_watched(rng):
    made, _ = recorded([cpu.relu, np.square], draw(rng, 7))
    seen = []
    x = draw(rng, 7)
    made.run([x], lambda number, arrays, result: seen.append((number, arrays[0].copy(), result.copy())))
    y = np.maximum(x, 0)
    for (number, given, result), (i, a, b) in zip(seen, [(0, x, y), (1, y, np.square(y))], strict=True):
        assert number == i
        np.testing.assert_array_equal(given, a)
        np.testing.assert_array_equal(result, b)
