// One level of the hash grid over a run of points: features with their jacobian, and the scatter into the table's gradient.
// The batch kernels beside it and the fused field query are made of these.
#pragma once

#include "encoding/hash_grid_interpolation.h"
#include "encoding/hash_grid_scatter.h"

namespace neurfield::hash_grid {

// Features of a tile's points between vectors with one point a lane and rows that are `row` floats apart.
template <int F>
inline void put_rows(const Vec features[F], int64_t row, float* out) {
    Vec rows[F];
    to_rows<F>(features, rows);
    for_parts<F>([&](auto part) {
        constexpr int first = decltype(part)::value * kLanes / F;
        put<F>(rows[decltype(part)::value], [=](int i) { return out + (first + i) * row; });
    });
}
template <int F>
inline void take_rows(const float* from, int64_t row, Vec features[F]) {
    Vec rows[F];
    for_parts<F>([&](auto part) {
        constexpr int first = decltype(part)::value * kLanes / F;
        rows[decltype(part)::value] = gather<F>([=](int i) { return from + (first + i) * row; });
    });
    to_columns<F>(rows, features);
}

// One level of a run of whole tiles. Rows of `out` are `row` floats apart. The jacobian's tiles are 3 * kLanes * row floats
// apart and hold [3][F][kLanes]: one point a lane.
template <int F, bool Smooth, bool Jacobian>
void encode_level(const Level& level, const Points& points, int64_t count, const float* table, int64_t row, float* out,
                  float* jacobian) {
    const auto store = [=](int64_t begin, const TileFeatures<F, Jacobian>& features) __attribute__((always_inline)) {
        put_rows<F>(features.value, row, out + begin * row);
        if constexpr (Jacobian)
            for (int k = 0; k < 3; ++k)
                for (int f = 0; f < F; ++f) features.slope[k][f].store(jacobian + 3 * begin * row + (k * F + f) * kLanes);
    };
    interpolate_level<F, Smooth, Jacobian>(level, points, count, table, store);
}

// The same with features in columns: tiles of `out` are kLanes * row floats apart and hold [F][kLanes].
template <int F, bool Smooth, bool Jacobian>
void encode_level_columns(const Level& level, const Points& points, int64_t count, const float* table, int64_t row, float* out,
                          float* jacobian) {
    const auto store = [=](int64_t begin, const TileFeatures<F, Jacobian>& features) __attribute__((always_inline)) {
        for (int f = 0; f < F; ++f) features.value[f].store(out + begin * row + f * kLanes);
        if constexpr (Jacobian)
            for (int k = 0; k < 3; ++k)
                for (int f = 0; f < F; ++f) features.slope[k][f].store(jacobian + 3 * begin * row + (k * F + f) * kLanes);
    };
    interpolate_level<F, Smooth, Jacobian>(level, points, count, table, store);
}

// Adds w * d_features + (grad w . tangent) * d_value_gradient to every corner's entry; d_features may be null. Rows are `row`
// floats apart.
template <int F, bool Smooth, bool Tangent>
void scatter_level(const Level& level, const Points& points, int64_t count, int64_t row, const float* d_features,
                   const Points& tangents, const float* d_value_gradient, float* table_gradient) {
    const auto ask = [&](int64_t begin, TileCotangents<F>& to) __attribute__((always_inline)) {
        for (Vec& d : to.d_features) d = Vec(0.0f);
        if (d_features) take_rows<F>(d_features + begin * row, row, to.d_features);
        if constexpr (Tangent) {
            take_rows<F>(d_value_gradient + begin * row, row, to.d_value_gradient);
            for (int k = 0; k < 3; ++k) to.tangent[k] = Vec::load(tangents.axis(k) + begin);
        }
    };
    scatter_to_level<F, Smooth, Tangent>(level, points, count, table_gradient, ask);
}

// The same from columns: tiles are kLanes * row floats apart and hold [F][kLanes].
template <int F, bool Smooth, bool Tangent>
void scatter_level_columns(const Level& level, const Points& points, int64_t count, int64_t row, const float* d_features,
                           const Points& tangents, const float* d_value_gradient, float* table_gradient) {
    const auto ask = [&](int64_t begin, TileCotangents<F>& to) __attribute__((always_inline)) {
        for (int f = 0; f < F; ++f) {
            const int64_t at = begin * row + f * kLanes;
            to.d_features[f] = d_features ? Vec::load(d_features + at) : Vec(0.0f);
            if constexpr (Tangent) to.d_value_gradient[f] = Vec::load(d_value_gradient + at);
        }
        if constexpr (Tangent)
            for (int k = 0; k < 3; ++k) to.tangent[k] = Vec::load(tangents.axis(k) + begin);
    };
    scatter_to_level<F, Smooth, Tangent>(level, points, count, table_gradient, ask);
}

}  // namespace neurfield::hash_grid
