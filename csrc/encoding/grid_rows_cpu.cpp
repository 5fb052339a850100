// The levels of a 3-D grid over a run of points, for the field queries.
#include "encoding/grid_rows.h"

#include "encoding/grid_levels.h"

namespace neurfield::grid {

void encode_rows(const Grid& grid, bool smooth, int active, const Points<3>& points, int64_t count, const float* table, int64_t row,
                 float* out, float* jacobian) {
    specialise<3>(grid, smooth, [&](auto features, auto smoothed, auto shape) {
        constexpr int F = decltype(features)::value;
        constexpr bool Smooth = decltype(smoothed)::value;
        using Shape = decltype(shape);
        for (int64_t l = 0; l < active; ++l) {
            const Level& level = grid.levels[l];
            const float* entries = table + level.offset * F;
            if (jacobian != nullptr)
                encode_level<Shape, F, Smooth, true>(level, points, count, entries, row, out + l * F, jacobian + 3 * l * F * kLanes);
            else
                encode_level<Shape, F, Smooth, false>(level, points, count, entries, row, out + l * F, nullptr);
        }
    });
}

void scatter_rows(const Grid& grid, bool smooth, int64_t l, const Points<3>& points, int64_t count, const float* d_features,
                  const Points<3>* tangents, const float* d_value_gradient, float* table_gradient) {
    specialise<3>(grid, smooth, [&](auto features, auto smoothed, auto shape) {
        constexpr int F = decltype(features)::value;
        constexpr bool Smooth = decltype(smoothed)::value;
        using Shape = decltype(shape);
        const Level& level = grid.levels[l];
        float* to = table_gradient + level.offset * F;
        if (tangents != nullptr)
            scatter_level<Shape, F, Smooth, true>(level, points, count, F, d_features, *tangents, d_value_gradient, to);
        else
            scatter_level<Shape, F, Smooth, false>(level, points, count, F, d_features, points, nullptr, to);
    });
}

}  // namespace neurfield::grid
