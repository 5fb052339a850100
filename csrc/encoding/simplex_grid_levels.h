// The features of tiles of points in one level of the simplex grid with their derivatives, and the gradient of its entries.
#pragma once

#include "encoding/simplex_grid_tiles.h"

namespace neurfield::grid {

// The entries of vertex r of a tile's points, in columns.
template <int D, int F>
[[gnu::always_inline]] inline void vertex_columns(const SimplexTile<D>& tile, int r, const float* table, Vec columns[F]) {
    Vec rows[F];
    for_parts<F>([&](auto part) __attribute__((always_inline)) {
        constexpr int Part = decltype(part)::value;
        rows[Part] = gather_entries<F, F>(table, tile.entries[r] + Part * kLanes / F);
    });
    to_columns<F>(rows, columns);
}

// From vertex to vertex one coordinate after the other steps up, and the feature changes by that much: this is its derivative by the
// coordinate's blend, and all that the value needs, too.
template <int D, int F>
[[gnu::always_inline]] inline void step_columns(const SimplexTile<D>& tile, const float* table, Vec first[F], Vec steps[F][D]) {
    Vec before[F], after[F];
    vertex_columns<D, F>(tile, 0, table, before);
    for (int f = 0; f < F; ++f) first[f] = before[f];
    for (int r = 0; r < D; ++r) {
        vertex_columns<D, F>(tile, r + 1, table, after);
        for (int f = 0; f < F; ++f) {
            steps[f][r] = after[f] - before[f];
            before[f] = after[f];
        }
    }
}

template <int D, int F, bool Smooth, bool Jacobian>
[[gnu::always_inline]] inline void interpolate_tile(const SimplexTile<D>& tile, const Level& level, const float* table,
                                                    TileFeatures<D, F, Jacobian>& out) {
    Blend<Vec> axes[D];
    blend_axes<Smooth>(tile, level, axes);
    if constexpr (Jacobian) {
        Vec steps[F][D];
        step_columns<D, F>(tile, table, out.value, steps);
        for (int f = 0; f < F; ++f) {
            Vec along[D];
            for (int k = 0; k < D; ++k) {
                const Vec step = of_axis(tile, k, steps[f]);
                out.value[f] = fma(axes[k].weight, step, out.value[f]);
                along[k] = step * axes[k].slope;
            }
            skew<D>(along);
            for (int k = 0; k < D; ++k) out.slope[k][f] = along[k];
        }
    } else {
        Vec sorted[D], weights[D + 1], sums[F];
        for (int k = 0; k < D; ++k) sorted[k] = axes[k].weight;
        sort_down<D>(sorted);
        barycentric<D>(sorted, weights);
        for_parts<F>([&](auto part) __attribute__((always_inline)) {
            constexpr int Part = decltype(part)::value;
            sums[Part] = Vec(0.0f);
            for (int r = 0; r <= D; ++r)
                sums[Part] = fma(gather_entries<F, F>(table, tile.entries[r] + Part * kLanes / F), spread<F, Part>(weights[r]), sums[Part]);
        });
        to_columns<F>(sums, out.value);
    }
}

template <int D, int F, bool Smooth, bool Tangent>
[[gnu::always_inline]] inline void scatter_tile(const SimplexTile<D>& tile, const Level& level, const TileCotangents<D, F>& from,
                                                float* table) {
    Blend<Vec> axes[D];
    blend_axes<Smooth>(tile, level, axes);
    Vec sorted[D], weights[D + 1], turns[Tangent ? D + 1 : 1], d_rows[F], q_rows[F];
    for (int k = 0; k < D; ++k) sorted[k] = axes[k].weight;
    sort_down<D>(sorted);
    barycentric<D>(sorted, weights);
    to_rows<F>(from.d_features, d_rows);
    if constexpr (Tangent) {
        Vec along[D];
        for (int k = 0; k < D; ++k) along[k] = from.tangent[k];
        skew<D>(along);
        for (int k = 0; k < D; ++k) along[k] *= axes[k].slope;
        Vec before(0.0f);
        for (int r = 0; r < D; ++r) {
            const Vec next = of_rank(tile, r, along);
            turns[r] = before - next;
            before = next;
        }
        turns[D] = before;
        to_rows<F>(from.d_value_gradient, q_rows);
    }
    alignas(64) float amounts[D + 1][F * kLanes];
    for_parts<F>([&](auto part) __attribute__((always_inline)) {
        constexpr int Part = decltype(part)::value;
        for (int r = 0; r <= D; ++r) {
            Vec amount = d_rows[Part] * spread<F, Part>(weights[r]);
            if constexpr (Tangent) amount += q_rows[Part] * spread<F, Part>(turns[r]);
            amount.store(amounts[r] + Part * kLanes);
        }
    });
    float* tables[D + 1];
    const uint32_t* entries[D + 1];
    for (int r = 0; r <= D; ++r) {
        tables[r] = table;
        entries[r] = tile.entries[r];
    }
    add_to_entries<F, D + 1, F>(tables, entries, amounts);
}

template <int D, int F, bool Smooth, bool Jacobian, bool Hashed, class Use>
inline void interpolate_simplices(const Level& level_, const Points<D>& points, int64_t count, const float* table, Use&& use) {
    const Level level = level_;  // a copy, since `use` might write anything
    for_simplices<D, Hashed>(level, points, count, [&](int64_t begin, const SimplexTile<D>& tile) __attribute__((always_inline)) {
        TileFeatures<D, F, Jacobian> features;
        interpolate_tile<D, F, Smooth, Jacobian>(tile, level, table, features);
        use(begin, features);
    });
}

template <int D, int F, bool Smooth, bool Tangent, bool Hashed, class Ask>
inline void scatter_to_simplices(const Level& level_, const Points<D>& points, int64_t count, float* table, Ask&& ask) {
    const Level level = level_;
    for_simplices<D, Hashed>(level, points, count, [&](int64_t begin, const SimplexTile<D>& tile) __attribute__((always_inline)) {
        TileCotangents<D, F> from;
        ask(begin, from);
        scatter_tile<D, F, Smooth, Tangent>(tile, level, from, table);
    });
}

}  // namespace neurfield::grid
