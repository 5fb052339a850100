// Second derivatives of a grid's features with respect to the points, times a vector.
#include "encoding/grid_families.h"
#include "encoding/grid_kernels_common.h"

namespace neurfield::grid {
namespace {

// A thread goes through all levels of its point, so that each sum is added up in one order and written once. The features' weights are
// applied to the vertices' values, which makes them one: second derivatives are linear in them.
template <class Cell, int F, bool Smooth>
__global__ void __launch_bounds__(kThreads)
    hessian_kernel(const CellLevels levels, int active, int64_t count, const float* __restrict__ points, const float* __restrict__ table,
                   bool whole_entries, const float* __restrict__ weights, int64_t row, bool whole_rows, const float* __restrict__ vectors,
                   float* __restrict__ out) {
    constexpr int D = Cell::dimensions, V = Cell::vertices;
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    float x[D], vector[D], sums[D] = {};
#pragma unroll
    for (int k = 0; k < D; ++k) {
        x[k] = __ldg(points + i * D + k);
        vector[k] = __ldg(vectors + i * D + k);
    }
#pragma unroll 1
    for (int l = 0; l < active; ++l) {
        const CellLevel& level = levels.at[l];
        const Cell cell(level, x);
        float values[V][F], weight[F], weighted[V], product[D];
        load_entries<F, V>(table + level.offset * F, whole_entries, cell.entries, values);
        load_floats<F>(weights + i * row + l * F, whole_rows, weight);
#pragma unroll
        for (int v = 0; v < V; ++v) {
            weighted[v] = weight[0] * values[v][0];
#pragma unroll
            for (int f = 1; f < F; ++f) weighted[v] += weight[f] * values[v][f];
        }
        cell.template bend<Smooth>(level, weighted, vector, product);
#pragma unroll
        for (int k = 0; k < D; ++k) sums[k] += product[k];
    }
#pragma unroll
    for (int k = 0; k < D; ++k) out[i * D + k] = sums[k];
}

void hessian(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_, const py::object& weights_,
             const py::object& vectors_, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, grid.dimensions, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row();
    const float *weights = rows_of(weights_, "weights", count, row), *vectors = rows_of(vectors_, "vectors", count, grid.dimensions);
    float* out = rows_of(out_, "out", count, grid.dimensions);
    const CellLevels levels = cell_levels(grid);
    const bool whole_entries = moves_whole(table.data(), 0, grid.features), whole_rows = moves_whole(weights, row, grid.features);
    specialise_cells(grid, [&](auto cell, auto features) {
        using Cell = typename decltype(cell)::type;
        constexpr int F = decltype(features)::value;
        const auto kernel = smooth ? hessian_kernel<Cell, F, true> : hessian_kernel<Cell, F, false>;
        cuda::launch(kernel, cuda::one_each(count, kThreads), levels, active, count, points.data(), table.data(), whole_entries, weights,
                     row, whole_rows, vectors, out);
    });
}

}  // namespace

void bind_grid_hessian(py::module_& module) { module.def("grid_hessian_product", &hessian); }

}  // namespace neurfield::grid
