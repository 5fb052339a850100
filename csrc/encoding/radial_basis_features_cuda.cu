// From activations to features on the GPU: f_c = bias_c + sum_k w_kc T(m_c a_k), and all products that its derivatives are made of.
//
// T is sin(m a) with its derivatives by a, or without waves the activation itself, as on the CPU. Neighbouring threads have
// neighbouring channels of a point or of a pair, up to four each, so that they read and write whole rows.
#include <algorithm>
#include <bit>

#include "cuda/floats.h"
#include "encoding/radial_basis_arguments.h"
#include "encoding/radial_basis_families.h"
#include "encoding/sinusoid.h"

namespace neurfield::radial_basis {
namespace {

using cuda::Floats;

constexpr int kMostAcross = 64;  // threads that share a point
constexpr int kMostSumming = 8;  // threads that share a pair, where they add up what they have

template <int Order, bool Waves>
__device__ float wave(float m, float a) {
    if constexpr (!Waves) return Order == 0 ? a : Order == 1 ? 1.0f : 0.0f;
    if constexpr (Order == 0) return sine_of_product(m, a);
    if constexpr (Order == 1) return m * cosine_of_product(m, a);
    return -(m * m) * sine_of_product(m, a);
}

template <int Width>
__device__ Floats<Width> frequencies_at(const Pairs& in, int c) {
    return in.frequencies ? Floats<Width>::load(in.frequencies + c) : Floats<Width>{};
}

// out_c = bias_c + sum_k scale_k w_kc T(m_c a_k); bias and scales may be null.
template <int Order, bool Waves, int Width>
__global__ void __launch_bounds__(256) sum_kernels(const Pairs in, const float* __restrict__ table, const float* __restrict__ bias,
                                                   const float* __restrict__ scales, float* __restrict__ out) {
    const int64_t n = cuda::row_index();
    if (n >= in.count) return;
    for (int c = threadIdx.x * Width; c < in.channels; c += blockDim.x * Width) {
        Floats<Width> total{};
        if (c < in.active) {
            const Floats<Width> m = frequencies_at<Width>(in, c);
            if (bias) total = Floats<Width>::load(bias + c);
            for (int p = 0; p < in.k; ++p) {
                const int64_t pair = n * in.k + p, kernel = __ldg(in.neighbours + pair);
                const Floats<Width> w = Floats<Width>::load(table + kernel * in.channels + c);
                const float a = __ldg(in.activations + pair), scale = scales ? __ldg(scales + pair) : 1.0f;
                for (int i = 0; i < Width; ++i) total.at[i] += w.at[i] * scale * wave<Order, Waves>(m.at[i], a);
            }
            for (int i = 0; i < Width; ++i)
                if (c + i >= in.active) total.at[i] = 0.0f;
        }
        total.store(out + n * in.channels + c);
    }
}

// out_k = sum_c d_c w_kc T(m_c a_k): blockDim.x threads, a power of two, share a pair.
template <int Order, bool Waves, int Width>
__global__ void __launch_bounds__(256)
    sum_channels(const Pairs in, const float* __restrict__ table, const float* __restrict__ d_features, float* __restrict__ out) {
    const int64_t row = cuda::row_index(), pairs = in.count * in.k;
    const auto pair = static_cast<uint32_t>(row < pairs ? row : pairs - 1);  // all threads of a warp take part in the sums
    const int64_t n = pair / static_cast<uint32_t>(in.k), kernel = __ldg(in.neighbours + pair);
    const float a = __ldg(in.activations + pair);
    float total = 0.0f;
    for (int c = threadIdx.x * Width; c < in.active; c += blockDim.x * Width) {
        const Floats<Width> m = frequencies_at<Width>(in, c), w = Floats<Width>::load(table + kernel * in.channels + c);
        const Floats<Width> d = Floats<Width>::load(d_features + n * in.channels + c);
        for (int i = 0; i < Width; ++i)
            if (c + i < in.active) total += w.at[i] * d.at[i] * wave<Order, Waves>(m.at[i], a);
    }
    for (int half = blockDim.x / 2; half > 0; half /= 2) total += __shfl_xor_sync(cuda::kAllLanes, total, half);
    if (threadIdx.x == 0 && row < pairs) out[row] = total;
}

// Adds to out_kc, over the points that see kernel k, scale_k d_c T(m_c a_k). By atomics: the order of a kernel's sum is open.
template <int Order, bool Waves, int Width>
__global__ void __launch_bounds__(256)
    scatter(const Pairs in, const float* __restrict__ d_features, const float* __restrict__ scales, float* __restrict__ out) {
    const int64_t n = cuda::row_index();
    if (n >= in.count) return;
    for (int c = threadIdx.x * Width; c < in.active; c += blockDim.x * Width) {
        const Floats<Width> m = frequencies_at<Width>(in, c), d = Floats<Width>::load(d_features + n * in.channels + c);
        for (int p = 0; p < in.k; ++p) {
            const int64_t pair = n * in.k + p, kernel = __ldg(in.neighbours + pair);
            const float a = __ldg(in.activations + pair), scale = scales ? __ldg(scales + pair) : 1.0f;
            Floats<Width> share;
            for (int i = 0; i < Width; ++i) share.at[i] = c + i < in.active ? d.at[i] * scale * wave<Order, Waves>(m.at[i], a) : 0.0f;
            share.add_to(out + kernel * in.channels + c);
        }
    }
}

// Calls body(order, waves, width), all constants, with the width that the rows and all of these pointers allow.
template <class Body, class... Pointers>
void specialise(const Pairs& in, Body&& body, const Pointers*... pointers) {
    cuda::with_width(cuda::width_of(in.channels, in.frequencies, pointers...),
                     [&](auto width) { specialise(in, [&](auto order, auto waves) { body(order, waves, width); }); });
}

int across(const Pairs& in, int width) { return std::clamp(in.channels / width, 1, kMostAcross); }

void sum_kernels_all(const SumKernels& call) {
    const Pairs& in = call.pairs;
    const auto start = [&](auto order, auto waves, auto width) {
        cuda::launch(sum_kernels<decltype(order)::value, decltype(waves)::value, decltype(width)::value>,
                     cuda::rows_each(in.count, across(in, width)), in, call.features, call.bias, call.scales, call.out);
    };
    specialise(in, start, call.features, call.bias, call.out);
}

void sum_channels_all(const SumChannels& call) {
    const Pairs& in = call.pairs;
    const auto start = [&](auto order, auto waves, auto width) {
        const int shares = std::max(in.active / static_cast<int>(width), 1);
        const int sharing = std::min<int>(std::bit_ceil(static_cast<unsigned>(shares)), kMostSumming);
        cuda::launch(sum_channels<decltype(order)::value, decltype(waves)::value, decltype(width)::value>,
                     cuda::rows_each(in.count * in.k, sharing), in, call.features, call.d_features, call.out);
    };
    specialise(in, start, call.features, call.d_features);
}

void scatter_all(const ScatterFeatures& call) {
    const Pairs& in = call.pairs;
    cuda::clear(call.out, call.kernels * in.channels);
    const auto start = [&](auto order, auto waves, auto width) {
        cuda::launch(scatter<decltype(order)::value, decltype(waves)::value, decltype(width)::value>,
                     cuda::rows_each(in.count, across(in, width)), in, call.d_features, call.scales, call.out);
    };
    specialise(in, start, call.d_features, call.out);
}

}  // namespace

void bind_features(py::module_& module) {
    define(module, "radial_basis_sum_kernels", sum_kernels_of, sum_kernels_all);
    define(module, "radial_basis_sum_channels", sum_channels_of, sum_channels_all);
    define(module, "radial_basis_scatter", scatter_of, scatter_all);
}

}  // namespace neurfield::radial_basis
