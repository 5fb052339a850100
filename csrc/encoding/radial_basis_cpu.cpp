// How much each of a point's nearest kernels responds, normalised, and the derivatives of that along the points.
#include <algorithm>
#include <type_traits>

#include "common/families.h"
#include "common/parallel.h"
#include "encoding/radial_basis_arguments.h"
#include "encoding/radial_basis_families.h"

namespace neurfield {
namespace radial_basis {
namespace {

constexpr int64_t kActivated = 1024;  // points of a task, whole blocks

// A block of kLanes points: pair p * kLanes + i is point i with its p-th neighbour.
template <int D>
struct Block {
    alignas(64) float delta[D][kMaxNeighbours * kLanes], factor[factor_size(D)][kMaxNeighbours * kLanes];
    alignas(64) float inverse_square[kMaxNeighbours * kLanes], value[kMaxNeighbours * kLanes], slope[D][kMaxNeighbours * kLanes];
    alignas(64) float along[D][kLanes], bend[D][kMaxNeighbours * kLanes];

    void take(const Kernels& in, int64_t begin, int size) {
        for (int i = 0; i < kLanes; ++i) {
            const int64_t n = begin + std::min(i, size - 1);  // lanes past the end repeat the last point
            for (int p = 0; p < in.k; ++p) {
                const int64_t kernel = in.neighbours[n * in.k + p];
                const int at = p * kLanes + i;
                for (int axis = 0; axis < D; ++axis) delta[axis][at] = in.points[n * D + axis] - in.centres[kernel * D + axis];
                for (int j = 0; j < factor_size(D); ++j) factor[j][at] = in.factors[kernel * factor_size(D) + j];
                inverse_square[at] = in.blended() ? in.inverse_squares[kernel] : 0.0f;
            }
        }
    }

    template <Kind K>
    void respond(int k, bool bends) {
        for (int at = 0; at < k * kLanes; at += kLanes) {
            Vec d[D], f[factor_size(D)], by_x[D];
            for (int axis = 0; axis < D; ++axis) d[axis] = Vec::load(delta[axis] + at);
            for (int j = 0; j < factor_size(D); ++j) f[j] = Vec::load(factor[j] + at);
            const Vec window = Vec::load(inverse_square + at);
            activation<K, D>(d, f, window, by_x).store(value + at);
            for (int axis = 0; axis < D; ++axis) by_x[axis].store(slope[axis] + at);
            if (!bends) continue;
            Vec v[D], bent[D];
            for (int axis = 0; axis < D; ++axis) v[axis] = Vec::load(along[axis]);
            activation_bend<K, D>(d, f, window, v, bent);
            for (int axis = 0; axis < D; ++axis) bent[axis].store(bend[axis] + at);
        }
    }

