// CUDA on the CPU, slowly: the names that our kernels use, so that the very source a GPU will run can be compiled by a host compiler and
// tested where no GPU is. A block's threads are fibers that take turns; a thread runs until it must wait for others (a barrier, a
// shuffle), then the next one goes on. Blocks run one after the other, every second one with its threads in reverse order, which
// brings missing barriers to light. A block whose threads wait for each other in vain ends the process with one line.
//
// Not emulated: races between threads that never wait, memory spaces (any pointer is good everywhere), limits of registers.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __shared__ static
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 {
    float x, y;
};
struct float3 {
    float x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) int2 {
    int x, y;
};
struct int3 {
    int x, y, z;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) ulonglong2 {
    unsigned long long x, y;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int3 make_int3(int x, int y, int z) { return {x, y, z}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace neurfield::emulation {

constexpr size_t kStack = 256 * 1024;
constexpr size_t kMostShared = 232448;  // of a block, in bytes: the largest there is (compute capability 9.0)

struct Fiber {
    std::unique_ptr<char[]> stack{new char[kStack]};
    ucontext_t start;
    jmp_buf at;
    bool started, done;
};

// Threads that wait for each other: the last to arrive lets all go on.
struct Barrier {
    unsigned arrived = 0, generation = 0;
};

struct Warp {
    Barrier barrier;
    uint64_t slots[32][2];
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    Barrier barrier;
    unsigned current = 0, alive = 0;
    uint64_t progress = 0;
    jmp_buf scheduler;
    std::function<void()> body;
    alignas(128) char shared[kMostShared];
};

inline Block& block() {
    static Block one;
    return one;
}

inline void go_on_elsewhere() {
    Block& b = block();
    if (_setjmp(b.fibers[b.current].at) == 0) _longjmp(b.scheduler, 1);
}

template <class Wanted>
void wait(Barrier& barrier, Wanted wanted) {
    const unsigned generation = barrier.generation;
    ++block().progress;
    ++barrier.arrived;
    while (barrier.generation == generation) {
        if (barrier.arrived >= wanted()) {
            barrier.arrived = 0;
            ++barrier.generation;
            ++block().progress;
        } else {
            go_on_elsewhere();
        }
    }
}

inline void run_fiber() {
    Block& b = block();
    b.body();
    b.fibers[b.current].done = true;
    --b.alive;
    ++b.progress;
    _longjmp(b.scheduler, 1);
}

inline void place(unsigned thread) {
    block().current = thread;
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / (blockDim.x * blockDim.y)};
}

inline void resume(unsigned thread) {
    Block& b = block();
    Fiber& fiber = b.fibers[thread];
    place(thread);
    if (_setjmp(b.scheduler) != 0) return;
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    getcontext(&fiber.start);
    fiber.start.uc_stack.ss_sp = fiber.stack.get();
    fiber.start.uc_stack.ss_size = kStack;
    fiber.start.uc_link = nullptr;
    makecontext(&fiber.start, run_fiber, 0);
    setcontext(&fiber.start);
}

inline void run_block(unsigned threads, bool backwards) {
    Block& b = block();
    if (b.fibers.size() < threads) b.fibers.resize(threads);
    b.warps.assign((threads + 31) / 32, Warp());
    b.barrier = Barrier();
    b.alive = threads;
    for (unsigned i = 0; i < threads; ++i) b.fibers[i].started = b.fibers[i].done = false;
    while (b.alive > 0) {
        const uint64_t before = b.progress;
        for (unsigned i = 0; i < threads; ++i) {
            const unsigned thread = backwards ? threads - 1 - i : i;
            if (!b.fibers[thread].done) resume(thread);
        }
        if (b.progress != before) continue;
        std::fprintf(stderr, "emulated block (%u, %u): its threads wait for each other in vain\n", blockIdx.x, blockIdx.y);
        std::abort();
    }
}

template <class Run>
void run_grid(dim3 grid, dim3 threads, Run&& run) {
    gridDim = grid;
    blockDim = threads;
    block().body = run;
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                run_block(threads.x * threads.y * threads.z, (x + y + z) % 2 == 1);
            }
    block().body = nullptr;
}

inline unsigned lane() { return block().current % 32; }
inline Warp& warp() { return block().warps[block().current / 32]; }
inline void wait_for_warp(unsigned mask) {
    wait(warp().barrier, [mask] { return static_cast<unsigned>(std::popcount(mask)); });
}

// What each lane of `mask` brings, seen by all of them: use(slots) between two waits.
template <class T, class Use>
auto exchange(unsigned mask, T mine, Use&& use) {
    static_assert(sizeof(T) <= sizeof(uint64_t[2]));
    Warp& w = warp();
    std::memcpy(w.slots[lane()], &mine, sizeof(T));
    wait_for_warp(mask);
    const auto at = [&w](unsigned from) {
        T value;
        std::memcpy(&value, w.slots[from], sizeof(T));
        return value;
    };
    const auto result = use(at);
    wait_for_warp(mask);
    return result;
}

}  // namespace neurfield::emulation

