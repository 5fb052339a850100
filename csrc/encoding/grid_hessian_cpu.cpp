// Second derivatives of a grid's features with respect to the points, times a vector.
#include "common/parallel.h"
#include "encoding/grid_arguments.h"
#include "encoding/grid_families.h"
#include "encoding/grid_levels.h"

namespace neurfield::grid {
namespace {

constexpr int64_t kChunk = 4096;  // points of a task

// Adds weight[f] times the second derivatives of a tile's features times `vector`, all with one point a lane, to `sums`.
template <int D, int F, bool Smooth>
void add_bend(const CubeTile<D>& tile, const Level& level, const float* table, const Vec weight[F], const Vec vector[D], Vec sums[D]) {
    Blend<Vec> axes[D];
    for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    Vec corners[F][1 << D];
    for (int c = 0; c < 1 << D; ++c) {
        Vec rows[F], columns[F];
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            rows[Part] = gather_entries<F, F>(table, tile.entries[c] + Part * kLanes / F);
        });
        to_columns<F>(rows, columns);
        for (int f = 0; f < F; ++f) corners[f][c] = columns[f];
    }
    for (int f = 0; f < F; ++f) {
        Vec product[D];
        hessian_product<D>(corners[f], axes, vector, product);
        for (int k = 0; k < D; ++k) sums[k] += weight[f] * product[k];
    }
}

// In a simplex a feature is a sum of functions of one skewed coordinate each.
template <int D, int F, bool Smooth>
void add_bend(const SimplexTile<D>& tile, const Level& level, const float* table, const Vec weight[F], const Vec vector[D], Vec sums[D]) {
    Blend<Vec> axes[D];
    blend_axes<Smooth>(tile, level, axes);
    Vec first[F], steps[F][D], along[D], out[D];
    step_columns<D, F>(tile, table, first, steps);
    for (int k = 0; k < D; ++k) along[k] = vector[k];
    skew<D>(along);
    for (int k = 0; k < D; ++k) {
        Vec bend(0.0f);
        for (int f = 0; f < F; ++f) bend += weight[f] * of_axis(tile, k, steps[f]);
        out[k] = bend * axes[k].bend * along[k];
    }
    skew<D>(out);
    for (int k = 0; k < D; ++k) sums[k] += out[k];
}

template <int D, class Work>
void each_tile(const Cube<D>&, const Level& level, const Points<D>& points, int64_t count, Work&& work) {
    level.hashed ? for_cubes<D, true, false>(level, points, count, work) : for_cubes<D, false, false>(level, points, count, work);
}
template <int D, class Work>
void each_tile(const Simplex<D>&, const Level& level, const Points<D>& points, int64_t count, Work&& work) {
    level.hashed ? for_simplices<D, true>(level, points, count, work) : for_simplices<D, false>(level, points, count, work);
}

template <int D>
void hessian_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* table, const float* weights,
                   const float* vectors, float* out) {
    const int64_t row = grid.row();
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        Points<D>&chunk = kept_points<D, 0>(end - begin), &directions = kept_points<D, 1>(end - begin);
        chunk.take(points + D * begin, 0, end - begin);
        directions.take(vectors + D * begin, 0, end - begin);
        std::fill(out + D * begin, out + D * end, 0.0f);
        specialise<D>(grid, smooth, [&](auto features, auto smoothed, auto shape) {
            constexpr int F = decltype(features)::value;
            for (int l = 0; l < active; ++l) {
                const Level& level = grid.levels[l];
                each_tile(shape, level, chunk, end - begin, [&](int64_t at, const auto& tile) {
                    Vec weight[F], vector[D], sums[D];
                    take_rows<F>(weights + (begin + at) * row + l * F, row, weight);
                    for (int k = 0; k < D; ++k) {
                        vector[k] = Vec::load(directions.axis(k) + at);
                        sums[k] = Vec(0.0f);
                    }
                    add_bend<D, F, decltype(smoothed)::value>(tile, level, table + level.offset * F, weight, vector, sums);
                    for (int k = 0; k < D; ++k)
                        for (int i = 0; i < kLanes; ++i) out[D * (begin + at + i) + k] += sums[k].v[i];
                });
            }
        });
    });
}

void hessian(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_, const py::object& weights_,
             const py::object& vectors_, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, grid.dimensions, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row(), whole = whole_tiles(count), rest = count - whole;
    const float *weights = rows_of(weights_, "weights", count, row), *vectors = rows_of(vectors_, "vectors", count, grid.dimensions);
    float* out = rows_of(out_, "out", count, grid.dimensions);
    py::gil_scoped_release release;
    with_dimensions(grid.dimensions, [&](auto dimensions) {
        constexpr int D = decltype(dimensions)::value;
        hessian_tiles<D>(grid, smooth, active, whole, points.data(), table.data(), weights, vectors, out);
        if (rest == 0) return;
        Padded last(points.data() + D * whole, rest, D), last_weights(weights + whole * row, rest, row);
        Padded last_vectors(vectors + D * whole, rest, D), last_out(nullptr, 0, D);
        hessian_tiles<D>(grid, smooth, active, kLanes, last.data(), table.data(), last_weights.data(), last_vectors.data(),
                         last_out.data());
        std::copy_n(last_out.data(), D * rest, out + D * whole);
    });
}

}  // namespace

void bind_grid_hessian(py::module_& module) { module.def("grid_hessian_product", &hessian); }

}  // namespace neurfield::grid
