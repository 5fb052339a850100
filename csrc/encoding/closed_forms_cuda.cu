// Encodings without parameters. Waves and blobs have threads along the columns of points, harmonics a thread a direction.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "common/families.h"
#include "cuda/launch.h"
#include "encoding/closed_forms.h"
#include "encoding/closed_forms_arguments.h"

namespace neurfield {
namespace closed_forms {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostAtOnce = int64_t{1} << 30;  // threads of a launch: their numbers are divided in 32 bits

// Calls body(order) with a compile-time 0, 1 or 2.
template <class Body>
void with_order(int order, Body&& body) {
    switch (order) {
        case 0: return body(std::integral_constant<int, 0>());
        case 1: return body(std::integral_constant<int, 1>());
        default: return body(std::integral_constant<int, 2>());
    }
}

// Calls body(begin, count) for runs of points that have at most kMostAtOnce threads, `each` of them a point.
template <class Body>
void in_runs(int64_t count, int64_t each, Body&& body) {
    const int64_t run = std::max<int64_t>(1, kMostAtOnce / std::max<int64_t>(1, each));
    for (int64_t begin = 0; begin < count; begin += run) body(begin, std::min(run, count - begin));
}

// Order-th derivatives of sin and cos of 2^k pi x, by their own axes: out [N, bands][2][D], a thread for either of an axis in a band.
// 2^k x is exact, and so is what is left of it above whole turns. height: pi to the power of Order.
template <int Order>
__global__ void __launch_bounds__(kThreads) waves(uint32_t count, uint32_t dimensions, uint32_t bands, uint32_t active, float height,
                                                  const float* __restrict__ points, float* __restrict__ out) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x, each = dimensions * bands;
    if (i >= count * each) return;
    const uint32_t point = i / each, column = i % each, band = column / dimensions, axis = column % dimensions;
    float sine = 0.0f, cosine = 0.0f, by_sine = 0.0f, by_cosine = 0.0f;
    if (band < active) {
        const int doublings = static_cast<int>(band);
        sincospif(ldexpf(__ldg(points + static_cast<int64_t>(point) * dimensions + axis), doublings), &sine, &cosine);
        const float scale = ldexpf(height, Order * doublings);
        by_sine = scale * (Order == 0 ? sine : Order == 1 ? cosine : -sine);
        by_cosine = scale * (Order == 0 ? cosine : Order == 1 ? -sine : -cosine);
    }
    float* to = out + (static_cast<int64_t>(point) * bands + band) * (2 * dimensions) + axis;
    to[0] = by_sine;
    to[dimensions] = by_cosine;
}

void frequency(const Waves& call) {
    const int64_t each = call.dimensions * call.bands;
    const float height = static_cast<float>(std::pow(3.14159265358979, call.order));
    with_order(call.order, [&](auto constant) {
        in_runs(call.count, each, [&](int64_t begin, int64_t some) {
            cuda::launch(waves<decltype(constant)::value>, cuda::one_each(some * each, kThreads), static_cast<uint32_t>(some),
                         static_cast<uint32_t>(call.dimensions), static_cast<uint32_t>(call.bands), static_cast<uint32_t>(call.active),
                         height, call.points + begin * call.dimensions, call.out + begin * call.row());
        });
    });
}

// Order-th derivatives of the bins' shares of a blob around x that is two bins wide and wraps around: out [N, D][bins], a thread a
// share. height: minus the number of bins to the power of Order.
template <int Order>
__global__ void __launch_bounds__(kThreads)
    blobs(uint32_t count, uint32_t bins, float height, const float* __restrict__ coordinates, float* __restrict__ out) {
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count * bins) return;
    const float scale = static_cast<float>(bins), x = __ldg(coordinates + i / bins);
    const float left = static_cast<float>(i % bins) - scale * (x - floorf(x));
    const auto below = [](float u) { return quartic_step<Order>(u > 1.0f ? 1.0f : u < -1.0f ? -1.0f : u); };  // NaN stays NaN
    float share = 0.0f;
#pragma unroll
    for (int turn = -1; turn <= 1; ++turn) {
        const float from = left + static_cast<float>(turn) * scale;
        share += below(from + 1.0f) - below(from);
    }
    out[i] = share * height;
}

