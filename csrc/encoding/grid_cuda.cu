// Multiresolution grids over batches of points: features, and their derivatives with respect to the points.
#include <pybind11/stl.h>

#include "common/families.h"
#include "encoding/grid_families.h"
#include "encoding/grid_kernels_common.h"

namespace neurfield {
namespace grid {
namespace {

template <class Cell, int F, bool Smooth, bool Jacobian>
__global__ void __launch_bounds__(kThreads)
    encode_kernel(const CellLevels levels, int active, int group, const Samples samples, const float* __restrict__ table,
                  bool whole_entries, float* __restrict__ out, int64_t row, bool whole_rows, float* __restrict__ jacobian) {
    constexpr int D = Cell::dimensions, V = Cell::vertices;
    const int64_t i = cuda::global_index(), tile = i / kJacobianLanes;
    const bool live = i < samples.count;
    if (!live && (!Jacobian || tile * kJacobianLanes >= samples.count)) return;  // the last tile is filled up with zeros
    float x[D] = {};
    if (live) take_point<D>(samples, i, x);
    const int first = static_cast<int>(blockIdx.y) * group, last = min(first + group, levels.count);
    for (int l = first; l < last; ++l) {
        float value[F] = {}, slopes[D][F] = {};
        if (live && l < active) {
            const CellLevel& level = levels.at[l];
            const Cell cell(level, x);
            float values[V][F];
            load_entries<F, V>(table + level.offset * F, whole_entries, cell.entries, values);
            cell.template interpolate<F, Smooth, Jacobian>(level, values, value, slopes);
        }
        if (live) store_floats<F>(out + i * row + l * F, whole_rows, value);
        if constexpr (Jacobian) {
            float* to = jacobian + (tile * levels.count + l) * (D * F * kJacobianLanes) + i % kJacobianLanes;
#pragma unroll
            for (int k = 0; k < D; ++k)
#pragma unroll
                for (int f = 0; f < F; ++f) to[(k * F + f) * kJacobianLanes] = slopes[k][f];
        }
    }
}

void encode(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_, const py::object& out_,
            const py::object& jacobian_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, grid.dimensions, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row();
    float *out = rows_of(out_, "features", count, row), *jacobian = nullptr;
    if (!jacobian_.is_none()) {
        const TensorView<float, 4> view(jacobian_, "jacobian");
        view.expect(0, cuda::blocks_for<int64_t>(count, kJacobianLanes), "jacobian");
        view.expect(1, static_cast<int64_t>(grid.levels.size()), "jacobian");
        view.expect(2, grid.dimensions, "jacobian");
        view.expect(3, grid.features * kJacobianLanes, "jacobian");
        jacobian = view.data();
    }
    encode_samples(grid, smooth, active, {points.data(), nullptr, count, 1.0f, 0.0f}, table.data(), out, row, jacobian);
}

}  // namespace

void encode_samples(const Grid& grid, bool smooth, int active, const Samples& samples, const float* table, float* out, int64_t row,
                    float* jacobian) {
    const CellLevels levels = cell_levels(grid);
    const int group = levels_of_a_thread(samples.count, grid.features);
    const bool whole_entries = moves_whole(table, 0, grid.features), whole_rows = moves_whole(out, row, grid.features);
    specialise_cells(grid, [&](auto cell, auto features) {
        using Cell = typename decltype(cell)::type;
        constexpr int F = decltype(features)::value;
        const auto kernel = jacobian ? (smooth ? encode_kernel<Cell, F, true, true> : encode_kernel<Cell, F, false, true>)
                                     : (smooth ? encode_kernel<Cell, F, true, false> : encode_kernel<Cell, F, false, false>);
        cuda::launch(kernel, points_by_levels(samples.count, levels.count, group), levels, active, group, samples, table, whole_entries,
                     out, row, whole_rows, jacobian);
    });
}

}  // namespace grid

void bind_grid(py::module_& module) {
    py::class_<grid::Grid>(module, "Grid", py::module_local()).def(py::init(&grid::make_grid));
    module.attr("grid_lanes") = grid::kJacobianLanes;
    module.def("grid_encode", &grid::encode);
    grid::bind_grid_hessian(module);
    grid::bind_grid_jacobian(module);
    grid::bind_grid_scatter(module);
}

}  // namespace neurfield
