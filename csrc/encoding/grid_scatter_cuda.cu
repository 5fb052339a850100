// The gradient of a grid's table: one pass over the vertices of all points, for the gradient through the features and through their
// spatial derivatives alike. Terms are added by atomics, in no order: the last bits differ from run to run.
#include "encoding/grid_families.h"
#include "encoding/grid_kernels_common.h"

namespace neurfield::grid {
namespace {

// Lanes next to each other that have the same cell are summed before they are added, where a warp has this many runs of them or fewer:
// samples along a ray share the cells of coarse levels, and additions to one entry wait for each other.
constexpr int kFewRuns = 8;

template <int F>
__device__ inline void add_floats(float* to, bool whole, const float amounts[F]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    if (F == 4 && whole) {
        atomicAdd(reinterpret_cast<float4*>(to), make_float4(amounts[0], amounts[1 % F], amounts[2 % F], amounts[3 % F]));
        return;
    }
    if (F == 2 && whole) {
        atomicAdd(reinterpret_cast<float2*>(to), make_float2(amounts[0], amounts[1 % F]));
        return;
    }
#endif
#pragma unroll
    for (int f = 0; f < F; ++f) atomicAdd(to + f, amounts[f]);
}

// Which lanes begin a run of equal keys, as bits.
template <int Keys>
__device__ inline unsigned heads_of_runs(const int key[Keys], int lane) {
    bool head = lane == 0;
#pragma unroll
    for (int k = 0; k < Keys; ++k) head |= __shfl_up_sync(cuda::kAllLanes, key[k], 1) != key[k];
    return __ballot_sync(cuda::kAllLanes, head);
}

template <class Cell, int F, bool Smooth, bool Tangent>
__global__ void __launch_bounds__(kThreads)
    scatter_kernel(const CellLevels levels, int active, int group, const Samples samples, const float* __restrict__ d_features,
                   int64_t d_row, bool whole_d, const float* __restrict__ tangents, float tangent_factor,
                   const float* __restrict__ d_value_gradient, int64_t q_row, bool whole_q, float* __restrict__ table_gradient,
                   bool whole_entries) {
    constexpr int D = Cell::dimensions, V = Cell::vertices;
    const int64_t mine = cuda::global_index(), i = min(mine, samples.count - 1);
    const bool live = mine == i;  // other lanes keep the warp whole and bring zeros
    const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
    float x[D], tangent[D] = {};
    take_point<D>(samples, i, x);
    if constexpr (Tangent)
#pragma unroll
        for (int k = 0; k < D; ++k) tangent[k] = tangent_factor * __ldg(tangents + i * D + k);
    const int first = static_cast<int>(blockIdx.y) * group, last = min(first + group, active);
    for (int l = first; l < last; ++l) {
        float d[F] = {}, q[F] = {};
        if (live && d_features) load_floats<F>(d_features + i * d_row + l * F, whole_d, d);
        if (Tangent && live) load_floats<F>(d_value_gradient + i * q_row + l * F, whole_q, q);
        bool some = false;
#pragma unroll
        for (int f = 0; f < F; ++f) some |= d[f] != 0.0f || q[f] != 0.0f;
        if (!__any_sync(cuda::kAllLanes, some)) continue;
        const CellLevel& level = levels.at[l];
        const Cell cell(level, x);
        float weights[V], turns[V], amounts[V][F];
        cell.template weigh<Smooth, Tangent>(level, tangent, weights, turns);
#pragma unroll
        for (int v = 0; v < V; ++v)
#pragma unroll
            for (int f = 0; f < F; ++f) {
                amounts[v][f] = weights[v] * d[f];
                if constexpr (Tangent) amounts[v][f] += turns[v] * q[f];
            }
        const unsigned heads = heads_of_runs<Cell::keys>(cell.key, lane);
        if (__popc(heads) <= kFewRuns) {
            // Sums of 2, 4, .. lanes, none of which goes past the next run's head.
            const unsigned later = heads & ~1u << lane;
            const int end = later ? __ffs(static_cast<int>(later)) - 1 : cuda::kWarp;
#pragma unroll 1
            for (int step = 1; step < cuda::kWarp; step *= 2)
#pragma unroll
                for (int v = 0; v < V; ++v)
#pragma unroll
                    for (int f = 0; f < F; ++f) {
                        const float other = __shfl_down_sync(cuda::kAllLanes, amounts[v][f], step);
                        if (lane + step < end) amounts[v][f] += other;
                    }
            some = heads >> lane & 1;
        }
        if (!some) continue;
        float* to = table_gradient + level.offset * F;
#pragma unroll
        for (int v = 0; v < V; ++v) add_floats<F>(to + static_cast<size_t>(cell.entries[v]) * F, whole_entries, amounts[v]);
    }
}

void scatter(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& d_features_,
             const py::object& tangents_, const py::object& d_value_gradient_, const py::object& table_gradient_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table_gradient(table_gradient_, "table_gradient");
    points.expect(1, grid.dimensions, "points");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const int64_t count = points.shape(0), row = grid.row();
    const float* d = rows_of(d_features_, "d_features", count, row);
    const float* t = rows_of(tangents_, "tangent", count, grid.dimensions);
    const float* q = rows_of(d_value_gradient_, "d_value_gradient", count, row);
    if ((t == nullptr) != (q == nullptr) && count > 0) throw py::value_error("grid: tangent and d_value_gradient come together");
    scatter_samples(grid, smooth, active, {points.data(), nullptr, count, 1.0f, 0.0f}, d, row, t, 1.0f, q, row, table_gradient.data());
}

}  // namespace

void scatter_samples(const Grid& grid, bool smooth, int active, const Samples& samples, const float* d_features, int64_t d_row,
                     const float* tangents, float tangent_factor, const float* d_value_gradient, int64_t q_row, float* table_gradient) {
    const CellLevels levels = cell_levels(grid);
    const int group = levels_of_a_thread(samples.count, grid.features);
    const bool whole_d = moves_whole(d_features, d_row, grid.features), whole_q = moves_whole(d_value_gradient, q_row, grid.features);
    const bool whole_entries = moves_whole(table_gradient, 0, grid.features);
    specialise_cells(grid, [&](auto cell, auto features) {
        using Cell = typename decltype(cell)::type;
        constexpr int F = decltype(features)::value;
        const auto kernel = tangents ? (smooth ? scatter_kernel<Cell, F, true, true> : scatter_kernel<Cell, F, false, true>)
                                     : (smooth ? scatter_kernel<Cell, F, true, false> : scatter_kernel<Cell, F, false, false>);
        cuda::launch(kernel, points_by_levels(samples.count, active, group), levels, active, group, samples, d_features, d_row, whole_d,
                     tangents, tangent_factor, d_value_gradient, q_row, whole_q, table_gradient, whole_entries);
    });
}

void bind_grid_scatter(py::module_& module) { module.def("grid_scatter", &scatter); }

}  // namespace neurfield::grid