void one_blob(const Blobs& call) {
    const int64_t bins = call.bins;
    const float height = static_cast<float>(std::pow(-static_cast<double>(bins), call.order));
    with_order(call.order, [&](auto constant) {
        in_runs(call.count, bins, [&](int64_t begin, int64_t some) {
            cuda::launch(blobs<decltype(constant)::value>, cuda::one_each(some * bins, kThreads), static_cast<uint32_t>(some),
                         static_cast<uint32_t>(bins), height, call.coordinates + begin, call.out + begin * bins);
        });
    });
}

// Calls body(degree) with a compile-time 1 to 4.
template <class Body>
void with_degree(int degree, Body&& body) {
    switch (degree) {
        case 1: return body(std::integral_constant<int, 1>());
        case 2: return body(std::integral_constant<int, 2>());
        case 3: return body(std::integral_constant<int, 3>());
        default: return body(std::integral_constant<int, 4>());
    }
}

// Rows of even degrees are whole quadruples, and move as such where they are aligned.
template <int Degree>
__global__ void __launch_bounds__(kThreads)
    values_kernel(int64_t count, const float* __restrict__ directions, bool aligned, float* __restrict__ out) {
    constexpr int Row = Degree * Degree;
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    float values[Row];
    const float* direction = directions + 3 * i;
    harmonics(__ldg(direction), __ldg(direction + 1), __ldg(direction + 2), Degree, values);
    if (Row % 4 == 0 && aligned) {
#pragma unroll
        for (int k = 0; k + 4 <= Row; k += 4)
            *reinterpret_cast<float4*>(out + i * Row + k) = make_float4(values[k], values[k + 1], values[k + 2], values[k + 3]);
    } else {
#pragma unroll
        for (int k = 0; k < Row; ++k) out[i * Row + k] = values[k];
    }
}

template <int Degree>
__global__ void __launch_bounds__(kThreads) t_product_kernel(int64_t count, const float* __restrict__ directions,
                                                             const float* __restrict__ d_values, bool aligned, float* __restrict__ out) {
    constexpr int Row = Degree * Degree;
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    float d[Row], gradient[3];
    if (Row % 4 == 0 && aligned) {
#pragma unroll
        for (int k = 0; k + 4 <= Row; k += 4) {
            const float4 four = __ldg(reinterpret_cast<const float4*>(d_values + i * Row + k));
            d[k] = four.x, d[k + 1] = four.y, d[k + 2] = four.z, d[k + 3] = four.w;
        }
    } else {
#pragma unroll
        for (int k = 0; k < Row; ++k) d[k] = __ldg(d_values + i * Row + k);
    }
    const float* direction = directions + 3 * i;
    harmonics_t_product(__ldg(direction), __ldg(direction + 1), __ldg(direction + 2), Degree, d, gradient);
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) out[3 * i + axis] = gradient[axis];
}

bool aligned(const float* pointer) { return reinterpret_cast<uintptr_t>(pointer) % sizeof(float4) == 0; }

void spherical_harmonics(const Harmonics& call) {
    with_degree(call.degree, [&](auto constant) {
        cuda::launch(values_kernel<decltype(constant)::value>, cuda::one_each(call.count, kThreads), call.count, call.directions,
                     aligned(call.out), call.out);
    });
}

void spherical_harmonics_t_product(const HarmonicsGradient& call) {
    with_degree(call.degree, [&](auto constant) {
        cuda::launch(t_product_kernel<decltype(constant)::value>, cuda::one_each(call.count, kThreads), call.count, call.directions,
                     call.d_values, aligned(call.d_values), call.out);
    });
}

}  // namespace
}  // namespace closed_forms

void bind_closed_forms(py::module_& module) {
    define(module, "frequency", closed_forms::frequency_of, closed_forms::frequency);
    define(module, "one_blob", closed_forms::one_blob_of, closed_forms::one_blob);
    define(module, "spherical_harmonics", closed_forms::spherical_harmonics_of, closed_forms::spherical_harmonics);
    define(module, "spherical_harmonics_t_product", closed_forms::spherical_harmonics_t_product_of,
           closed_forms::spherical_harmonics_t_product);
}

}  // namespace neurfield
