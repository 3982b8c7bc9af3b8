// The words of CUDA, for g++: enough of them that the unchanged text of a kernel compiles and runs on the CPU, in tests.
//
// A block is a host thread, and its CUDA threads take turns in it (runtime.cpp). So what is thread_local here belongs to
// one block: that is how __shared__ gets its meaning.
#pragma once

#include <math.h>

#include <type_traits>
#include <utility>

namespace on_cpu {

struct Index {
    unsigned int x, y, z;
};

// Waits for the block's other threads. `line` is the caller's: all must wait at the same barrier.
void barrier(int line);

// A kernel with its arguments unpacked.
using Body = void (*)(void** arguments);

// Runs a grid of `shape` (blocks x, y, z, threads x, y, z). Returns nullptr, or what went wrong.
const char* launch(Body body, void** arguments, const unsigned* shape, bool takes_turns, bool shares_memory);

// The character that NumPy has for a C type.
template <class T> constexpr char letter() {
    using U = std::remove_cv_t<T>;
    if constexpr (std::is_same_v<U, bool>) return '?';
    else if constexpr (std::is_same_v<U, float>) return 'f';
    else if constexpr (std::is_same_v<U, double>) return 'd';
    else if constexpr (std::is_integral_v<U>) return "bBhHiI..qQ"[sizeof(U) / 2 * 2 + std::is_unsigned_v<U>];
    else return 'V';
}

// Of a kernel's parameters: 'p' for a pointer and 'v' for a value; then what it points to, or is.
template <class F> struct Parameters;
template <class... A> struct Parameters<void (*)(A...)> {
    static constexpr char passed[] = {(std::is_pointer_v<A> ? 'p' : 'v')..., 0};
    static constexpr char types[] = {letter<std::remove_pointer_t<A>>()..., 0};
};

template <class... A, size_t... I> void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A*>(arguments[I])...);
}
template <class... A> void call(void (*kernel)(A...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<A...>{});
}

}  // namespace on_cpu

// Follows the kernels' text, once for each: what Python asks for.
#define ON_CPU_KERNEL(name, takes_turns, shares_memory)                                                     \
    extern "C" {                                                                                            \
    ON_CPU_SEEN const char* on_cpu_passed_##name() { return on_cpu::Parameters<decltype(&name)>::passed; }  \
    ON_CPU_SEEN const char* on_cpu_types_##name() { return on_cpu::Parameters<decltype(&name)>::types; }    \
    ON_CPU_SEEN const char* on_cpu_launch_##name(void** arguments, const unsigned* shape) {                 \
        const auto body = [](void** values) { on_cpu::call(name, values); };                                \
        return on_cpu::launch(body, arguments, shape, takes_turns, shares_memory);                          \
    }                                                                                                       \
    }
#define ON_CPU_SEEN __attribute__((visibility("default")))

extern constinit thread_local on_cpu::Index threadIdx, blockIdx;
extern on_cpu::Index blockDim, gridDim;

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ thread_local
#define __syncthreads() on_cpu::barrier(__LINE__)

// As CUDA has them: of two floating-point numbers, one NaN, the other one.
template <class T> constexpr T max(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return fmax(a, b);
    else return a < b ? b : a;
}
template <class T> constexpr T min(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return fmin(a, b);
    else return b < a ? b : a;
}
inline float rsqrt(float x) { return 1.0f / sqrt(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline unsigned int __umulhi(unsigned int a, unsigned int b) {
    return static_cast<unsigned int>(static_cast<unsigned long long>(a) * b >> 32);
}
template <class T> T __ldg(const T* address) { return *address; }
