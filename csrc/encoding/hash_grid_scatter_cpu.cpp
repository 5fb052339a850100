// The gradient of the hash table: one pass over the corners of all points, for the gradient through the features and through their
// spatial derivatives alike.
#include "encoding/hash_grid_levels.h"

namespace neurfield::hash_grid {
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
void scatter_span(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* d_features,
                  const float* tangents, const float* d_value_gradient, float* table_gradient) {
    const int64_t row = grid.row();
    Points &located = kept_points<0>(count), &directions = kept_points<1>(tangents ? count : 0);
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
        specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            for (; task < last; ++task) {
                const int64_t l = active - 1 - task;
                const Level& level = grid.levels[l];
                const int64_t at = l * F * kLanes;
                const float* d = d_columns ? d_columns + at : nullptr;
                float* to = table_gradient + level.offset * F;
                if (tangents)
                    scatter_level_columns<F, Smooth, true>(level, located, count, row, d, directions, q_columns + at, to);
                else
                    scatter_level_columns<F, Smooth, false>(level, located, count, row, d, directions, nullptr, to);
            }
        });
    });
}

void scatter_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* d_features,
                   const float* tangents, const float* d_value_gradient, float* table_gradient) {
    const int64_t row = grid.row();
    for (int64_t at = 0; at < count; at += kSpan)
        scatter_span(grid, smooth, active, std::min(kSpan, count - at), points + 3 * at,
                     d_features ? d_features + at * row : nullptr, tangents ? tangents + 3 * at : nullptr,
                     d_value_gradient ? d_value_gradient + at * row : nullptr, table_gradient);
}

void scatter(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& d_features_,
             const py::object& tangents_, const py::object& d_value_gradient_, const py::object& table_gradient_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table_gradient(table_gradient_, "table_gradient");
    points.expect(1, 3, "points");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const int64_t count = points.shape(0), row = grid.row(), whole = whole_tiles(count), rest = count - whole;
    const float* d = rows_of(d_features_, "d_features", count, row);
    const float* t = rows_of(tangents_, "tangent", count, 3);
    const float* q = rows_of(d_value_gradient_, "d_value_gradient", count, row);
    if ((t == nullptr) != (q == nullptr)) throw py::value_error("hash grid: tangent and d_value_gradient come together");
    py::gil_scoped_release release;
    scatter_tiles(grid, smooth, active, whole, points.data(), d, t, q, table_gradient.data());
    if (rest == 0) return;
    Padded last(points.data() + 3 * whole, rest, 3), last_d(d ? d + whole * row : d, rest, row);
    Padded last_t(t ? t + 3 * whole : t, rest, 3), last_q(q ? q + whole * row : q, rest, row);
    scatter_tiles(grid, smooth, active, kLanes, last.data(), last_d.data(), t ? last_t.data() : t, last_q.data(),
                  table_gradient.data());
}

}  // namespace

void bind_hash_grid_scatter(py::module_& module) { module.def("hash_grid_scatter", &scatter); }

}  // namespace neurfield::hash_grid
