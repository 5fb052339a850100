// Tri-planes on the GPU: one launch a level. A few neighbouring threads share a point, each with up to four of a texel's features:
// together they read whole texels and write whole rows. Each finds the point's place by itself.
#include <pybind11/stl.h>

#include <algorithm>
#include <bit>

#include "common/families.h"
#include "cuda/floats.h"
#include "encoding/triplane_arguments.h"

namespace neurfield {
namespace triplane {
namespace {

using cuda::Floats;

constexpr int kMostAcross = 64;  // threads that share a point
constexpr int kMostPulling = 8;  // the same where they add up what they find: more would save little and find the place more often

// One level of a call.
struct Slice {
    Level level;
    int64_t count, row, first;  // points; floats in a row of features; where this level's begin in one
    int features;               // of a texel
    bool smooth;
    Combination combination;

    // Floats from a texel to the one above, from a plane to the next, and from one plane's features to the next's in a row.
    __device__ int64_t step() const { return int64_t{level.resolution} * features; }
    __device__ int64_t plane() const { return step() * level.resolution; }
    __device__ int apart() const { return combination == Combination::concatenation ? features : 0; }
};

Slice slice_of(const Call& call, int l, int64_t count) {
    return {call.planes.levels[l], count, call.row(), l * call.level_dim(), call.planes.features, call.smooth, call.combination};
}

template <int D>
struct Place {
    Axis axes[D];

    __device__ Place(const Slice& in, const float* points, int64_t n) {
#pragma unroll
        for (int k = 0; k < D; ++k) axes[k] = locate(__ldg(points + n * D + k), in.level, in.smooth);
    }
    // The first of the four texels of plane (k, l).
    __device__ int64_t corner(const Slice& in, int k, int l) const { return axes[l].cell * in.step() + axes[k].cell * in.features; }
};

template <int D>
__device__ void read(const float* rows, int64_t n, float out[D]) {
#pragma unroll
    for (int k = 0; k < D; ++k) out[k] = rows ? __ldg(rows + n * D + k) : 0.0f;
}

// The four texels around a point in one plane, a thread's share of their features.
template <int Width>
struct Patch {
    Floats<Width> texel[4];

