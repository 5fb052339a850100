// Multiresolution grids over batches of points: features, and their derivatives with respect to the points.
#include <pybind11/stl.h>

#include "common/families.h"
#include "common/parallel.h"
#include "encoding/grid_arguments.h"
#include "encoding/grid_families.h"
#include "encoding/grid_levels.h"

namespace neurfield {
namespace grid {
namespace {

constexpr int64_t kEncodeChunk = 32768;

// Points of a task: as many as a level's table is worth being brought near for, so long as each thread gets some.
int64_t chunk_of(int64_t count) {
    const int64_t share = (count / kLanes + max_threads() - 1) / max_threads() * kLanes;
    return std::clamp<int64_t>(share, 1024, kEncodeChunk);
}

template <int D>
void encode_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* table, float* out,
                  float* jacobian) {
    const int64_t row = grid.row(), used = active * grid.features;
    parallel_chunks(count, chunk_of(count), [&](int64_t begin, int64_t end) {
        static thread_local AlignedFloats storage;
        float* columns = storage.reserve((end - begin) * row);
        Points<D>& chunk = kept_points<D, 0>(end - begin);
        chunk.take(points + D * begin, 0, end - begin);
        specialise<D>(grid, smooth, [&](auto features, auto smoothed, auto shape) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            using Shape = decltype(shape);
            for (int l = 0; l < active; ++l) {
                const Level& level = grid.levels[l];
                const float* entries = table + level.offset * F;
                float* to = columns + l * F * kLanes;
                if (jacobian)
                    encode_level_columns<Shape, F, Smooth, true>(level, chunk, end - begin, entries, row, to,
                                                                 jacobian + D * (begin * row + l * F * kLanes));
                else
                    encode_level_columns<Shape, F, Smooth, false>(level, chunk, end - begin, entries, row, to, nullptr);
            }
        });
        for (int64_t tile = 0; tile < end - begin; tile += kLanes) {
            std::fill(columns + tile * row + used * kLanes, columns + (tile + kLanes) * row, 0.0f);
            columns_to_rows(columns + tile * row, row, out + (begin + tile) * row);
        }
        for (int64_t tile = begin; jacobian && tile < end; tile += kLanes)
            std::fill(jacobian + D * (tile * row + used * kLanes), jacobian + D * (tile + kLanes) * row, 0.0f);
    });
}

void encode(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_, const py::object& out_,
            const py::object& jacobian_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, grid.dimensions, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row(), whole = whole_tiles(count), rest = count - whole;
    float *out = rows_of(out_, "features", count, row), *jacobian = nullptr;
    if (!jacobian_.is_none()) {
        const TensorView<float, 4> view(jacobian_, "jacobian");
        view.expect(0, (count + kLanes - 1) / kLanes, "jacobian");
        view.expect(1, static_cast<int64_t>(grid.levels.size()), "jacobian");
        view.expect(2, grid.dimensions, "jacobian");
        view.expect(3, grid.features * kLanes, "jacobian");
        jacobian = view.data();
    }
    py::gil_scoped_release release;
    with_dimensions(grid.dimensions, [&](auto dimensions) {
        constexpr int D = decltype(dimensions)::value;
        encode_tiles<D>(grid, smooth, active, whole, points.data(), table.data(), out, jacobian);
        if (rest == 0) return;
        Padded last(points.data() + D * whole, rest, D), last_out(nullptr, 0, row);
        encode_tiles<D>(grid, smooth, active, kLanes, last.data(), table.data(), last_out.data(),
                        jacobian ? jacobian + D * whole * row : nullptr);
        std::copy_n(last_out.data(), rest * row, out + whole * row);
    });
}

}  // namespace
}  // namespace grid

void bind_grid(py::module_& module) {
    py::class_<grid::Grid>(module, "Grid", py::module_local()).def(py::init(&grid::make_grid));
    module.attr("grid_lanes") = kLanes;
    module.def("grid_encode", &grid::encode);
    grid::bind_grid_hessian(module);
    grid::bind_grid_jacobian(module);
    grid::bind_grid_scatter(module);
}

}  // namespace neurfield
