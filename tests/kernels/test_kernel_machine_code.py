import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba import prange
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.parfors import parfor_lowering

from tinyconv.kernels.cpu import compile
from tinyconv.kernels.cpu.machine_code import whole_kernels

VECTOR = numba.float64[::1]


@pytest.fixture
def translated(monkeypatch):
    """Names of the parts that Numba makes machine code of."""
    names = []
    translate = JITCodeLibrary._finalize_specific

    def noted(self):
        names.append(self.name)
        translate(self)

    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", noted)
    return names


def made():
    """A function, and a kernel whose iterations call it; neither is compiled."""

    @numba.njit
    def twice(x):
        if x < 0:
            raise ValueError("less than nothing")
        return 2 * x

    @numba.njit(parallel=True)
    def kernel(x):
        for i in prange(len(x)):
            x[i] = twice(x[i])

    return twice, kernel


def test_only_what_python_calls_becomes_machine_code(translated):
    _, kernel = made()
    kernel.compile((VECTOR,))
    assert len(translated) > 3  # Numba by itself: the function, the body, its wrappers, the kernel
    translated.clear()
    _, kernel = made()
    with whole_kernels():
        kernel.compile((VECTOR,))
    assert [name for name in translated if not name.endswith("twice")] == [kernel.py_func.__qualname__]
    assert len(translated) == 2  # Python can call twice, too


def test_kernels_and_their_parts_work(translated):
    twice, kernel = made()
    with whole_kernels():
        kernel.compile((VECTOR,))
    x = np.arange(5.0)
    kernel(x)
    assert x.tolist() == [0, 2, 4, 6, 8]
    assert twice(4.0) == 8
    with pytest.raises(ValueError, match="less than nothing"):
        twice(-1.0)

    @numba.njit
    def later(x):
        return twice(x) + 1

    assert later(3.0) == 7  # compiled by Numba alone, of a part that was not


@pytest.mark.slow
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="there is nothing on disk without the compiler")
def test_a_part_that_is_on_disk_already_is_taken_as_it_is(tmp_path):
    def bits(*first):
        program = "import numpy as np; from tinyconv.kernels import cpu; "
        program += "".join(f"{each}; " for each in first) + "print(cpu.random_bits(4, 1, 2, 3).tolist())"
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        ).stdout

    alone = bits()
    assert alone.startswith("[")
    # The bits' kernel is a part of dropout's, which is compiled now.
    assert bits("cpu.dropout(np.ones(8), 0.5, 1, 2, 3)") == alone
    assert bits("cpu.dropout(np.ones(8), 0.5, 1, 2, 3)") == alone


def test_numba_is_itself_again():
    codegen, lower_body = cpu_target.target_context.codegen(), parfor_lowering._create_gufunc_for_parfor_body
    with whole_kernels():
        assert codegen._library_class is not JITCodeLibrary
    assert codegen._library_class is JITCodeLibrary
    assert "set_env" not in vars(codegen)
    assert parfor_lowering._create_gufunc_for_parfor_body is lower_body


def test_a_full_disk_keeps_no_kernel_but_stops_none(monkeypatch, capsys):
    """The kernel works, and it is said once that other processes have to compile it anew."""

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compile._compilation, "told_not_kept", False)
    for step in (1.0, 2.0):

        @compile.parallel_jit
        def count(x, step):
            for i in prange(len(x)):
                x[i] = i * step

        monkeypatch.setattr(count._cache, "save_overload", full)
        x = np.zeros(3)
        count(x, step)
        np.testing.assert_array_equal(x, step * np.arange(3))
    assert capsys.readouterr().err == "tinyconv: compiled kernels cannot be kept on disk: No space left on device\n"
    assert compile._compilation.ours
