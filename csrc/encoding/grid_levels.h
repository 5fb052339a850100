// One level of a grid over a run of points: features with their jacobian, and the scatter into the table's gradient. The batch kernels
// beside it and the fused field query are made of these. A shape, Cube<D> or Simplex<D>, says what cells are like.
#pragma once

#include "encoding/grid_feature_rows.h"
#include "encoding/hash_grid_interpolation.h"
#include "encoding/hash_grid_scatter.h"
#include "encoding/simplex_grid_levels.h"

namespace neurfield::grid {

// Each shape has, for a run of whole tiles: interpolate(.., use) that calls use(begin, features) for each tile, and scatter(.., ask) that
// adds the terms that ask(begin, cotangents) brings to `table`, in the order of the points.
template <int D>
struct Cube {
    static constexpr int dimensions = D;

    template <int F, bool Smooth, bool Jacobian, class Use>
    static void interpolate(const Level& level, const Points<D>& points, int64_t count, const float* table, Use&& use) {
        if (level.hashed)
            interpolate_cubes<D, F, Smooth, Jacobian, true>(level, points, count, table, use);
        else
            interpolate_cubes<D, F, Smooth, Jacobian, false>(level, points, count, table, use);
    }

    template <int F, bool Smooth, bool Tangent, class Ask>
    static void scatter(const Level& level, const Points<D>& points, int64_t count, float* table, Ask&& ask) {
        if (level.hashed)
            scatter_to_cubes<D, F, Smooth, Tangent, true>(level, points, count, table, ask);
        else
            scatter_to_cubes<D, F, Smooth, Tangent, false>(level, points, count, table, ask);
    }
};

template <int D>
struct Simplex {
    static constexpr int dimensions = D;

    template <int F, bool Smooth, bool Jacobian, class Use>
    static void interpolate(const Level& level, const Points<D>& points, int64_t count, const float* table, Use&& use) {
        if (level.hashed)
            interpolate_simplices<D, F, Smooth, Jacobian, true>(level, points, count, table, use);
        else
            interpolate_simplices<D, F, Smooth, Jacobian, false>(level, points, count, table, use);
    }

    template <int F, bool Smooth, bool Tangent, class Ask>
    static void scatter(const Level& level, const Points<D>& points, int64_t count, float* table, Ask&& ask) {
        if (level.hashed)
            scatter_to_simplices<D, F, Smooth, Tangent, true>(level, points, count, table, ask);
        else
            scatter_to_simplices<D, F, Smooth, Tangent, false>(level, points, count, table, ask);
    }
};

// Calls body(features, smooth, shape) with the grid's features, interpolation and shape in D dimensions as compile-time constants.
template <int D, class Body>
void specialise(const Grid& grid, bool smooth, Body&& body) {
    with_features(grid.features, [&](auto features) {
        const auto shaped = [&](auto shape) {
            smooth ? body(features, std::true_type(), shape) : body(features, std::false_type(), shape);
        };
        grid.simplex ? shaped(Simplex<D>()) : shaped(Cube<D>());
    });
}

// One level of a run of whole tiles. Rows of `out` are `row` floats apart. The jacobian's tiles are D * kLanes * row floats
// apart and hold [D][F][kLanes]: one point a lane.
template <class Shape, int F, bool Smooth, bool Jacobian, int D = Shape::dimensions>
void encode_level(const Level& level, const Points<D>& points, int64_t count, const float* table, int64_t row, float* out,
                  float* jacobian) {
    const auto store = [=](int64_t begin, const TileFeatures<D, F, Jacobian>& features) __attribute__((always_inline)) {
        put_rows<F>(features.value, row, out + begin * row);
        if constexpr (Jacobian)
            for (int k = 0; k < D; ++k)
                for (int f = 0; f < F; ++f) features.slope[k][f].store(jacobian + D * begin * row + (k * F + f) * kLanes);
    };
    Shape::template interpolate<F, Smooth, Jacobian>(level, points, count, table, store);
}

// The same with features in columns: tiles of `out` are kLanes * row floats apart and hold [F][kLanes].
template <class Shape, int F, bool Smooth, bool Jacobian, int D = Shape::dimensions>
void encode_level_columns(const Level& level, const Points<D>& points, int64_t count, const float* table, int64_t row, float* out,
                          float* jacobian) {
    const auto store = [=](int64_t begin, const TileFeatures<D, F, Jacobian>& features) __attribute__((always_inline)) {
        for (int f = 0; f < F; ++f) features.value[f].store(out + begin * row + f * kLanes);
        if constexpr (Jacobian)
            for (int k = 0; k < D; ++k)
                for (int f = 0; f < F; ++f) features.slope[k][f].store(jacobian + D * begin * row + (k * F + f) * kLanes);
    };
    Shape::template interpolate<F, Smooth, Jacobian>(level, points, count, table, store);
}

// Adds w * d_features + (grad w . tangent) * d_value_gradient to every corner's entry; d_features may be null. Rows are `row`
// floats apart.
template <class Shape, int F, bool Smooth, bool Tangent, int D = Shape::dimensions>
void scatter_level(const Level& level, const Points<D>& points, int64_t count, int64_t row, const float* d_features,
                   const Points<D>& tangents, const float* d_value_gradient, float* table_gradient) {
    const auto ask = [&](int64_t begin, TileCotangents<D, F>& to) __attribute__((always_inline)) {
        for (Vec& d : to.d_features) d = Vec(0.0f);
        if (d_features) take_rows<F>(d_features + begin * row, row, to.d_features);
        if constexpr (Tangent) {
            take_rows<F>(d_value_gradient + begin * row, row, to.d_value_gradient);
            for (int k = 0; k < D; ++k) to.tangent[k] = Vec::load(tangents.axis(k) + begin);
        }
    };
    Shape::template scatter<F, Smooth, Tangent>(level, points, count, table_gradient, ask);
}

// The same from columns: tiles are kLanes * row floats apart and hold [F][kLanes].
template <class Shape, int F, bool Smooth, bool Tangent, int D = Shape::dimensions>
void scatter_level_columns(const Level& level, const Points<D>& points, int64_t count, int64_t row, const float* d_features,
                           const Points<D>& tangents, const float* d_value_gradient, float* table_gradient) {
    const auto ask = [&](int64_t begin, TileCotangents<D, F>& to) __attribute__((always_inline)) {
        for (int f = 0; f < F; ++f) {
            const int64_t at = begin * row + f * kLanes;
            to.d_features[f] = d_features ? Vec::load(d_features + at) : Vec(0.0f);
            if constexpr (Tangent) to.d_value_gradient[f] = Vec::load(d_value_gradient + at);
        }
        if constexpr (Tangent)
            for (int k = 0; k < D; ++k) to.tangent[k] = Vec::load(tangents.axis(k) + begin);
    };
    Shape::template scatter<F, Smooth, Tangent>(level, points, count, table_gradient, ask);
}

}  // namespace neurfield::grid