    __device__ Patch(const Slice& in, const float* near)
        : texel{Floats<Width>::load(near), Floats<Width>::load(near + in.features), Floats<Width>::load(near + in.step()),
                Floats<Width>::load(near + in.step() + in.features)} {}
    __device__ float blend(const float weights[4], int i) const {
        return weights[0] * texel[0].at[i] + weights[1] * texel[1].at[i] + weights[2] * texel[2].at[i] + weights[3] * texel[3].at[i];
    }
};

template <int D, int Width, bool Changes>
__global__ void __launch_bounds__(256) encode_level(const Slice in, const float* __restrict__ points, const float* __restrict__ tangent,
                                                    const float* __restrict__ texels, float* __restrict__ out) {
    const int64_t n = cuda::row_index();
    if (n >= in.count) return;
    const Place<D> place(in, points, n);
    float along[D];
    read<D>(Changes ? tangent : nullptr, n, along);
    for (int f = threadIdx.x * Width; f < in.features; f += blockDim.x * Width) {
        const float* plane = texels + in.level.offset + f;
        float* to = out + n * in.row + in.first + f;
        Floats<Width> total{};
#pragma unroll
        for (int k = 0; k < D; ++k)
#pragma unroll
            for (int l = k + 1; l < D; ++l, plane += in.plane(), to += in.apart()) {
                float weights[4];
                if constexpr (Changes)
                    tangent_weights(place.axes[k], place.axes[l], along[k], along[l], weights);
                else
                    value_weights(place.axes[k], place.axes[l], weights);
                const Patch<Width> patch(in, plane + place.corner(in, k, l));
                const bool product = in.combination == Combination::product && k + l > 1;
                for (int i = 0; i < Width; ++i) {
                    const float value = patch.blend(weights, i);
                    total.at[i] = product ? total.at[i] * value : total.at[i] + value;
                }
                if (in.combination == Combination::concatenation) {
                    total.store(to);
                    total = {};
                }
            }
        if (in.combination != Combination::concatenation) total.store(to);
    }
}

// blockDim.x, a power of two, threads add up a point's gradient; the first of them writes it, to what earlier levels left there.
template <int D, int Width, bool Bent>
__global__ void __launch_bounds__(256)
    pull_level(const Slice in, const bool first, const float* __restrict__ points, const float* __restrict__ vector,
               const float* __restrict__ texels, const float* __restrict__ d_features, float* __restrict__ out) {
    const int64_t row = cuda::row_index(), n = row < in.count ? row : in.count - 1;  // all threads of a warp take part in the sums
    const Place<D> place(in, points, n);
    float along[D], totals[D] = {};
    read<D>(Bent ? vector : nullptr, n, along);
    for (int f = threadIdx.x * Width; f < in.features; f += blockDim.x * Width) {
        const float *plane = texels + in.level.offset + f, *from = d_features + n * in.row + in.first + f;
#pragma unroll
        for (int k = 0; k < D; ++k)
#pragma unroll
            for (int l = k + 1; l < D; ++l, plane += in.plane(), from += in.apart()) {
                float by_k[4], by_l[4];
                if constexpr (Bent)
                    hessian_weights(place.axes[k], place.axes[l], along[k], along[l], by_k, by_l);
                else
                    slope_weights(place.axes[k], place.axes[l], by_k, by_l);
                const Patch<Width> patch(in, plane + place.corner(in, k, l));
                const Floats<Width> d = Floats<Width>::load(from);
                for (int i = 0; i < Width; ++i) {
                    totals[k] += d.at[i] * patch.blend(by_k, i);
                    totals[l] += d.at[i] * patch.blend(by_l, i);
                }
            }
    }
    for (int half = blockDim.x / 2; half > 0; half /= 2)
#pragma unroll
        for (int k = 0; k < D; ++k) totals[k] += __shfl_xor_sync(cuda::kAllLanes, totals[k], half);
    if (threadIdx.x != 0 || row >= in.count) return;
#pragma unroll
    for (int k = 0; k < D; ++k) out[n * D + k] = first ? totals[k] : out[n * D + k] + totals[k];
}

// Adds w * d_features + (grad w . tangent) * d_value to the texels; either term may be missing. By atomics: the order of a texel's
// sum is open.
template <int D, int Width>
__global__ void __launch_bounds__(256)
    scatter_level(const Slice in, const float* __restrict__ points, const float* __restrict__ d_features, const float* __restrict__ tangent,
                  const float* __restrict__ d_value, float* __restrict__ texels) {
    const int64_t n = cuda::row_index();
    if (n >= in.count) return;
    const Place<D> place(in, points, n);
    float along[D];
    read<D>(tangent, n, along);
    for (int f = threadIdx.x * Width; f < in.features; f += blockDim.x * Width) {
        float* plane = texels + in.level.offset + f;
        int64_t from = n * in.row + in.first + f;
#pragma unroll
        for (int k = 0; k < D; ++k)
#pragma unroll
            for (int l = k + 1; l < D; ++l, plane += in.plane(), from += in.apart()) {
                float weights[4], changes[4];
                value_weights(place.axes[k], place.axes[l], weights);
                tangent_weights(place.axes[k], place.axes[l], along[k], along[l], changes);
                const Floats<Width> by_value = d_features ? Floats<Width>::load(d_features + from) : Floats<Width>{};
                const Floats<Width> by_change = d_value ? Floats<Width>::load(d_value + from) : Floats<Width>{};
                float* near = plane + place.corner(in, k, l);
#pragma unroll
                for (int corner = 0; corner < 4; ++corner) {
                    Floats<Width> share;
                    for (int i = 0; i < Width; ++i) share.at[i] = weights[corner] * by_value.at[i] + changes[corner] * by_change.at[i];
                    share.add_to(near + (corner % 2 ? in.features : 0) + (corner / 2 ? in.step() : 0));
                }
            }
    }
}

// Zeros where the levels that take no part would write, the last `silent` floats of each row.
__global__ void __launch_bounds__(256) clear_columns(int64_t count, int64_t row, int64_t silent, float* out) {
    const int64_t n = cuda::row_index();
    if (n >= count) return;
    for (int64_t i = row - silent + threadIdx.x; i < row; i += blockDim.x) out[n * row + i] = 0.0f;
}

int across(const Planes& planes, int width) { return std::min(planes.features / width, kMostAcross); }

// Calls body(dimensions, width), both constants, with the width that all of these pointers allow.
template <class Body, class... Pointers>
void specialise(const Planes& planes, Body&& body, const Pointers*... pointers) {
    with_dimensions(planes.dimensions, [&](auto dimensions) {
        cuda::with_width(cuda::width_of(planes.features, pointers...), [&](auto width) { body(dimensions, width); });
    });
}

void encode(const Encode& in) {
    const Call& call = in.call;
    const Planes& planes = call.planes;
    const int64_t count = in.count, silent = call.row() - call.active * call.level_dim();
    const auto start = [&](auto dimensions, auto width) {
        constexpr int D = dimensions, Width = width;
        for (int l = 0; l < call.active; ++l)
            cuda::launch(in.tangent ? encode_level<D, Width, true> : encode_level<D, Width, false>,
                         cuda::rows_each(count, across(planes, width)), slice_of(call, l, count), in.points, in.tangent, in.texels, in.out);
    };
    specialise(planes, start, in.texels, in.out);
    if (silent > 0)
        cuda::launch(clear_columns, cuda::rows_each(count, static_cast<int>(std::min<int64_t>(silent, 32))), count, call.row(), silent,
                     in.out);
}

void pull(const Pull& in) {
    const Call& call = in.call;
    const Planes& planes = call.planes;
    if (call.active == 0) return cuda::clear(in.out, in.count * planes.dimensions);
    const auto start = [&](auto dimensions, auto width) {
        constexpr int D = dimensions, Width = width;
        const int sharing = std::min<int>(std::bit_ceil(static_cast<unsigned>(planes.features / Width)), kMostPulling);
        for (int l = 0; l < call.active; ++l)
            cuda::launch(in.vector ? pull_level<D, Width, true> : pull_level<D, Width, false>, cuda::rows_each(in.count, sharing),
                         slice_of(call, l, in.count), l == 0, in.points, in.vector, in.texels, in.d_features, in.out);
    };
    specialise(planes, start, in.texels, in.d_features);
}

void scatter(const Scatter& in) {
    const Call& call = in.call;
    const auto start = [&](auto dimensions, auto width) {
        for (int l = 0; l < call.active; ++l)
            cuda::launch(scatter_level<dimensions, width>, cuda::rows_each(in.count, across(call.planes, width)),
                         slice_of(call, l, in.count), in.points, in.d_features, in.tangent, in.d_value, in.d_texels);
    };
    specialise(call.planes, start, in.d_texels, in.d_features, in.d_value);
}

}  // namespace
}  // namespace triplane

void bind_triplane(py::module_& module) {
    py::class_<triplane::Planes>(module, "TriPlanes", py::module_local()).def(py::init(&triplane::make_planes));
    define(module, "triplane_encode", triplane::encode_of, triplane::encode);
    define(module, "triplane_pull", triplane::pull_of, triplane::pull);
    define(module, "triplane_scatter", triplane::scatter_of, triplane::scatter);
}

}  // namespace neurfield
