// One level of the hash grid over a run of points: features with their jacobian, and the scatter into the table's gradient.
// The batch kernels beside it and the fused field query are made of these.
#pragma once

#include "encoding/hash_grid_tiles.h"

namespace neurfield::hash_grid {

template <int F, int Part>
inline void fetch_corners(const Tile& tile, const float* table, Vec corners[8]) {
    for (int c = 0; c < 8; ++c) {
        const uint32_t* entries = tile.entries[c] + Part * kLanes / F;
        corners[c] = gather<F>([=](int i) { return table + static_cast<size_t>(entries[i]) * F; });
    }
}

// One level of a run of whole tiles. Rows of `out` are `row` floats apart. The jacobian's tiles are 3 * kLanes * row floats
// apart and hold, per axis, the parts as they are computed: whole vectors, each written once.
template <int F, bool Smooth, bool Jacobian>
void encode_level(const Level& level, const Points& points, int64_t count, const float* table, int64_t row, float* out,
                  float* jacobian) {
    for_tiles<F, false>(level, points, count, table, [&](int64_t begin, const Tile& tile) {
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Blend<Vec> axes[3];
            Vec corners[8];
            blend_axes<F, Part, Smooth>(tile, level.scale, axes);
            fetch_corners<F, Part>(tile, table, corners);
            float* to = out + (begin + Part * kLanes / F) * row;
            if constexpr (Jacobian) {
                Vec by_weight[3];
                put<F>(interpolate(corners, axes, by_weight), [=](int i) { return to + i * row; });
                float* derivatives = jacobian + 3 * begin * row + Part * kLanes;
                for (int k = 0; k < 3; ++k) (by_weight[k] * axes[k].slope).store(derivatives + k * F * kLanes);
            } else {
                put<F>(interpolate(corners, axes), [=](int i) { return to + i * row; });
            }
        });
    });
}

// Adds w * d_features + (grad w . tangent) * d_value_gradient to every corner's entry; d_features may be null.
template <int F, bool Smooth, bool Tangent>
void scatter_level(const Level& level, const Points& points, int64_t count, int64_t row, const float* d_features,
                   const Points& tangents, const float* d_value_gradient, float* table_gradient) {
    for_tiles<F, true>(level, points, count, table_gradient, [&](int64_t begin, const Tile& tile) {
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Blend<Vec> axes[3];
            Vec weights[8], added[8];
            blend_axes<F, Part, Smooth>(tile, level.scale, axes);
            const int64_t first = begin + Part * kLanes / F;
            const Vec d = d_features ? gather<F>([=](int i) { return d_features + (first + i) * row; }) : Vec(0.0f);
            if constexpr (Tangent) {
                Vec tangent[3], derivatives[8];
                for (int k = 0; k < 3; ++k) tangent[k] = spread<F, Part>(Vec::load(tangents.axis(k) + begin));
                const Vec q = gather<F>([=](int i) { return d_value_gradient + (first + i) * row; });
                corner_weights(axes, tangent, weights, derivatives);
                for (int c = 0; c < 8; ++c) added[c] = weights[c] * d + derivatives[c] * q;
            } else {
                corner_weights(axes, weights);
                for (int c = 0; c < 8; ++c) added[c] = weights[c] * d;
            }
            alignas(64) float amounts[8][kLanes];
            std::memcpy(amounts, added, sizeof amounts);
            for (int c = 0; c < 8; ++c)
                for (int i = 0; i < kLanes / F; ++i) {
                    float* entry = table_gradient + static_cast<size_t>(tile.entries[c][Part * kLanes / F + i]) * F;
                    for (int k = 0; k < F; ++k) entry[k] += amounts[c][i * F + k];
                }
        });
    });
}

}  // namespace neurfield::hash_grid
