// The second phase of a field query's backward: what the points of a span ask of the table, added up by threads that own levels.
#pragma once

#include "common/parallel.h"
#include "field/point_columns.h"

namespace neurfield::field {

// Adds w * d_features + (grad w . tangent) * slope to every corner's entry, for `count` points (whole vectors); rows of d_features
// and slope are `row` floats apart and begin with the grid's first feature. No tangents and slope: the first term alone. No two
// threads write the same entry, and each entry's terms are added in the order of the points, whatever the number of threads.
inline void scatter_span(const Grid& grid, bool smooth, int active, const Points& points, int64_t count, int64_t row,
                         const float* d_features, const Points* tangents, const float* slope, float* table_gradient) {
    parallel_chunks(active, 1, [&](int64_t task, int64_t last) {
        hash_grid::specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            for (; task < last; ++task) {
                const int64_t l = active - 1 - task;  // the finest and dearest are handed out first
                const Level& level = grid.levels[l];
                float* to = table_gradient + level.offset * F;
                if (tangents != nullptr)
                    hash_grid::scatter_level<F, Smooth, true>(level, points, count, row, d_features + l * F, *tangents,
                                                              slope + l * F, to);
                else
                    hash_grid::scatter_level<F, Smooth, false>(level, points, count, row, d_features + l * F, points, nullptr, to);
            }
        });
    });
}

}  // namespace neurfield::field
