"""Every kernel's text compiles for GPUs from Turing (2018) to Hopper (2022): NVRTC needs no GPU for that."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import standin

FOLDER = Path(__file__).parents[2] / "kernels" / "gpu"
FILES = sorted(FOLDER.glob("*.cu"))
ARCHITECTURES = ["sm_75", "sm_80", "sm_90"]


@pytest.fixture(scope="module")
def compile_text():
    """A function from the text of a kernel and the compiler's options to the compiler's words and the machine code."""
    if find_spec("cupy") is None:
        pytest.skip("NVRTC comes with CuPy, which is not installed: pip install '.[nvrtc]'")
    from cupy.cuda import nvrtc

    try:
        nvrtc.getVersion()
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"CuPy is installed, but NVRTC is not ({error}): pip install '.[nvrtc]'")

    def compile_text(text, *options):
        program = nvrtc.createProgram(text, "kernel.cu", (), ())
        try:
            nvrtc.compileProgram(program, options)
            return nvrtc.getProgramLog(program), nvrtc.getCUBIN(program)
        except nvrtc.NVRTCError:
            return nvrtc.getProgramLog(program), b""
        finally:
            nvrtc.destroyProgram(program)

    return compile_text


def assert_compiles(compile_text, text, architecture, *options):
    words, machine_code = compile_text(text, f"--gpu-architecture={architecture}", "--std=c++17", *options)
    assert words.strip("\0\n ") == ""
    assert machine_code


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("real", ["float", pytest.param("double", marks=pytest.mark.slow)])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_compiles(compile_text, file, real, architecture):
    assert_compiles(compile_text, file.read_text(encoding="utf-8"), architecture, f"-DReal={real}")


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elementwise_kernels_compile(compile_text, dtype, architecture):
    """As the stand-in writes them; CuPy writes more around the same operations, but compiles them on a GPU alone."""
    found = {}
    with standin.installed() as cupy:
        for file in FOLDER.glob("[!_]*.py"):
            module = import_module(f"tinyconv.kernels.gpu.{file.stem}")
            values = vars(module).values()
            found.update({value.name: value for value in values if isinstance(value, cupy.ElementwiseKernel)})
        if not found:
            pytest.skip("kernels/gpu has no elementwise kernel")
        for kernel in found.values():
            assert_compiles(compile_text, kernel.text(np.dtype(dtype)), architecture)


def test_an_error_is_found(compile_text):
    words, machine_code = compile_text('extern "C" __global__ void wrong() { undeclared = 1; }')
    assert "undeclared" in words
    assert not machine_code


def test_there_is_something_to_compile():
    if not FOLDER.exists():
        pytest.skip("there are no GPU kernels yet: no folder kernels/gpu")
    assert FILES
