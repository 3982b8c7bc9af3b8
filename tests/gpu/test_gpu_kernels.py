"""Every test of a kernel that speaks of no CPU, on the GPU's kernels (or on the CPU in their place: see standin)."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from test_kernel_promises import calls, each_kernel

from tinyconv.kernels.operations import OPERATIONS

pytestmark = pytest.mark.gpu


def _shared_tests():
    """Tests of the folder tests/kernels; one that is test_max_forward there is test_pooling_max_forward here."""
    for part in (*OPERATIONS, "promises"):
        if find_spec(f"test_kernel_{part}") is None:
            continue  # its operations are tried with those of another
        module = import_module(f"test_kernel_{part}")
        for name, function in vars(module).items():
            code = getattr(function, "__code__", None)
            if name.startswith("test_") and code is not None:
                yield f"test_{part}_{name.removeprefix('test_')}", function


def _speaks_of_kernels(function):
    names = getattr(function, "hypothesis", None)
    code = (names.inner_test if names else function).__code__
    return {"kernels", "twin"} & set(code.co_varnames[: code.co_argcount]) and "threads" not in code.co_name


globals().update({name: function for name, function in _shared_tests() if _speaks_of_kernels(function)})


@each_kernel
def test_results_have_memory_of_their_own(cupy, gpu, name, rng):
    """A result that shared its memory with an argument would change with it."""
    args = [cupy.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in calls(rng, np.float32)[name]]
    result = getattr(gpu, name)(*args)
    made = [array for array in (result if isinstance(result, tuple) else (result,)) if array is not None]
    for array in made:
        for arg in args:
            if isinstance(arg, cupy.ndarray):
                apart = array.data.ptr >= arg.data.ptr + arg.nbytes or arg.data.ptr >= array.data.ptr + array.nbytes
                assert apart


def test_loss_of_a_label_that_is_no_class_is_nan(kernels, dtype):
    """An error could not be raised without waiting for the GPU. The first and last would be read outside the array."""
    labels = np.array([-1, 0, 2**40, 3])
    loss, probabilities = kernels.sparse_softmax_cross_entropy(np.zeros((4, 3), dtype), labels)
    np.testing.assert_array_equal(np.isnan(loss), [True, False, True, True])
    np.testing.assert_allclose(probabilities, 1 / 3, rtol=1e-6)
    gradient = kernels.sparse_softmax_cross_entropy_backward(np.ones(4, dtype), probabilities, labels)
    np.testing.assert_allclose(gradient[1], np.array([-2, 1, 1]) / 3, rtol=1e-6)
