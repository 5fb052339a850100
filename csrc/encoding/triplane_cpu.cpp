// Tri-planes: features of points and their derivatives by the points. One point after the other, vectors along a texel's features,
// which lie side by side.
#include <pybind11/stl.h>

#include <algorithm>

#include "encoding/triplane_planes.h"

#include "common/families.h"
#include "common/parallel.h"

namespace neurfield {
namespace triplane {
namespace {

constexpr int64_t kChunk = 1024;  // points of a task
constexpr int kAhead = 16;        // points located, and their texels called for, before the first of them is read

// Texels around a point in one plane, with one or two sets of weights.
template <int Sets>
struct Patch {
    const float* near;  // corners 0 and 1
    int64_t row;        // from there to corners 2 and 3
    float weights[Sets][4];
};

inline void call_for(const float* texel, int64_t floats) {
    for (int64_t i = 0; i < floats; i += 16) __builtin_prefetch(texel + i);
    __builtin_prefetch(texel + floats - 1);
}

// Patches [count][planes] of one level; weigh(a, b, i, k, l, weights) fills in what is asked of plane (k, l) of point i.
template <int D, int Sets, class Weigh>
void locate_patches(const Call& call, const Level& level, const float* texels, const float* points, int64_t count, Patch<Sets>* patches,
                    Weigh&& weigh) {
    const int64_t features = call.planes.features, row = level.resolution * features, size = call.planes.plane_size(level);
    for (int64_t i = 0; i < count; ++i) {
        Axis axes[D];
        for (int k = 0; k < D; ++k) axes[k] = locate(points[i * D + k], level, call.smooth);
        const float* plane = texels + level.offset;
        for (int k = 0; k < D; ++k)
            for (int l = k + 1; l < D; ++l, plane += size, ++patches) {
                patches->near = plane + axes[l].cell * row + axes[k].cell * features;
                patches->row = row;
                weigh(axes[k], axes[l], i, k, l, patches->weights);
                call_for(patches->near, 2 * features);
                call_for(patches->near + row, 2 * features);
            }
    }
}

// Weighted texels of one plane, a block of their features.
template <int Width>
[[gnu::always_inline]] inline typename Block<Width>::Floats blend(const float* near, int64_t row, int64_t step, const float weights[4]) {
    const float* far = near + row;
    return weights[0] * Block<Width>::load(near) + weights[1] * Block<Width>::load(near + step) + weights[2] * Block<Width>::load(far) +
           weights[3] * Block<Width>::load(far + step);
}

template <int D, int Width>
void gather_point(const Call& call, const Patch<1>* patches, float* out) {
    constexpr int planes = D * (D - 1) / 2;
    const int64_t features = call.planes.features;
    for (int64_t f = 0; f < features; f += Width) {
        typename Block<Width>::Floats total{};
        for (int p = 0; p < planes; ++p) {
            const auto value = blend<Width>(patches[p].near + f, patches[p].row, features, patches[p].weights[0]);
            if (call.combination == Combination::concatenation)
                Block<Width>::store(value, out + p * features + f);
            else if (call.combination == Combination::sum || p == 0)
                total = total + value;
            else
                total = total * value;
        }
        if (call.combination != Combination::concatenation) Block<Width>::store(total, out + f);
    }
}

template <int D, int Width>
void pull_point(const Call& call, const Patch<2>* patches, const float* d_features, float* out) {
    const int64_t features = call.planes.features, step = call.combination == Combination::concatenation ? features : 0;
    typename Block<Width>::Floats totals[D] = {};
    for (int64_t f = 0; f < features; f += Width) {
        const Patch<2>* patch = patches;
        const float* d = d_features + f;
        for (int k = 0; k < D; ++k)
            for (int l = k + 1; l < D; ++l, ++patch, d += step) {
                const auto adjoint = Block<Width>::load(d);
                totals[k] += adjoint * blend<Width>(patch->near + f, patch->row, features, patch->weights[0]);
                totals[l] += adjoint * blend<Width>(patch->near + f, patch->row, features, patch->weights[1]);
            }
    }
    for (int k = 0; k < D; ++k) out[k] += Block<Width>::sum(totals[k]);
}

// body(dimensions, width, begin, count) for every few points.
template <class Body>
void for_points(const Planes& planes, int64_t count, Body&& body) {
    with_dimensions(planes.dimensions, [&](auto dimensions) {
        with_width(planes.features, [&](auto width) {
            parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; i += kAhead) body(dimensions, width, i, std::min<int64_t>(kAhead, end - i));
            });
        });
    });
}

void encode(const Encode& in) {
    const Call& call = in.call;
    const Planes& planes = call.planes;
    const int active = call.active;
    float* out = in.out;
    py::gil_scoped_release release;
    for_points(planes, in.count, [&](auto dimensions, auto width, int64_t begin, int64_t some) {
        constexpr int D = dimensions, kPlanes = D * (D - 1) / 2;
        Patch<1> patches[kAhead * kPlanes];
        const float* along = in.tangent ? in.tangent + begin * D : nullptr;
        for (int l = 0; l < active; ++l) {
            locate_patches<D, 1>(call, planes.levels[l], in.texels, in.points + begin * D, some, patches,
                                 [&](const Axis& a, const Axis& b, int64_t i, int k, int m, float weights[1][4]) {
                                     if (along)
                                         tangent_weights(a, b, along[i * D + k], along[i * D + m], weights[0]);
                                     else
                                         value_weights(a, b, weights[0]);
                                 });
            for (int64_t i = 0; i < some; ++i)
                gather_point<D, width>(call, patches + i * kPlanes, out + (begin + i) * call.row() + l * call.level_dim());
        }
        for (int64_t i = begin; i < begin + some; ++i)
            std::fill(out + i * call.row() + active * call.level_dim(), out + (i + 1) * call.row(), 0.0f);
    });
}

void pull(const Pull& in) {
    const Call& call = in.call;
    const Planes& planes = call.planes;
    float* out = in.out;
    py::gil_scoped_release release;
    for_points(planes, in.count, [&](auto dimensions, auto width, int64_t begin, int64_t some) {
        constexpr int D = dimensions, kPlanes = D * (D - 1) / 2;
        Patch<2> patches[kAhead * kPlanes];
        const float* along = in.vector ? in.vector + begin * D : nullptr;
        std::fill(out + begin * D, out + (begin + some) * D, 0.0f);
        for (int l = 0; l < call.active; ++l) {
            locate_patches<D, 2>(call, planes.levels[l], in.texels, in.points + begin * D, some, patches,
                                 [&](const Axis& a, const Axis& b, int64_t i, int k, int m, float weights[2][4]) {
                                     if (along)
                                         hessian_weights(a, b, along[i * D + k], along[i * D + m], weights[0], weights[1]);
                                     else
                                         slope_weights(a, b, weights[0], weights[1]);
                                 });
            for (int64_t i = 0; i < some; ++i)
                pull_point<D, width>(call, patches + i * kPlanes, in.d_features + (begin + i) * call.row() + l * call.level_dim(),
                                     out + (begin + i) * D);
        }
    });
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
