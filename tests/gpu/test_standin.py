"""The harness itself, on small kernels: right ones come out right, and each kind of wrong one is found out."""

import numpy as np
import pytest
import standin
from standin import sanitizer

pytestmark = pytest.mark.skipif(not standin.available(), reason="no g++, which compiles the kernels for the CPU")

LOOP = """
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
"""

SCALE = f"""
__device__ __forceinline__ Real times(Real x, Real a) {{ return x * a; }}
extern "C" __global__ void scale(const Real* __restrict__ x, Real* __restrict__ y, Real a, long long n) {{
    #pragma unroll
    {LOOP} y[i] = times(x[i], a);
}}
"""

# Sums the numbers of each block of 32; what is put for BARRIER stands before they are read.
TOTAL = """
extern "C" __global__ void total(const Real* x, Real* y, long long n) {
    __shared__ Real part[32];
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    part[threadIdx.x] = i < n ? x[i] : (Real)0;
    BARRIER
    if (threadIdx.x == 0) {
        Real sum = 0;
        for (int j = 0; j < 32; j++) sum += part[j];
        y[blockIdx.x] = sum;
    }
}
"""

# Adds up in a tree: a barrier after each of five steps.
TREE = """
extern "C" __global__ void total(const Real* x, Real* y, long long n) {
    __shared__ Real part[32];
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    part[threadIdx.x] = i < n ? x[i] : (Real)0;
    __syncthreads();
    for (unsigned int half = 16; half; half /= 2) {
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
        BARRIER
    }
    if (threadIdx.x == 0) y[blockIdx.x] = part[0];
}
"""


@pytest.fixture(scope="module")
def cupy():
    with standin.installed() as module:
        yield module


def compile_kernel(cupy, code, name, real="float"):
    return cupy.RawModule(code=code, options=("--std=c++17", f"-DReal={real}")).get_function(name)


@pytest.mark.parametrize(("grid", "block"), [(1, 1), (1, 7), (3, 32), (40, 256)])
@pytest.mark.parametrize(("real", "dtype"), [("float", np.float32), ("double", np.float64)])
def test_loop_over_the_grid(cupy, grid, block, real, dtype):
    x = cupy.asarray(np.arange(1000, dtype=dtype))
    y = cupy.empty(1001, dtype)
    compile_kernel(cupy, SCALE, "scale", real)((grid,), (block,), (x, y, dtype(3), np.int64(1000)))
    np.testing.assert_array_equal(y.get()[:1000], 3 * x.get())
    assert np.isnan(y.get()[1000])


@pytest.mark.parametrize("code", [TOTAL, TREE], ids=["one reads", "a tree"])
def test_sum_in_shared_memory(cupy, code):
    x = np.arange(100, dtype=np.float32)
    y = cupy.empty(4, np.float32)
    kernel = compile_kernel(cupy, code.replace("BARRIER", "__syncthreads();"), "total")
    kernel((4,), (32,), (cupy.asarray(x), y, np.int64(100)))
    np.testing.assert_array_equal(y.get(), [x[:32].sum(), x[32:64].sum(), x[64:96].sum(), x[96:].sum()])


def test_grid_and_block_of_three_dimensions(cupy):
    code = """
    extern "C" __global__ void number(int* y) {
        int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
        int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
        int at = block * blockDim.x * blockDim.y * blockDim.z + thread;
        y[at] = at;
    }"""
    y = cupy.zeros((2 * 3 * 4, 5 * 6 * 7), np.int32)
    compile_kernel(cupy, code, "number")((2, 3, 4), (5, 6, 7), (y,))
    np.testing.assert_array_equal(y.get().reshape(-1), np.arange(y.size))


def test_blocks_do_not_see_each_others_shared_memory(cupy):
    code = """
    extern "C" __global__ void leave(Real* seen) {
        __shared__ Real note[4];
        seen[blockIdx.x * 4 + threadIdx.x] = note[threadIdx.x];
        note[threadIdx.x] = 7;
    }"""
    seen = cupy.zeros((3, 4), np.float32)
    for _ in range(2):
        compile_kernel(cupy, code, "leave")((3,), (4,), (seen,))
        assert np.isnan(seen.get()).all()


def test_words_of_cuda(cupy):
    code = """
    extern "C" __global__ void words(Real* y, unsigned int* high, Real nothing) {
        y[0] = max(nothing, (Real)2);
        y[1] = min((Real)3, nothing);
        y[2] = rsqrt((Real)4);
        y[3] = isnan(nothing) ? INFINITY : 0;
        y[4] = max(-1, 5) + min(2LL, 3LL);
        high[0] = __umulhi(0xD2511F53u, 0xFFFFFFFFu);
    }"""
    y, high = cupy.zeros(5), cupy.zeros(1, np.uint32)
    compile_kernel(cupy, code, "words", "double")((1,), (1,), (y, high, np.float64("nan")))
    np.testing.assert_array_equal(y.get(), [2, 3, 0.5, np.inf, 7])
    assert high.get() == 0xD2511F53 * 0xFFFFFFFF >> 32