inline void __syncthreads() {
    auto& b = neurfield::emulation::block();
    neurfield::emulation::wait(b.barrier, [&b] { return b.alive; });
}
inline void __syncwarp(unsigned mask = 0xffffffffu) { neurfield::emulation::wait_for_warp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
    const unsigned lane = neurfield::emulation::lane();
    const unsigned source = lane / width * width + static_cast<unsigned>(from) % width;
    return neurfield::emulation::exchange(mask, value, [&](auto at) { return at(source); });
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int = 32) {
    const unsigned source = neurfield::emulation::lane() ^ static_cast<unsigned>(bits);
    return neurfield::emulation::exchange(mask, value, [&](auto at) { return at(source); });
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const unsigned lane = neurfield::emulation::lane();
    const unsigned source = lane % width >= delta ? lane - delta : lane;
    return neurfield::emulation::exchange(mask, value, [&](auto at) { return at(source); });
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const unsigned lane = neurfield::emulation::lane();
    const unsigned source = lane % width + delta < static_cast<unsigned>(width) ? lane + delta : lane;
    return neurfield::emulation::exchange(mask, value, [&](auto at) { return at(source); });
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
    return neurfield::emulation::exchange(mask, predicate, [mask](auto at) {
        unsigned bits = 0;
        for (unsigned i = 0; i < 32; ++i) bits |= mask >> i & 1 && at(i) ? 1u << i : 0u;
        return bits;
    });
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

// Threads take turns, so nothing comes between a read and its write.
template <class T, class U>
T atomicAdd(T* to, U amount) {
    const T old = *to;
    *to = static_cast<T>(old + amount);
    return old;
}
template <class T, class U>
T atomicMax(T* to, U value) {
    const T old = *to;
    *to = std::max(old, static_cast<T>(value));
    return old;
}
template <class T, class U>
T atomicMin(T* to, U value) {
    const T old = *to;
    *to = std::min(old, static_cast<T>(value));
    return old;
}
template <class T, class U>
T atomicOr(T* to, U bits) {
    const T old = *to;
    *to = old | static_cast<T>(bits);
    return old;
}
template <class T, class U>
T atomicAnd(T* to, U bits) {
    const T old = *to;
    *to = old & static_cast<T>(bits);
    return old;
}
template <class T, class U>
T atomicExch(T* to, U value) {
    const T old = *to;
    *to = static_cast<T>(value);
    return old;
}
template <class T, class U, class V>
T atomicCAS(T* to, U expected, V value) {
    const T old = *to;
    if (old == static_cast<T>(expected)) *to = static_cast<T>(value);
    return old;
}

template <class T>
T __ldg(const T* from) {
    return *from;
}
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline int __ffsll(long long x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1; }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline void sincospif(float x, float* sine, float* cosine) {
    *sine = static_cast<float>(std::sin(M_PI * static_cast<double>(x)));
    *cosine = static_cast<float>(std::cos(M_PI * static_cast<double>(x)));
}
#define NEURFIELD_MIN_MAX(T)                            \
    constexpr T min(T a, T b) { return b < a ? b : a; } \
    constexpr T max(T a, T b) { return a < b ? b : a; }
NEURFIELD_MIN_MAX(float)
NEURFIELD_MIN_MAX(double)
NEURFIELD_MIN_MAX(int)
NEURFIELD_MIN_MAX(unsigned)
NEURFIELD_MIN_MAX(long)
NEURFIELD_MIN_MAX(unsigned long)
NEURFIELD_MIN_MAX(long long)
NEURFIELD_MIN_MAX(unsigned long long)
#undef NEURFIELD_MIN_MAX
