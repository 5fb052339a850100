// The hash grid over batches of points: features, their derivatives with respect to the points, and second derivatives.
#include <pybind11/stl.h>

#include "common/families.h"
#include "encoding/hash_grid_levels.h"

namespace neurfield {
namespace hash_grid {
namespace {

constexpr int64_t kEncodeChunk = 32768;

// Points of a task: as many as a level's table is worth being brought near for, so long as each thread gets some.
int64_t chunk_of(int64_t count) {
    const int64_t share = (count / kLanes + max_threads() - 1) / max_threads() * kLanes;
    return std::clamp<int64_t>(share, 1024, kEncodeChunk);
}

void encode_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* table, float* out,
                  float* jacobian) {
    const int64_t row = grid.row(), used = active * grid.features;
    parallel_chunks(count, chunk_of(count), [&](int64_t begin, int64_t end) {
        static thread_local AlignedFloats storage;
        float* columns = storage.reserve((end - begin) * row);
        Points& chunk = kept_points<0>(end - begin);
        chunk.take(points + 3 * begin, 0, end - begin);
        specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            for (int l = 0; l < active; ++l) {
                const Level& level = grid.levels[l];
                const float* entries = table + level.offset * F;
                float* to = columns + l * F * kLanes;
                if (jacobian)
                    encode_level_columns<F, Smooth, true>(level, chunk, end - begin, entries, row, to,
                                                          jacobian + 3 * (begin * row + l * F * kLanes));
                else
                    encode_level_columns<F, Smooth, false>(level, chunk, end - begin, entries, row, to, nullptr);
            }
        });
        for (int64_t tile = 0; tile < end - begin; tile += kLanes) {
            std::fill(columns + tile * row + used * kLanes, columns + (tile + kLanes) * row, 0.0f);
            columns_to_rows(columns + tile * row, row, out + (begin + tile) * row);
        }
        for (int64_t tile = begin; jacobian && tile < end; tile += kLanes)
            std::fill(jacobian + 3 * (tile * row + used * kLanes), jacobian + 3 * (tile + kLanes) * row, 0.0f);
    });
}

void encode(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_, const py::object& out_,
            const py::object& jacobian_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, 3, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row(), whole = whole_tiles(count), rest = count - whole;
    float *out = rows_of(out_, "features", count, row), *jacobian = nullptr;
    if (!jacobian_.is_none()) {
        const TensorView<float, 4> view(jacobian_, "jacobian");
        view.expect(0, (count + kLanes - 1) / kLanes, "jacobian");
        view.expect(1, static_cast<int64_t>(grid.levels.size()), "jacobian");
        view.expect(2, 3, "jacobian");
        view.expect(3, grid.features * kLanes, "jacobian");
        jacobian = view.data();
    }
    py::gil_scoped_release release;
    encode_tiles(grid, smooth, active, whole, points.data(), table.data(), out, jacobian);
    if (rest == 0) return;
    Padded last(points.data() + 3 * whole, rest, 3), last_out(nullptr, 0, row);
    encode_tiles(grid, smooth, active, kLanes, last.data(), table.data(), last_out.data(),
                 jacobian ? jacobian + 3 * whole * row : nullptr);
    std::copy_n(last_out.data(), rest * row, out + whole * row);
}

template <int F, int Part>
void fetch_corners(const Tile& tile, const float* table, Vec corners[8]) {
    for (int c = 0; c < 8; ++c) corners[c] = gather_entries<F, F>(table, tile.entries[c] + Part * kLanes / F);
}

template <int F, int Part, bool Smooth>
void blend_axes(const Tile& tile, float scale, Blend<Vec> axes[3]) {
    for (int k = 0; k < 3; ++k) axes[k] = blend<Smooth>(spread<F, Part>(tile.f[k]), scale);
}

