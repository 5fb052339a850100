// How features of a tile's points go into rows and come out of them.
#pragma once

#include "common/simd_transpose.h"
#include "encoding/grid_points.h"

namespace neurfield::grid {

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

}  // namespace neurfield::grid