def test_arguments_of_another_type_are_refused(cupy):
    kernel = compile_kernel(cupy, SCALE, "scale")
    right = [cupy.zeros(5, np.float32), cupy.zeros(5, np.float32), np.float32(2), np.int64(5)]
    kernel((1,), (8,), tuple(right))
    for i, wrong, error in [
        (0, cupy.zeros(5), TypeError),
        (0, np.zeros(5, np.float32), TypeError),
        (1, cupy.zeros(5, np.int32), TypeError),
        (1, cupy.zeros((5, 2), np.float32)[:, 0], ValueError),
        (2, 2.0, TypeError),
        (2, np.float64(2), TypeError),
        (2, right[0], TypeError),
        (3, 5, TypeError),
        (3, np.int32(5), TypeError),
    ]:
        with pytest.raises(error, match=f"scale: argument {i} must be"):
            kernel((1,), (8,), (*right[:i], wrong, *right[i + 1 :]))
    with pytest.raises(TypeError, match="takes 4 arguments, got 3"):
        kernel((1,), (8,), tuple(right[:3]))


@pytest.mark.parametrize(("grid", "block"), [((0,), (8,)), ((1,), (0,)), ((1,), (1025,)), ((1, 65536), (1,))])
def test_launches_that_cuda_refuses(cupy, grid, block):
    with pytest.raises(ValueError, match="CUDA takes 1 to"):
        compile_kernel(cupy, SCALE, "scale")(grid, block, (None, None, np.float32(2), np.int64(0)))


@pytest.mark.parametrize(
    ("inside", "complaint"),
    [
        ("if (threadIdx.x < 3) { __syncthreads(); }", "left the kernel while others wait"),
        ("if (threadIdx.x < 3) { __syncthreads(); }\nelse { __syncthreads(); }", "wait at two barriers, in lines"),
    ],
)
def test_barriers_that_not_all_threads_reach(cupy, inside, complaint):
    kernel = compile_kernel(cupy, f'extern "C" __global__ void stray() {{\n{inside}\n}}', "stray")
    with pytest.raises(RuntimeError, match=complaint):
        kernel((2,), (8,), ())


def test_a_warning_is_an_error(cupy):
    with pytest.raises(standin.module.CompileException, match="unused variable"):
        compile_kernel(cupy, 'extern "C" __global__ void f() { int unused; }', "f")


def test_elementwise(cupy):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    there = cupy.asarray(x)
    halve = cupy.ElementwiseKernel("T x, float64 s", "T y", "y = x * (T)s + i", "halve")
    np.testing.assert_array_equal(halve(there, 0.5).get(), x * 0.5 + np.arange(6).reshape(2, 3))

    turn = cupy.ElementwiseKernel("raw T x, T row, bool on", "T y, uint8 sign", "y = x[5 - i] + row; sign = on", "turn")
    y, sign = turn(there, cupy.asarray(x[:1]), True, cupy.empty((2, 3), np.float32), cupy.empty((2, 3), np.uint8))
    np.testing.assert_array_equal(y.get(), x.reshape(-1)[::-1].reshape(2, 3) + x[:1])
    np.testing.assert_array_equal(sign.get(), np.ones((2, 3)))

    step = cupy.ElementwiseKernel("T g, T rate", "T w, T m", "m += g; w -= rate * m", "take_step")
    w, m = cupy.ones((2, 3), np.float32), cupy.zeros((2, 3), np.float32)
    assert step(there, np.float64(2), w, m)[0] is w
    np.testing.assert_array_equal(w.get(), 1 - 2 * x)
    part = cupy.ones((2, 3), np.float32)
    step(there[:, :2], 1.0, part[:, :2], cupy.zeros((2, 2), np.float32))
    np.testing.assert_array_equal(part.get(), np.where(np.arange(3) < 2, 1 - x, 1))


def test_elementwise_refuses_what_cupy_refuses(cupy):
    add = cupy.ElementwiseKernel("T x, T y, float64 s", "T z", "z = x + y * (T)s", "add")
    x = cupy.zeros(3, np.float32)
    for wrong in [(x, cupy.zeros(3), 1.0), (x, np.zeros(3, np.float32), 1.0), (x, x, cupy.zeros(3, np.float32))]:
        with pytest.raises(TypeError):
            add(*wrong)
    with pytest.raises(TypeError, match="Wrong number"):
        add(x, x)
    with pytest.raises(ValueError, match="Out shape"):
        add(x, cupy.zeros((2, 3), np.float32), 1.0, x)


