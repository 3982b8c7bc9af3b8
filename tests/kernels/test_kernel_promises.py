"""What all kernels promise alike, whatever they compute."""

import inspect
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from kernel_checks import LARGE, assert_close
from numba.core import config
from numba.core.dispatcher import Dispatcher

from tinyconv.kernels import Window, cpu, operations, reference
from tinyconv.kernels.cpu import convolution

COUNT = 200 if config.DISABLE_JIT else LARGE  # rows: enough that every kernel shares them out among threads


def calls(rng, dtype):
    """Arguments for every kernel, on arrays large enough to be dealt out to threads: {name: arguments}."""

    def random(*shape):
        return rng.standard_normal(shape).astype(dtype)

    side = 8 if config.DISABLE_JIT else 23
    x, w, b = random(5, side, side, 6), random(3, 3, 3, 8), random(8)
    window, pool = Window((3, 3), padding="same"), Window((3, 3), (2, 2), "same")
    image = x.shape[1:3]
    y, deep = random(*x.shape[:3], 8), random(*x.shape[:3], 12)
    pooled, index = reference.max_pool2d(x, pool)
    rows, dy = random(2, COUNT // 7, 7)
    labels = rng.integers(0, 7, len(rows))
    probabilities = reference.softmax(rows)
    loss = random(len(rows))
    keep = reference.dropout(rows, 0.3, 1, 2, 3)[1]
    g = random(COUNT)
    images, (gamma, beta, mean, inverse) = random(5, side, side, 12), random(4, 12)
    _, level, factor = reference.layer_norm(images, gamma, beta, 1e-3)
    everything = (True,) * 3
    maps = random(5, 2, 3) + np.array([[1, 0, 2], [0, 1, 0]], dtype)
    pairs = np.arange(side) // 2 + np.array([[0], [1]]), np.abs(random(side))
    slots = [np.abs(random(COUNT)) for _ in range(4)]
    return {
        "conv2d": (x, w, b, window, 2, True),
        "conv2d_scaled": (x, w, random(2, 8), window, 2, 0.5),
        "conv2d_backward": (y, x, w, random(*y.shape), window, 2, (True, True, True)),
        "conv2d_pooled": (x, w, b, window, 2, True),
        "conv2d_pooled_backward": (*reference.conv2d_pooled(x, w, b, window, 2, True), x, w, window, 2, (True,) * 3),
        "conv2d_backward_input": (y, w, window, 2, image),
        "conv2d_backward_kernel": (y, x, window, 2),
        "conv2d_backward_bias": (y,),
        "depthwise_conv2d": (x, random(3, 3, 6, 2), random(12), window, True),
        "depthwise_conv2d_scaled": (x, random(3, 3, 6, 2), random(2, 12), window, 0.5),
        "depthwise_conv2d_backward": (deep, x, random(3, 3, 6, 2), random(*deep.shape), window, (True, True, True)),
        "dense": (rows, random(7, 5), random(5)),
        "dense_backward_input": (rows, random(5, 7)),
        "dense_backward_kernel": (dy, rows),
        "dense_backward_bias": (dy,),
        "max_pool2d": (x, pool),
        "max_pool2d_backward": (pooled, index, pool, image),
        "average_pool2d": (x, pool),
        "average_pool2d_backward": (pooled, pool, image),
        "global_average_pool2d": (x,),
        "global_average_pool2d_backward": (x[:, 0, 0].copy(), image),
        "batch_norm": (images, gamma, beta, 1e-3, 0.5),
        "batch_norm_backward": (random(*images.shape), images, gamma, beta, mean, inverse, 0.5, everything),
        "fold_normalization": (mean, np.abs(inverse), gamma, beta, None, 1e-3),
        "scale_shift": (images, mean, gamma, beta, 0.5),
        "scale_shift_backward": (random(*images.shape), images, mean, gamma, beta, 0.5, everything),
        "layer_norm": (images, gamma, beta, 1e-3),
        "layer_norm_backward": (random(*images.shape), images, gamma, level, factor),
        "relu": (rows,),
        "relu_backward": (dy, rows),
        "leaky_relu": (rows, 0.2),
        "leaky_relu_backward": (dy, rows, 0.2),
        "sigmoid": (rows,),
        "sigmoid_backward": (dy, probabilities),
        "tanh": (rows,),
        "tanh_backward": (dy, probabilities),
        "softmax": (rows,),
        "softmax_backward": (dy, probabilities),
        "elu": (rows, 0.5),
        "elu_backward": (dy, rows, 0.5),
        "selu": (rows,),
        "selu_backward": (dy, rows),
        "gelu": (rows, False),
        "gelu_backward": (dy, rows, False),
        "silu": (rows,),
        "silu_backward": (dy, rows),
        "softplus": (rows,),
        "softplus_backward": (dy, rows),
        "softsign": (rows,),
        "softsign_backward": (dy, rows),
        "rectifier": (rows, 0.2, 1.5, 0.3),
        "rectifier_backward": (dy, rows, 0.2, 1.5, 0.3),
        "prelu": (x, random(1, side, 6)),
        "prelu_backward": (x, random(*x.shape), random(1, side, 6)),
        "gaussian_noise": (rows, 0.5, 5, 6, 7),
        "random_bits": (COUNT, 5, 6, 7),
        "dropout": (rows, 0.3, 1, 2, 3),
        "dropout_backward": (dy, keep, 0.3),
        "softmax_cross_entropy": (rows, probabilities),
        "softmax_cross_entropy_backward": (loss, probabilities, np.abs(dy)),
        "sparse_softmax_cross_entropy": (rows, labels),
        "sparse_softmax_cross_entropy_backward": (loss, probabilities, labels),
        "sigmoid_cross_entropy": (rows, probabilities),
        "sigmoid_cross_entropy_backward": (dy, probabilities, np.abs(dy)),
        "add": (slots[0], g, True),
        "add_scaled": (slots[0], g, slots[1][:1]),
        "scale": (slots[0], g[:1]),
        "clip": (g, 0.5),
        "sum_squares": (g,),
        "weighted_sum_inplace": (slots[0], g, 0.1),
        "sgd_inplace": (slots[0], g, 0.1),
        "momentum_inplace": (slots[0], g, slots[1], 0.1, 0.9, True),
        "rmsprop_inplace": (slots[0], g, slots[1] + 1, slots[2], slots[3] / 9, 0.1, 0.9, 0.5, 1e-3, True),
        "adam_inplace": (slots[0], g, slots[1], slots[2], slots[3] / 99, 0.1, 0.9, 0.99, 1e-3),
        "nadam_inplace": (slots[0], g, slots[1], slots[2], 0.1, 0.2, 0.9, 0.99, 0.5, 1e-3),
        "adagrad_inplace": (slots[0], g, slots[1], 0.1, 1e-3, False),
        "adadelta_inplace": (slots[0], g, slots[1], slots[2], 0.1, 0.9, 1e-3),
        "decay_inplace": (slots[0], 0.01),
        "resize_bilinear": (x[0], *pairs, *pairs),
        "pad": (x, [(0, 0), (1, 2), (0, 1), (0, 0)], 0.5),
        "warp": (x, maps, (side, 9), "reflect", 0.5, True),
        "warp_backward": (y, maps, image, "reflect", True),
    }


NAMES = sorted(calls(np.random.default_rng(0), np.float64))
each_kernel = pytest.mark.parametrize("name", NAMES)


def results(kernels, name, arguments):
    """Call a kernel on copies of the arguments; return all arrays it makes or changes, and the arguments after."""
    copies = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    result = getattr(kernels, name)(*copies)
    if name.endswith("_inplace"):
        assert result is None
        changed = tuple(copies[i] for i in range(len(copies)) if i != 1 and isinstance(copies[i], np.ndarray))
        return changed, copies
    return result if isinstance(result, tuple) else (result,), copies


def test_every_kernel_is_tried(kernels):
    """A backend offers what `operations.py` lists, and the tests here call all of it."""
    assert operations.NAMES == NAMES
    assert sorted(kernels.__all__) == NAMES
    assert all(callable(getattr(kernels, name)) for name in NAMES)


@pytest.mark.parametrize("backend", [cpu, reference], ids=["cpu", "reference"])
def test_each_operation_is_named_once_and_comes_from_its_module(backend):
    assert len({*operations.NAMES}) == len(operations.NAMES)
    for module, names in operations.OPERATIONS.items():
        found = sys.modules[f"{backend.__name__}.{module}"]
        assert all(getattr(backend, name) is getattr(found, name) for name in names)


def test_the_map_of_the_convolution_names_every_module():
    folder = Path(convolution.__file__).parent
    for file in sorted(folder.rglob("*.py")):
        assert file.name in convolution.__doc__, file.relative_to(folder)


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled, or linked")
def test_compiled_functions_have_names_of_their_own():
    """Kernels on disk are linked by their parts' names: of two alike, the first that is loaded served for both."""
    found = {}
    for module in [module for name, module in sys.modules.items() if name.startswith("tinyconv.kernels.cpu")]:
        for value in vars(module).values():
            if isinstance(value, Dispatcher):
                found.setdefault((value.py_func.__module__, value.py_func.__qualname__), set()).add(id(value))
    assert len(found) > 50
    assert [name for name, same in found.items() if len(same) > 1] == []


@each_kernel
def test_same_parameters(twin, name):
    def parameters(kernels):
        given = inspect.signature(getattr(kernels, name)).parameters.values()
        return [(parameter.name, parameter.kind, parameter.default) for parameter in given]

    assert parameters(twin) == parameters(reference)


@each_kernel
def test_agrees_with_reference(twin, dtype, name, rng):
    arguments = calls(rng, dtype)[name]
    got, _ = results(twin, name, arguments)
    wanted, _ = results(reference, name, arguments)
    for one, other in zip(got, wanted, strict=True):
        if one.dtype == dtype:
            assert_close(one, other)
        else:
            np.testing.assert_array_equal(one, other, strict=True)


@each_kernel
def test_changes_what_it_says(kernels, dtype, name, rng):
    """A kernel leaves its arguments alone; one "in place" changes the weight and every slot, and not the gradient."""
    arguments = calls(rng, dtype)[name]
    made, after = results(kernels, name, arguments)
    for i, (argument, later) in enumerate(zip(arguments, after, strict=True)):
        if not isinstance(argument, np.ndarray):
            continue
        if name.endswith("_inplace") and i != 1:
            assert np.mean(argument != later) > 0.9
        else:
            np.testing.assert_array_equal(argument, later)
            assert not any(np.shares_memory(array, later) for array in made)


@each_kernel
def test_results_do_not_depend_on_the_number_of_threads(kernels, dtype, name, rng):
    if config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread is all there is")
    arguments = calls(rng, dtype)[name]
    before = numba.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            numba.set_num_threads(threads)
            found.append(results(kernels, name, arguments)[0])
    finally:
        numba.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        assert one.tobytes() == two.tobytes()
