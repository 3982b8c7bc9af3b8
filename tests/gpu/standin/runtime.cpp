// Runs a grid of CUDA threads on the CPU.
//
// The threads of a kernel without barriers run one after the other. Those of a kernel with barriers are fibers: each has
// a stack of its own, and takes its turn until it waits at a barrier or is done; when all wait, the next round begins.
//
// Under the thread sanitizer every CUDA thread is a fiber, known to the sanitizer as a thread of its own, and every block
// a host thread. Nothing orders two of them but the start and the end of the launch and the barriers of a block, which
// is what CUDA promises, so a race is found whatever the order in which they happened to run.
#include "cuda_on_cpu.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <memory>
#include <thread>
#include <vector>

#ifdef WATCHED  // by the thread sanitizer; this file is compiled without it, so that it sees the kernels alone
#include <sanitizer/tsan_interface.h>
static constexpr bool watched = true;
#else
static constexpr bool watched = false;
static void* __tsan_get_current_fiber() { return nullptr; }
static void* __tsan_create_fiber(unsigned) { return nullptr; }
static void __tsan_destroy_fiber(void*) {}
static void __tsan_switch_to_fiber(void*, unsigned) {}
static void __tsan_acquire(void*) {}
static void __tsan_release(void*) {}
static constexpr unsigned __tsan_switch_to_fiber_no_sync = 1;
#endif

constinit thread_local on_cpu::Index threadIdx, blockIdx;
on_cpu::Index blockDim, gridDim;

