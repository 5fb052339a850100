// The gradient of one hash grid level's entries.
//
// As in the interpolation, x is taken first with one point a lane, then the other axes with [point][end of the edge][feature] (dense)
// or [point][feature] in vectors, so that what is added to an entry, or to both ends of an edge, lies together.
#pragma once

#include "encoding/hash_grid_tiles.h"

namespace neurfield::grid {

// Weights of a face's corners, and their derivatives along the tangents, over M axes.
template <int M, bool Tangent>
struct FaceWeights {
    Vec weight[1 << M], turn[Tangent ? 1 << M : 1];

    [[gnu::always_inline]] FaceWeights(const Blend<Vec> axes[M], const Vec tangent[M]) {
        for (int k = 0; k < M; ++k) {
            const Vec high = axes[k].weight, low = Vec(1.0f) - high;
            if (k == 0) {
                weight[0] = low;
                weight[1] = high;
            }
            if constexpr (Tangent) {
                const Vec up = axes[k].slope * tangent[k], down = Vec(0.0f) - up;
                if (k == 0) {
                    turn[0] = down;
                    turn[1] = up;
                } else {
                    for (int i = 0; i < 1 << k; ++i) {
                        turn[i + (1 << k)] = turn[i] * high + up * weight[i];
                        turn[i] = turn[i] * low + down * weight[i];
                    }
                }
            }
            for (int i = 0; k > 0 && i < 1 << k; ++i) {
                weight[i + (1 << k)] = weight[i] * high;
                weight[i] *= low;
            }
        }
    }
};

// What x makes of a tile's cotangents at one of its ends: the factors of the faces' weights and of their derivatives.
template <int D, int F, bool Tangent>
[[gnu::always_inline]] inline void end_terms(const Blend<Vec>& x, int end, const TileCotangents<D, F>& from, Vec* by_weight, Vec* by_turn) {
    const Vec weight = end ? x.weight : Vec(1.0f) - x.weight;
    for (int f = 0; f < F; ++f) {
        by_weight[f] = weight * from.d_features[f];
        if constexpr (Tangent) {
            const Vec turn = x.slope * from.tangent[0];
            by_weight[f] += (end ? turn : Vec(0.0f) - turn) * from.d_value_gradient[f];
            by_turn[f] = weight * from.d_value_gradient[f];
        }
    }
}

// Multiplies terms in rows [kLanes][Count] with the weights of the faces' corners.
template <int M, int Count, bool Tangent>
[[gnu::always_inline]] inline void face_amounts(const FaceWeights<M, Tangent>& faces, const Vec* by_weight, const Vec* by_turn,
                                                float (*amounts)[Count * kLanes], int step) {
    Vec rows[Count], turn_rows[Count];
    to_rows<Count>(by_weight, rows);
    if constexpr (Tangent) to_rows<Count>(by_turn, turn_rows);
    for_parts<Count>([&](auto part) __attribute__((always_inline)) {
        constexpr int Part = decltype(part)::value;
        for (int i = 0; i < 1 << M; ++i) {
            Vec amount = rows[Part] * spread<Count, Part>(faces.weight[i]);
            if constexpr (Tangent) amount += turn_rows[Part] * spread<Count, Part>(faces.turn[i]);
            amount.store(amounts[step * i] + Part * kLanes);
        }
    });
}

template <int D, int F, bool Smooth, bool Tangent, bool Lattice>
[[gnu::always_inline]] inline void scatter_tile(const CubeTile<D>& tile, const Level& level, const TileCotangents<D, F>& from,
                                                float* table) {
    constexpr int M = D - 1;
    Blend<Vec> axes[D];
    for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    const FaceWeights<M, Tangent> faces(axes + 1, from.tangent + 1);
    Vec by_weight[2 * F], by_turn[2 * F];
    for (int end = 0; end < 2; ++end) end_terms<D, F, Tangent>(axes[0], end, from, by_weight + end * F, by_turn + end * F);
    if constexpr (Lattice) {
        alignas(64) float amounts[1 << M][2 * F * kLanes];
        face_amounts<M, 2 * F, Tangent>(faces, by_weight, by_turn, amounts, 1);
        float* edges[1 << M];
        const uint32_t* entries[1 << M];
        for (int i = 0; i < 1 << M; ++i) {
            edges[i] = table + static_cast<size_t>(dense_step(level, 2 * i)) * F;
            entries[i] = tile.entries[0];
        }
        add_to_entries<F, 1 << M, 2 * F>(edges, entries, amounts);
    } else {
        alignas(64) float amounts[1 << D][F * kLanes];
        for (int end = 0; end < 2; ++end) face_amounts<M, F, Tangent>(faces, by_weight + end * F, by_turn + end * F, amounts + end, 2);
        float* tables[1 << D];
        const uint32_t* entries[1 << D];
        for (int c = 0; c < 1 << D; ++c) {
            tables[c] = table;
            entries[c] = tile.entries[c];
        }
        add_to_entries<F, 1 << D, F>(tables, entries, amounts);
    }
}

// Adds the terms of a run of whole tiles to `table`; ask(begin, cotangents) brings those of a tile.
template <int D, int F, bool Smooth, bool Tangent, bool Hashed, class Ask>
inline void scatter_to_cubes(const Level& level_, const Points<D>& points, int64_t count, float* table, Ask&& ask) {
    const Level level = level_;
    constexpr bool Lattice = !Hashed && F <= 2;
    for_cubes<D, Hashed, Lattice>(level, points, count, [&](int64_t begin, const CubeTile<D>& tile) __attribute__((always_inline)) {
        TileCotangents<D, F> from;
        ask(begin, from);
        if (Lattice && tile.lattice)
            scatter_tile<D, F, Smooth, Tangent, Lattice>(tile, level, from, table);
        else
            scatter_tile<D, F, Smooth, Tangent, false>(tile, level, from, table);
    });
}

}  // namespace neurfield::grid