    // Of point i: one over what its responses are divided by.
    float inverse_sum(const Kernels& in, int i) const {
        if (!in.normalise) return 1.0f;
        float total = 0.0f;
        for (int p = 0; p < in.k; ++p) total += value[p * kLanes + i];
        return 1.0f / (total + in.floor);
    }
};

// Calls body(block, first point, points in it) for all blocks, on all threads.
template <int D, class Body>
void for_blocks(const Kernels& in, Body&& body) {
    parallel_chunks(in.count, kActivated, [&](int64_t begin, int64_t end) {
        Block<D> block;
        for (int64_t first = begin; first < end; first += kLanes) {
            const int size = static_cast<int>(std::min<int64_t>(kLanes, end - first));
            block.take(in, first, size);
            body(block, first, size);
        }
    });
}

// values [count, k]; jacobian [count, k, D] where asked for.
template <int D, Kind K>
void activate(const Kernels& in, float* values, float* jacobian) {
    for_blocks<D>(in, [&](Block<D>& block, int64_t first, int size) {
        block.template respond<K>(in.k, false);
        for (int i = 0; i < size; ++i) {
            const float scale = block.inverse_sum(in, i);
            float* value = values + (first + i) * in.k;
            for (int p = 0; p < in.k; ++p) value[p] = block.value[p * kLanes + i] * scale;
            if (!jacobian) continue;
            float turn[D] = {};
            if (in.normalise && in.blended())
                for (int p = 0; p < in.k; ++p)
                    for (int axis = 0; axis < D; ++axis) turn[axis] += block.slope[axis][p * kLanes + i];
            float* row = jacobian + (first + i) * in.k * D;
            for (int p = 0; p < in.k; ++p)
                for (int axis = 0; axis < D; ++axis)
                    row[p * D + axis] = (block.slope[axis][p * kLanes + i] - value[p] * turn[axis]) * scale;
        }
    });
}

// out [count, D]: how the gradient sum_k weights_k grad a_k turns as the point moves along `along` [count, D].
template <int D, Kind K>
void bend(const Kernels& in, const float* weights, const float* along, float* out) {
    for_blocks<D>(in, [&](Block<D>& block, int64_t first, int size) {
        for (int i = 0; i < kLanes; ++i)
            for (int axis = 0; axis < D; ++axis) block.along[axis][i] = along[(first + std::min(i, size - 1)) * D + axis];
        block.template respond<K>(in.k, true);
        const bool sum_moves = in.normalise && in.blended();
        for (int i = 0; i < size; ++i) {
            const float scale = block.inverse_sum(in, i);
            const float* weight = weights + (first + i) * in.k;
            float rate[kMaxNeighbours], sum_rate = 0.0f, mean = 0.0f, mean_rate = 0.0f, gradient[D] = {}, turn[D] = {};
            if (sum_moves) {
                // a_k = psi_k / Z: the gradient is sum (weight_k - mean) grad psi_k / Z with mean = sum weight_k a_k.
                for (int p = 0; p < in.k; ++p) {
                    rate[p] = 0.0f;
                    for (int axis = 0; axis < D; ++axis) rate[p] += block.slope[axis][p * kLanes + i] * block.along[axis][i];
                    sum_rate += rate[p];
                    mean += weight[p] * block.value[p * kLanes + i] * scale;
                }
                for (int p = 0; p < in.k; ++p) mean_rate += weight[p] * (rate[p] - block.value[p * kLanes + i] * scale * sum_rate) * scale;
            }
            for (int p = 0; p < in.k; ++p)
                for (int axis = 0; axis < D; ++axis) {
                    const int at = p * kLanes + i;
                    gradient[axis] += (weight[p] - mean) * block.slope[axis][at];
                    turn[axis] += (weight[p] - mean) * block.bend[axis][at] - mean_rate * block.slope[axis][at];
                }
            for (int axis = 0; axis < D; ++axis) out[(first + i) * D + axis] = (turn[axis] - gradient[axis] * sum_rate * scale) * scale;
        }
    });
}

void activate_all(const Activate& call) {
    py::gil_scoped_release release;
    specialise(call.kernels, [&](auto dimensions, auto kind) {
        activate<decltype(dimensions)::value, decltype(kind)::value>(call.kernels, call.values, call.jacobian);
    });
}

void bend_all(const Bend& call) {
    py::gil_scoped_release release;
    specialise(call.kernels, [&](auto dimensions, auto kind) {
        bend<decltype(dimensions)::value, decltype(kind)::value>(call.kernels, call.weights, call.along, call.out);
    });
}

}  // namespace
}  // namespace radial_basis

void bind_radial_basis(py::module_& module) {
    define(module, "radial_basis_activate", radial_basis::activate_of, radial_basis::activate_all);
    define(module, "radial_basis_bend", radial_basis::bend_of, radial_basis::bend_all);
    radial_basis::bind_kernel_lookup(module);
    radial_basis::bind_features(module);
    radial_basis::bind_kernel_support(module);
}

}  // namespace neurfield