namespace on_cpu {
namespace {

constexpr size_t STACK = 256 * 1024, GUARD = 4096;
constexpr unsigned AT_ONCE = 2048;  // CUDA threads that the thread sanitizer follows at a time

// Stacks for the fibers of one block, each above a page that must not be touched.
class Stacks {
  public:
    explicit Stacks(unsigned count) : size_(count * STACK) {
        memory_ = static_cast<char*>(
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        if (memory_ == MAP_FAILED) throw std::bad_alloc();
        for (unsigned i = 0; i < count; i++) mprotect(memory_ + i * STACK, GUARD, PROT_NONE);
    }
    ~Stacks() { munmap(memory_, size_); }
    Stacks(const Stacks&) = delete;
    Stacks& operator=(const Stacks&) = delete;
    char* operator[](unsigned i) const { return memory_ + i * STACK + GUARD; }

  private:
    size_t size_;
    char* memory_;
};

struct Fiber {
    ucontext_t context;
    Index index;
    int line;  // of the barrier it waits at; 0: done
    unsigned barriers;
    void* watch;
};

struct Block {
    Body body;
    void** arguments;
    ucontext_t host;
    void* watch;
    char order[2];  // addresses of two barriers in a row, for the thread sanitizer
    char end;
};

thread_local Block* block = nullptr;
thread_local Fiber* fiber = nullptr;

void leave() {
    __tsan_switch_to_fiber(block->watch, __tsan_switch_to_fiber_no_sync);
    swapcontext(&fiber->context, &block->host);
}

void enter(Fiber& next) {
    fiber = &next;
    threadIdx = next.index;
    __tsan_switch_to_fiber(next.watch, __tsan_switch_to_fiber_no_sync);
    swapcontext(&block->host, &next.context);
}

void start() {
    block->body(block->arguments);
    fiber->line = 0;
    __tsan_release(&block->end);
    leave();
}

Index position(unsigned i, const Index& shape) {
    return {i % shape.x, i / shape.x % shape.y, i / shape.x / shape.y};
}

thread_local char complaint[200];

const char* check(const std::vector<Fiber>& fibers) {
    for (const Fiber& one : fibers) {
        const int line = fibers[0].line;
        if (one.line == line) continue;
        if (!one.line || !line)
            snprintf(complaint, sizeof complaint, "some threads of block %u left the kernel while others wait in line %d",
                     blockIdx.x, one.line + line);
        else
            snprintf(complaint, sizeof complaint, "threads of block %u wait at two barriers, in lines %d and %d",
                     blockIdx.x, line, one.line);
        return complaint;
    }
    return nullptr;
}

void prepare(Fiber& one, const Index& index, char* stack) {
    one.index = index;
    one.barriers = 0;
    one.watch = __tsan_create_fiber(0);
    getcontext(&one.context);
    one.context.uc_stack.ss_sp = stack;
    one.context.uc_stack.ss_size = STACK - GUARD;
    one.context.uc_link = nullptr;
    makecontext(&one.context, start, 0);
}

const char* run_in_turns(Body body, void** arguments, const Stacks& stacks, std::vector<Fiber>& fibers) {
    Block here{};
    here.body = body;
    here.arguments = arguments;
    here.watch = __tsan_get_current_fiber();
    block = &here;
    for (unsigned i = 0; i < fibers.size(); i++) prepare(fibers[i], position(i, blockDim), stacks[i]);
    const char* wrong = nullptr;
    do {
        for (Fiber& one : fibers) enter(one);
        wrong = check(fibers);
    } while (!wrong && fibers[0].line);
    __tsan_acquire(&here.end);
    for (Fiber& one : fibers) __tsan_destroy_fiber(one.watch);
    block = nullptr;
    return wrong;
}

// Fills this library's thread_local memory, where __shared__ arrays lie, with bytes that make a NaN: a block must not
// rely on zeros there, nor on what the block before it left.
void spoil_shared_memory() {
    const auto kept = blockIdx;
    const auto kept_block = block;
    const auto kept_fiber = fiber;
    dl_iterate_phdr(
        [](dl_phdr_info* library, size_t, void*) {
            const auto mine = reinterpret_cast<ElfW(Addr)>(&spoil_shared_memory);
            bool found = false;
            size_t size = 0;
            for (int i = 0; i < library->dlpi_phnum; i++) {
                const auto& part = library->dlpi_phdr[i];
                const auto begin = library->dlpi_addr + part.p_vaddr;
                if (part.p_type == PT_LOAD && mine >= begin && mine < begin + part.p_memsz) found = true;
                if (part.p_type == PT_TLS) size = part.p_memsz;
            }
            if (found && library->dlpi_tls_data) memset(library->dlpi_tls_data, 0xFF, size);
            return static_cast<int>(found);
        },
        nullptr);
    blockIdx = kept;
    block = kept_block;
    fiber = kept_fiber;
}

}  // namespace

void barrier(int line) {
    char* order = &block->order[fiber->barriers++ % 2];
    fiber->line = line;
    __tsan_release(order);
    leave();
    __tsan_acquire(order);
}

const char* launch(Body body, void** arguments, const unsigned* shape, bool takes_turns, bool shares_memory) {
    gridDim = {shape[0], shape[1], shape[2]};
    blockDim = {shape[3], shape[4], shape[5]};
    const unsigned blocks = shape[0] * shape[1] * shape[2], threads = shape[3] * shape[4] * shape[5];
    static char wrong[sizeof complaint];
    wrong[0] = 0;

    if (watched) {
        const unsigned wave = AT_ONCE / threads ? AT_ONCE / threads : 1;
        for (unsigned first = 0; first < blocks && !wrong[0]; first += wave) {
            std::vector<std::thread> running;
            std::vector<std::unique_ptr<char[]>> found;
            for (unsigned b = first; b < blocks && b < first + wave; b++) {
                found.emplace_back(new char[sizeof complaint]{});
                running.emplace_back([=, note = found.back().get()] {
                    blockIdx = position(b, gridDim);
                    if (shares_memory) spoil_shared_memory();
                    const Stacks stacks(threads);
                    std::vector<Fiber> fibers(threads);
                    if (const char* text = run_in_turns(body, arguments, stacks, fibers)) strcpy(note, text);
                });
            }
            for (auto& one : running) one.join();
            for (auto& note : found)
                if (note[0]) strcpy(wrong, note.get());
        }
        return wrong[0] ? wrong : nullptr;
    }

    if (takes_turns) {
        const Stacks stacks(threads);
        std::vector<Fiber> fibers(threads);
        for (unsigned b = 0; b < blocks; b++) {
            blockIdx = position(b, gridDim);
            if (shares_memory) spoil_shared_memory();
            if (const char* text = run_in_turns(body, arguments, stacks, fibers)) return text;
        }
        return nullptr;
    }

    for (unsigned b = 0; b < blocks; b++) {
        blockIdx = position(b, gridDim);
        if (shares_memory) spoil_shared_memory();
        for (unsigned t = 0; t < threads; t++) {
            threadIdx = position(t, blockDim);
            body(arguments);
        }
    }
    return nullptr;
}

}  // namespace on_cpu