def test_arrays_do_not_mix_with_those_of_numpy(cupy):
    there, here = cupy.ones(3), np.ones(3)
    assert type(there).__module__ == "cupy"
    assert not isinstance(there, np.ndarray)
    for mix in [
        lambda: there + here,
        lambda: here * there,
        lambda: np.maximum(there, here),
        lambda: there.__iadd__(here),
        lambda: there.__setitem__(0, here[0:1]),
        lambda: np.asarray(there),
        lambda: cupy.matmul(there, here),
    ]:
        with pytest.raises(TypeError):
            mix()
    np.testing.assert_array_equal((2 * there + np.float64(1)).get(), 2 * here + 1)
    assert type(there.sum()) is cupy.ndarray
    assert float(there.sum()) == 3


def test_the_standin_leaves_with_its_kernels():
    import sys

    before = sys.modules.get("cupy")
    with standin.installed() as cupy:
        assert sys.modules["cupy"] is cupy
    assert sys.modules.get("cupy") is before
    assert not [name for name in sys.modules if name.startswith("tinyconv.kernels.gpu")]


SCRIPT = """
import numpy as np
from standin import cupy
kernel = cupy.RawModule(code={code!r}, options=("-DReal=float",)).get_function({name!r})
x, y = cupy.full({numbers}, 2e9, {dtype!r}), cupy.empty({results}, {dtype!r})
kernel(({grid},), ({block},), (x, y, np.int64({numbers})))
print("the end")
"""

SHIFT = 'extern "C" __global__ void shift(const Real* x, Real* y, long long n) {' + LOOP + "    y[i + 1] = x[i]; }"
PEEK = 'extern "C" __global__ void peek(const Real* x, Real* y, long long n) {' + LOOP + "    y[i] = x[i + 1]; }"
DOUBLE = 'extern "C" __global__ void twice(const int* x, int* y, long long n) {' + LOOP + "    y[i] = x[i] + x[i]; }"
LAST = 'extern "C" __global__ void last(const Real* x, Real* y, long long n) {' + LOOP + "    y[0] = x[i]; }"
SHARED = TOTAL.replace("part[j]", "part[j + 1]")

FOUND = {
    "write past the end": ("address,undefined", SHIFT, "shift", "heap-buffer-overflow on address"),
    "read past the end": ("address,undefined", PEEK, "peek", "heap-buffer-overflow on address"),
    "signed overflow": ("address,undefined", DOUBLE, "twice", "signed integer overflow: 2000000000"),
    "shared memory, past its end": ("address,undefined", SHARED, "total", "index 32 out of bounds"),
    "no barrier before reading": ("thread", TOTAL, "total", "data race"),
    "no barrier in the tree": ("thread", TREE, "total", "data race"),
    "all threads write one element": ("thread", LAST, "last", "data race"),
}


def run_watched(sanitizers, code, name, grid=2, block=32, results=64):
    """Run a kernel on 64 numbers in a process of its own; return what it and the sanitizers say."""
    if sanitizer.library(sanitizers) is None:
        pytest.skip(f"g++ came without {sanitizer.LIBRARIES[sanitizers]}")
    dtype = "int32" if name == "twice" else "float32"
    script = SCRIPT.format(code=code, name=name, numbers=64, results=results, dtype=dtype, grid=grid, block=block)
    process = sanitizer.start(sanitizers, "-c", script)
    output, _ = process.communicate()
    return output


@pytest.mark.slow
@pytest.mark.parametrize("defect", FOUND)
def test_sanitizers_find(defect):
    sanitizers, code, name, finding = FOUND[defect]
    output = run_watched(sanitizers, code.replace("BARRIER", ""), name)
    assert finding in output, output
    assert "the end" not in output


def test_a_race_of_blocks_is_found():
    """Of two blocks of one thread each, which run in two host threads."""
    assert "data race" in run_watched("thread", LAST, "last", grid=2, block=1)


@pytest.mark.slow
@pytest.mark.parametrize("sanitizers", sanitizer.LIBRARIES)
@pytest.mark.parametrize("code", [TOTAL, TREE], ids=["one reads", "a tree"])
def test_sanitizers_leave_right_kernels_alone(sanitizers, code):
    output = run_watched(sanitizers, code.replace("BARRIER", "__syncthreads();"), "total")
    assert output.splitlines()[-1] == "the end", output
