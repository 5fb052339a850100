// From activations to features: f_c = bias_c + sum_k w_kc T(m_c a_k), and all products that its derivatives are made of.
//
// T is sin(m a) with its derivatives by a (order 0: sin y, 1: m cos y, 2: -m^2 sin y), or, without waves, the activation itself
// (order 0: a, 1: one, 2: zero). Channels lie side by side in memory, so a vector is channels of one kernel.
#include <algorithm>
#include <vector>

#include "common/parallel.h"
#include "encoding/radial_basis_arguments.h"
#include "encoding/radial_basis_families.h"
#include "encoding/sinusoid.h"

namespace neurfield::radial_basis {
namespace {

constexpr int64_t kPointChunk = 512, kKernelChunk = 1024;  // of a task
constexpr int64_t kAhead = 4;                              // points whose kernels are fetched early

Vec load_some(const float* p, int lanes) {
    if (lanes >= kLanes) return Vec::load(p);
    Vec r(0.0f);
    std::memcpy(&r.v, p, lanes * sizeof(float));
    return r;
}

void store_some(Vec v, float* p, int lanes) {
    if (lanes >= kLanes) return v.store(p);
    std::memcpy(p, &v.v, lanes * sizeof(float));
}

float tree_sum(Vec v) {
    alignas(64) float lane[kLanes];
    v.store(lane);
    for (int half = kLanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

template <int Order, bool Waves>
Vec wave(Vec m, Vec a) {
    if constexpr (!Waves) return Order == 0 ? a : Vec(Order == 1 ? 1.0f : 0.0f);
    if constexpr (Order == 0) return sine_of_product(m, a);
    if constexpr (Order == 1) return m * cosine_of_product(m, a);
    return Vec(0.0f) - m * m * sine_of_product(m, a);
}

Vec frequency(const Pairs& in, int c, int lanes) { return in.frequencies ? load_some(in.frequencies + c, lanes) : Vec(0.0f); }

void fetch_early(const Pairs& in, const float* table, int64_t n, int64_t end) {
    if (n + kAhead >= end) return;
    const int32_t* kernels = in.neighbours + (n + kAhead) * in.k;
    for (int p = 0; p < in.k; ++p)
        for (int c = 0; c < in.active; c += 16) __builtin_prefetch(table + kernels[p] * int64_t{in.channels} + c);
}

// out_c = bias_c + sum_k scale_k w_kc T(m_c a_k); bias and scales may be null.
template <int Order, bool Waves>
void sum_kernels(const Pairs& in, const float* table, const float* bias, const float* scales, float* out) {
    parallel_chunks(in.count, kPointChunk, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            fetch_early(in, table, n, end);
            const float *a = in.activations + n * in.k, *scale = scales ? scales + n * in.k : nullptr;
            const int32_t* kernels = in.neighbours + n * in.k;
            float* row = out + n * in.channels;
            for (int c = 0; c < in.active; c += kLanes) {
                const int lanes = in.active - c;
                const Vec m = frequency(in, c, lanes);
                Vec total = bias ? load_some(bias + c, lanes) : Vec(0.0f);
                for (int p = 0; p < in.k; ++p) {
                    Vec weight = load_some(table + kernels[p] * int64_t{in.channels} + c, lanes);
                    if (scale) weight *= Vec(scale[p]);
                    total = fma(weight, wave<Order, Waves>(m, Vec(a[p])), total);
                }
                store_some(total, row + c, lanes);
            }
            std::fill(row + in.active, row + in.channels, 0.0f);
        }
    });
}

// out_k = sum_c d_c w_kc T(m_c a_k)
template <int Order, bool Waves>
void sum_channels(const Pairs& in, const float* table, const float* d_features, float* out) {
    parallel_chunks(in.count, kPointChunk, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            fetch_early(in, table, n, end);
            const float *a = in.activations + n * in.k, *d = d_features + n * in.channels;
            for (int p = 0; p < in.k; ++p) {
                const float* weights = table + in.neighbours[n * in.k + p] * int64_t{in.channels};
                Vec total(0.0f);
                for (int c = 0; c < in.active; c += kLanes) {
                    const int lanes = in.active - c;
                    const Vec t = wave<Order, Waves>(frequency(in, c, lanes), Vec(a[p]));
                    total = fma(load_some(weights + c, lanes) * load_some(d + c, lanes), t, total);
                }
                out[n * in.k + p] = tree_sum(total);
            }
        }
    });
}

