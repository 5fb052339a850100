// The second phase of a field query's backward: what the points of a span ask of the table, added up by threads that own levels.
#pragma once

#include "common/parallel.h"
#include "field/point_columns.h"

namespace neurfield::field {

// Features of many points, level by level: a level's scatter reads its own numbers and no others' cache lines.
struct LevelRows {
    float* data;     // [levels][points][F], levels `stride` floats apart
    int64_t stride;

    // Not a multiple of a page: all levels' rows of a point would fall into the same set of the first-level cache.
    static int64_t stride_of(const Grid& grid, int64_t points) {
        constexpr int64_t page = 1024, beside = 48;
        return (whole_vectors(points) * grid.features + page - 1) / page * page + beside;
    }
    static int64_t floats(const Grid& grid, int64_t points) { return stride_of(grid, points) * static_cast<int64_t>(grid.levels.size()); }

    // Takes the grid's columns, which begin at `from`, of `count` rows that are `width` floats apart; they are points `first` onwards.
    // Up to whole vectors of points they must be readable, and finite.
    void take(const Grid& grid, const float* from, int64_t width, int64_t first, int64_t count) const {
        grid::with_features(grid.features, [&](auto features) {
            constexpr int F = decltype(features)::value;
            for (int64_t tile = 0; tile < count; tile += kLanes)
                for (size_t l = 0; l < grid.levels.size(); ++l)
                    grid::for_parts<F>([&](auto part) {
                        constexpr int Part = decltype(part)::value;
                        const float* rows = from + (tile + Part * kLanes / F) * width + l * F;
                        grid::gather<F>([=](int i) {
                            return rows + i * width;
                        }).store(data + l * stride + (first + tile) * F + Part * kLanes);
                    });
        });
    }
    float* level(const Grid& grid, int64_t l, int64_t first) const { return data + l * stride + first * grid.features; }
};

// Adds w * d_features + (grad w . tangent) * slope to every corner's entry, for `count` points (whole vectors), of which the first is
// point `first` of `slope`. No tangents: the first term alone. No two threads write the same entry, and each entry's terms are added
// in the order of the points, whatever the number of threads.
inline void scatter_span(const Grid& grid, bool smooth, int active, const Points& points, int64_t count, const LevelRows& d_features,
                         const Points* tangents, const LevelRows& slope, int64_t first, float* table_gradient) {
    parallel_chunks(active, 1, [&](int64_t task, int64_t last) {
        for (; task < last; ++task) {
            const int64_t l = active - 1 - task;  // the finest and dearest are handed out first
            grid::scatter_rows(grid, smooth, l, points, count, d_features.level(grid, l, 0), tangents,
                               tangents != nullptr ? slope.level(grid, l, first) : nullptr, table_gradient);
        }
    });
}

}  // namespace neurfield::field
