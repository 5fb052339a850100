// What this machine can do at best, measured: the ceilings that benchmarks hold the kernels against.
//
// Each probe is a loop with nothing in it but the thing measured, run on all threads for about `seconds`, and counts what was done.
// They are ceilings of this machine in its present state (clock, neighbours), so a benchmark measures them in its own process.
#include <pybind11/pybind11.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <chrono>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/simd.h"

namespace neurfield {
namespace {

volatile float g_sink;  // results end here, so that no loop is empty to the compiler

// Units a second of `block`, which does one block of work and returns how many units that was, on every thread until time is up.
template <class MakeBlock>
double rate_of(double seconds, MakeBlock&& make_block) {
    using Clock = std::chrono::steady_clock;
    double total = 0.0;
#pragma omp parallel reduction(+ : total)
    {
        auto block = make_block(omp_get_thread_num(), omp_get_num_threads());
        block();  // warms caches and clocks
#pragma omp barrier
        const auto start = Clock::now();
        double units = 0.0, elapsed = 0.0;
        while (elapsed < seconds) {
            units += block();
            elapsed = std::chrono::duration<double>(Clock::now() - start).count();
        }
        total += units / elapsed;
    }
    return total;
}

// Float32 multiply-adds. Twelve chains cover latency times throughput of every x86 and ARM core of today (4 cycles x 2 units; the
// baseline's separate multiply and add need twice as many), and leave room for the two constants in 16 registers: no load, no store.
double measure_multiply_adds(double seconds) {
    constexpr int kChains = 12, kTurns = 4096;
    return rate_of(seconds, [](int thread, int) {
        return [thread] {
            const float start = 1.0f + 1e-3f * static_cast<float>(thread) + 0.0f * g_sink;
            const Vec scale(0.999f * start), shift(1e-3f);  // not known when compiling; the chains stay near one
            Vec chains[kChains];
            for (int c = 0; c < kChains; ++c) chains[c] = Vec(start + static_cast<float>(c));
            for (int turn = 0; turn < kTurns; ++turn)
                for (int c = 0; c < kChains; ++c) chains[c] = fma(chains[c], scale, shift);
            Vec total(0.0f);
            for (const Vec& chain : chains) total += chain;
            g_sink = sum(total);
            return static_cast<double>(kChains) * kTurns * kLanes;
        };
    });
}

// bfloat16 multiply-adds by the dot-product instruction (pairs of products summed in float32); 0 where the processor or the variant
// lacks it.
#if defined(__AVX512F__)
__attribute__((target("avx512f,avx512bf16"))) double bf16_block() {
    constexpr int kChains = 12, kTurns = 4096;
    __m512 chains[kChains];
    const __m512bh ones = (__m512bh)_mm512_set1_epi16(0x3f80), small = (__m512bh)_mm512_set1_epi16(0x2f80);
    for (int c = 0; c < kChains; ++c) chains[c] = _mm512_set1_ps(g_sink + static_cast<float>(c));
    for (int turn = 0; turn < kTurns; ++turn)
#pragma GCC unroll 12
        for (int c = 0; c < kChains; ++c) chains[c] = _mm512_dpbf16_ps(chains[c], ones, small);
    for (int c = 1; c < kChains; ++c) chains[0] = _mm512_add_ps(chains[0], chains[c]);
    g_sink = 1e-6f * _mm512_cvtss_f32(chains[0]);
    return static_cast<double>(kChains) * kTurns * 32;
}
#endif

double measure_bf16_multiply_adds(double seconds) {
#if defined(__AVX512F__)
    if (__builtin_cpu_supports("avx512bf16")) return rate_of(seconds, [](int, int) { return [] { return bf16_block(); }; });
#endif
    return 0.0;
}

// Not vectorised: a processor's gather instruction may be slower than the loads it stands for.
[[gnu::noinline, gnu::optimize("no-tree-vectorize")]] uint64_t sum_of(const uint64_t* entries, const uint32_t* places, int count) {
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (int i = 0; i < count; i += 4) {
        a += entries[places[i]];
        b += entries[places[i + 1]];
        c += entries[places[i + 2]];
        d += entries[places[i + 3]];
    }
    return a + b + c + d;
}

// Loads of 8 bytes (two features of a hash table's entry) from random places of one table that all threads share. The places come
// from a vector of linear congruential generators and no load waits for another, so that as many are under way as the core can hold;
// the sums are integer, one addition a load. A grid's encoding does all this and interpolates.
double measure_gathers(int64_t table_bytes, double seconds) {
    int bits = 0;
    while ((int64_t{16} << bits) <= table_bytes) ++bits;  // a power of two entries, rounded down
    const std::vector<uint64_t> table(size_t{1} << bits, 1);
    typedef uint32_t Places __attribute__((vector_size(64)));
    return rate_of(seconds, [&](int thread, int) {
        Places state;
        for (int i = 0; i < 16; ++i) state[i] = 2654435761u * (16u * static_cast<uint32_t>(thread) + i + 1u);
        return [&table, state, shift = 32 - bits]() mutable {
            constexpr int kTurns = 256, kBatch = 512;  // drawn in batches: a load soon after its store would wait for it
            uint64_t sum = 0;
            alignas(64) uint32_t places[kBatch];
            for (int turn = 0; turn < kTurns; ++turn) {
                for (int i = 0; i < kBatch; i += 16) {
                    state = state * 1664525u + 1013904223u;
                    const Places high = state >> shift;  // the low bits of such a generator are poor
                    std::memcpy(places + i, &high, sizeof high);
                }
                sum += sum_of(table.data(), places, kBatch);
            }
            g_sink = static_cast<float>(sum);
            return static_cast<double>(kBatch) * kTurns;
        };
    });
}

// Bytes read and written by changing an array in place, each thread its own part: no line is fetched only to be overwritten, so the
// count is what truly crosses.
double measure_streaming(int64_t array_bytes, double seconds) {
    const int64_t floats = array_bytes / static_cast<int64_t>(sizeof(float)) / kLanes * kLanes;
    std::vector<float> array(static_cast<size_t>(floats), 1.0f);
    return rate_of(seconds, [&](int thread, int threads) {
        const int64_t blocks = floats / kLanes;
        const int64_t begin = blocks * thread / threads * kLanes, end = blocks * (thread + 1) / threads * kLanes;
        return [data = array.data(), begin, end] {
            for (int64_t i = begin; i < end; i += kLanes) (Vec::load(data + i) * Vec(1.0f + 1e-7f)).store(data + i);
            return 2.0 * static_cast<double>(sizeof(float)) * static_cast<double>(end - begin);
        };
    });
}

void check(bool fine, const char* what) {
    if (!fine) throw pybind11::value_error(what);
}

}  // namespace

void bind_ceilings(pybind11::module_& module) {
    namespace py = pybind11;
    module.def("measure_multiply_adds", &measure_multiply_adds, py::arg("seconds"), py::call_guard<py::gil_scoped_release>(),
               "Float32 multiply-adds a second, all threads");
    module.def("measure_bf16_multiply_adds", &measure_bf16_multiply_adds, py::arg("seconds"), py::call_guard<py::gil_scoped_release>(),
               "bfloat16 multiply-adds a second, all threads; 0 where there are none");
    module.def(
        "measure_gathers",
        [](int64_t table_bytes, double seconds) {
            check(table_bytes >= 16 && table_bytes <= (int64_t{1} << 34), "measure_gathers: table_bytes must be 16 to 2^34");
            py::gil_scoped_release release;
            return measure_gathers(table_bytes, seconds);
        },
        py::arg("table_bytes"), py::arg("seconds"), "Random 8-byte loads a second from a shared table, all threads");
    module.def(
        "measure_streaming",
        [](int64_t array_bytes, double seconds) {
            check(array_bytes >= 1 << 12, "measure_streaming: array_bytes must be at least 4096");
            py::gil_scoped_release release;
            return measure_streaming(array_bytes, seconds);
        },
        py::arg("array_bytes"), py::arg("seconds"), "Bytes a second read and written in place, all threads");
}

}  // namespace neurfield