// Adds the second derivatives of one level's features, weighted by `weights` [count, row], times `vectors` to out [count, 3].
template <int F, bool Smooth>
void hessian_level(const Level& level, const Points& points, int64_t count, const float* table, int64_t row, const float* weights,
                   const Points& vectors, float* out) {
    for_tiles(level, points, count, [&](int64_t begin, const Tile& tile) {
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Blend<Vec> axes[3];
            Vec corners[8], vector[3], product[3];
            blend_axes<F, Part, Smooth>(tile, level.scale, axes);
            fetch_corners<F, Part>(tile, table, corners);
            const int64_t first = begin + Part * kLanes / F;
            const Vec weight = gather<F>([=](int i) { return weights + (first + i) * row; });
            for (int k = 0; k < 3; ++k) vector[k] = spread<F, Part>(Vec::load(vectors.axis(k) + begin));
            hessian_product(corners, axes, vector, product);
            for (int k = 0; k < 3; ++k) {
                const Vec added = product[k] * weight;
                for (int i = 0; i < kLanes; ++i) out[3 * (first + i / F) + k] += added.v[i];
            }
        });
    });
}

void hessian_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* table,
                   const float* weights, const float* vectors, float* out) {
    const int64_t row = grid.row();
    parallel_chunks(count, chunk_of(count), [&](int64_t begin, int64_t end) {
        Points &chunk = kept_points<0>(end - begin), &directions = kept_points<1>(end - begin);
        chunk.take(points + 3 * begin, 0, end - begin);
        directions.take(vectors + 3 * begin, 0, end - begin);
        std::fill(out + 3 * begin, out + 3 * end, 0.0f);
        specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            for (int l = 0; l < active; ++l) {
                const Level& level = grid.levels[l];
                hessian_level<F, decltype(smoothed)::value>(level, chunk, end - begin, table + level.offset * F, row,
                                                            weights + begin * row + l * F, directions, out + 3 * begin);
            }
        });
    });
}

void hessian(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_,
             const py::object& weights_, const py::object& vectors_, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, 3, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row(), whole = whole_tiles(count), rest = count - whole;
    const float *weights = rows_of(weights_, "weights", count, row), *vectors = rows_of(vectors_, "vectors", count, 3);
    float* out = rows_of(out_, "out", count, 3);
    py::gil_scoped_release release;
    hessian_tiles(grid, smooth, active, whole, points.data(), table.data(), weights, vectors, out);
    if (rest == 0) return;
    Padded last(points.data() + 3 * whole, rest, 3), last_weights(weights + whole * row, rest, row);
    Padded last_vectors(vectors + 3 * whole, rest, 3), last_out(nullptr, 0, 3);
    hessian_tiles(grid, smooth, active, kLanes, last.data(), table.data(), last_weights.data(), last_vectors.data(),
                  last_out.data());
    std::copy_n(last_out.data(), 3 * rest, out + 3 * whole);
}

Grid make_grid(const std::vector<float>& scales, const std::vector<uint32_t>& resolutions, const std::vector<int64_t>& offsets,
               const std::vector<bool>& hashed, int features) {
    with_features(features, [](auto) {});  // refuses here what a thread could not
    Grid grid{{}, features};
    for (size_t l = 0; l < scales.size(); ++l) {
        const uint32_t size = static_cast<uint32_t>(offsets[l + 1] - offsets[l]);
        grid.levels.push_back({scales[l], resolutions[l], size, offsets[l], hashed[l]});
    }
    return grid;
}

}  // namespace
}  // namespace hash_grid

void bind_hash_grid(py::module_& module) {
    py::class_<hash_grid::Grid>(module, "HashGrid", py::module_local()).def(py::init(&hash_grid::make_grid));
    module.attr("hash_grid_lanes") = kLanes;
    module.def("hash_grid_encode", &hash_grid::encode);
    module.def("hash_grid_hessian_product", &hash_grid::hessian);
    hash_grid::bind_hash_grid_jacobian(module);
    hash_grid::bind_hash_grid_scatter(module);
}

}  // namespace neurfield
