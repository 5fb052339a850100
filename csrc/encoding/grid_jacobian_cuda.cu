// Products with the jacobian that the encoding wrote: [tiles, levels, D, F, kJacobianLanes], so that a warp reads it side by side.
#include "encoding/grid_families.h"
#include "encoding/grid_kernels_common.h"

namespace neurfield::grid {
namespace {

template <int D, int F>
__global__ void __launch_bounds__(kThreads)
    product_kernel(int levels, int group, int64_t count, const float* __restrict__ jacobian, const float* __restrict__ tangent,
                   float factor, float* __restrict__ out, int64_t row, bool whole_rows) {
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    float steps[D];
#pragma unroll
    for (int k = 0; k < D; ++k) steps[k] = factor * __ldg(tangent + i * D + k);
    const float* tile = jacobian + i / kJacobianLanes * levels * (D * F * kJacobianLanes) + i % kJacobianLanes;
    const int first = static_cast<int>(blockIdx.y) * group, last = min(first + group, levels);
    for (int l = first; l < last; ++l) {
        const float* slopes = tile + l * (D * F * kJacobianLanes);
        float change[F] = {};
#pragma unroll
        for (int k = 0; k < D; ++k)
#pragma unroll
            for (int f = 0; f < F; ++f) change[f] += steps[k] * __ldg(slopes + (k * F + f) * kJacobianLanes);
        store_floats<F>(out + i * row + l * F, whole_rows, change);
    }
}

template <int D, int F>
__global__ void __launch_bounds__(kThreads)
    t_product_kernel(int levels, int64_t count, const float* __restrict__ jacobian, const float* __restrict__ cotangent, int64_t row,
                     bool whole_rows, float factor, bool add, float* __restrict__ out) {
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    const float* slopes = jacobian + i / kJacobianLanes * levels * (D * F * kJacobianLanes) + i % kJacobianLanes;
    float sums[D] = {};
    for (int l = 0; l < levels; ++l, slopes += D * F * kJacobianLanes) {
        float q[F];
        load_floats<F>(cotangent + i * row + l * F, whole_rows, q);
#pragma unroll
        for (int k = 0; k < D; ++k)
#pragma unroll
            for (int f = 0; f < F; ++f) sums[k] += q[f] * __ldg(slopes + (k * F + f) * kJacobianLanes);
    }
#pragma unroll
    for (int k = 0; k < D; ++k) out[i * D + k] = add ? out[i * D + k] + factor * sums[k] : factor * sums[k];
}

template <class Body>
void with_shape(int dimensions, int features, Body&& body) {
    with_dimensions(dimensions, [&](auto d) { with_features(features, [&](auto f) { body(d, f); }); });
}

template <bool Transposed>
void product(const py::object& jacobian_, const py::object& from_, const py::object& out_) {
    const TensorView<float, 4> jacobian(jacobian_, "jacobian");
    const TensorView<float, 2> from(from_, "from");
    const int64_t count = from.shape(0);
    jacobian.expect(0, cuda::blocks_for<int64_t>(count, kJacobianLanes), "jacobian");
    const int levels = static_cast<int>(jacobian.shape(1)), dimensions = static_cast<int>(jacobian.shape(2));
    const int features = static_cast<int>(jacobian.shape(3) / kJacobianLanes);
    const int64_t row = static_cast<int64_t>(levels) * features;
    from.expect(1, Transposed ? row : dimensions, "from");
    float* out = rows_of(out_, "out", count, Transposed ? dimensions : row);
    if constexpr (Transposed)
        jacobian_t_product(dimensions, levels, features, count, jacobian.data(), from.data(), row, 1.0f, false, out);
    else
        jacobian_product(dimensions, levels, features, count, jacobian.data(), from.data(), 1.0f, out, row);
}

}  // namespace

void jacobian_product(int dimensions, int levels, int features, int64_t count, const float* jacobian, const float* tangent, float factor,
                      float* out, int64_t row) {
    const int group = levels_of_a_thread(count, features);
    const bool whole_rows = moves_whole(out, row, features);
    with_shape(dimensions, features, [&](auto d, auto f) {
        cuda::launch(product_kernel<decltype(d)::value, decltype(f)::value>, points_by_levels(count, levels, group), levels, group, count,
                     jacobian, tangent, factor, out, row, whole_rows);
    });
}

void jacobian_t_product(int dimensions, int levels, int features, int64_t count, const float* jacobian, const float* cotangent, int64_t row,
                        float factor, bool add, float* out) {
    const bool whole_rows = moves_whole(cotangent, row, features);
    with_shape(dimensions, features, [&](auto d, auto f) {
        cuda::launch(t_product_kernel<decltype(d)::value, decltype(f)::value>, cuda::one_each(count, kThreads), levels, count, jacobian,
                     cotangent, row, whole_rows, factor, add, out);
    });
}

void bind_grid_jacobian(py::module_& module) {
    module.def("grid_jacobian_product", &product<false>);
    module.def("grid_jacobian_t_product", &product<true>);
}

}  // namespace neurfield::grid
