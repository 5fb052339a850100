// The gradient of a grid's table: one pass over the vertices of all points, for the gradient through the features and through their
// spatial derivatives alike.
#include "common/parallel.h"
#include "encoding/grid_arguments.h"
#include "encoding/grid_families.h"
#include "encoding/grid_levels.h"

namespace neurfield::grid {
namespace {

constexpr int64_t kChunk = 1024, kSpan = 32 * kChunk;  // points of a task while they are laid out, and between two such phases

// What is kept of a span between its phases; grown and never shrunk.
struct Span {
    AlignedFloats d_features, d_value_gradient;
    static Span& own() {
        static thread_local Span span;
        return span;
    }
};

// A span's points and what they ask are laid out in columns; then threads own levels, the finest and dearest handed out first: no
// two of them write the same entry, and each entry's terms are added in the order of the points, whatever the number of threads.
template <int D>
void scatter_span(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* d_features,
                  const float* tangents, const float* d_value_gradient, float* table_gradient) {
    const int64_t row = grid.row();
    Points<D>&located = kept_points<D, 0>(count), &directions = kept_points<D, 1>(tangents ? count : 0);
    float* d_columns = d_features ? Span::own().d_features.reserve(count * row) : nullptr;
    float* q_columns = tangents ? Span::own().d_value_gradient.reserve(count * row) : nullptr;
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        located.take(points, begin, end);
        if (tangents) directions.take(tangents, begin, end);
        for (int64_t tile = begin; tile < end; tile += kLanes) {
            if (d_features) rows_to_columns(d_features + tile * row, row, d_columns + tile * row);
            if (tangents) rows_to_columns(d_value_gradient + tile * row, row, q_columns + tile * row);
        }
    });
    parallel_chunks(active, 1, [&](int64_t task, int64_t last) {
        specialise<D>(grid, smooth, [&](auto features, auto smoothed, auto shape) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            using Shape = decltype(shape);
            for (; task < last; ++task) {
                const int64_t l = active - 1 - task;
                const Level& level = grid.levels[l];
                const int64_t at = l * F * kLanes;
                const float* d = d_columns ? d_columns + at : nullptr;
                float* to = table_gradient + level.offset * F;
                if (tangents)
                    scatter_level_columns<Shape, F, Smooth, true>(level, located, count, row, d, directions, q_columns + at, to);
                else
                    scatter_level_columns<Shape, F, Smooth, false>(level, located, count, row, d, directions, nullptr, to);
            }
        });
    });
}

template <int D>
void scatter_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* d_features,
                   const float* tangents, const float* d_value_gradient, float* table_gradient) {
    const int64_t row = grid.row();
    for (int64_t at = 0; at < count; at += kSpan)
        scatter_span<D>(grid, smooth, active, std::min(kSpan, count - at), points + D * at, d_features ? d_features + at * row : nullptr,
                        tangents ? tangents + D * at : nullptr, d_value_gradient ? d_value_gradient + at * row : nullptr, table_gradient);
}

void scatter(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& d_features_,
             const py::object& tangents_, const py::object& d_value_gradient_, const py::object& table_gradient_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table_gradient(table_gradient_, "table_gradient");
    points.expect(1, grid.dimensions, "points");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const int64_t count = points.shape(0), row = grid.row(), whole = whole_tiles(count), rest = count - whole;
    const float* d = rows_of(d_features_, "d_features", count, row);
    const float* t = rows_of(tangents_, "tangent", count, grid.dimensions);
    const float* q = rows_of(d_value_gradient_, "d_value_gradient", count, row);
    if ((t == nullptr) != (q == nullptr)) throw py::value_error("grid: tangent and d_value_gradient come together");
    py::gil_scoped_release release;
    with_dimensions(grid.dimensions, [&](auto dimensions) {
        constexpr int D = decltype(dimensions)::value;
        scatter_tiles<D>(grid, smooth, active, whole, points.data(), d, t, q, table_gradient.data());
        if (rest == 0) return;
        Padded last(points.data() + D * whole, rest, D), last_d(d ? d + whole * row : d, rest, row);
        Padded last_t(t ? t + D * whole : t, rest, D), last_q(q ? q + whole * row : q, rest, row);
        scatter_tiles<D>(grid, smooth, active, kLanes, last.data(), last_d.data(), t ? last_t.data() : t, last_q.data(),
                         table_gradient.data());
    });
}

}  // namespace

void bind_grid_scatter(py::module_& module) { module.def("grid_scatter", &scatter); }

}  // namespace neurfield::grid