// Which pairs (point * k + place) each kernel is in, in order: list[starts[i]] to list[starts[i + 1]].
struct PairLists {
    std::vector<int64_t> starts;
    std::vector<int32_t> list;

    PairLists(const Pairs& in, int64_t kernels) : starts(kernels + 1), list(in.count * in.k) {
        const auto own = [&](auto&& body) {  // every thread looks at all pairs and takes those of its own kernels
            parallel_parts(kernels, 16, [&](int, int64_t begin, int64_t end) {
                const uint32_t first = static_cast<uint32_t>(begin), length = static_cast<uint32_t>(end - begin);
                for (int64_t pair = 0; pair < in.count * in.k; ++pair)
                    if (static_cast<uint32_t>(in.neighbours[pair]) - first < length) body(in.neighbours[pair], pair);
            });
        };
        own([&](int32_t kernel, int64_t) { ++starts[kernel + 1]; });
        for (int64_t i = 0; i < kernels; ++i) starts[i + 1] += starts[i];
        std::vector<int64_t> next(starts.begin(), starts.end() - 1);
        own([&](int32_t kernel, int64_t pair) { list[next[kernel]++] = static_cast<int32_t>(pair); });
    }
};

// out_kc = sum over the points that see kernel k of scale_k d_c T(m_c a_k). A kernel belongs to one thread and takes its points in
// their order: no atomics, and the same bits for any number of threads.
template <int Order, bool Waves>
void scatter(const Pairs& in, int64_t kernels, const float* d_features, const float* scales, float* out) {
    const PairLists pairs(in, kernels);
    parallel_chunks(kernels, kKernelChunk, [&](int64_t begin, int64_t end) {
        const int64_t last = pairs.starts[end];
        for (int64_t kernel = begin; kernel < end; ++kernel) {
            float* row = out + kernel * in.channels;
            for (int c = 0; c < in.active; c += kLanes) {
                const int lanes = in.active - c;
                const Vec m = frequency(in, c, lanes);
                Vec total(0.0f);
                for (int64_t i = pairs.starts[kernel]; i < pairs.starts[kernel + 1]; ++i) {
                    const int64_t pair = pairs.list[i];
                    if (c == 0 && i + 4 * kAhead < last) {
                        const int64_t later = pairs.list[i + 4 * kAhead];
                        __builtin_prefetch(in.activations + later);
                        for (int to = 0; to < in.active; to += 16) __builtin_prefetch(d_features + later / in.k * in.channels + to);
                    }
                    Vec d = load_some(d_features + pair / in.k * in.channels + c, lanes);
                    if (scales) d *= Vec(scales[pair]);
                    total = fma(d, wave<Order, Waves>(m, Vec(in.activations[pair])), total);
                }
                store_some(total, row + c, lanes);
            }
            std::fill(row + in.active, row + in.channels, 0.0f);
        }
    });
}

void sum_kernels_all(const SumKernels& call) {
    py::gil_scoped_release release;
    specialise(call.pairs, [&](auto order, auto waves) {
        sum_kernels<decltype(order)::value, decltype(waves)::value>(call.pairs, call.features, call.bias, call.scales, call.out);
    });
}

void sum_channels_all(const SumChannels& call) {
    py::gil_scoped_release release;
    specialise(call.pairs, [&](auto order, auto waves) {
        sum_channels<decltype(order)::value, decltype(waves)::value>(call.pairs, call.features, call.d_features, call.out);
    });
}

void scatter_all(const ScatterFeatures& call) {
    py::gil_scoped_release release;
    specialise(call.pairs, [&](auto order, auto waves) {
        scatter<decltype(order)::value, decltype(waves)::value>(call.pairs, call.kernels, call.d_features, call.scales, call.out);
    });
}

}  // namespace

void bind_features(py::module_& module) {
    define(module, "radial_basis_sum_kernels", sum_kernels_of, sum_kernels_all);
    define(module, "radial_basis_sum_channels", sum_channels_of, sum_channels_all);
    define(module, "radial_basis_scatter", scatter_of, scatter_all);
}

}  // namespace neurfield::radial_basis
