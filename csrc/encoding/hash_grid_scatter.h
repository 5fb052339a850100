// The gradient of one level's entries: terms w * d_features + (grad w . tangent) * d_value_gradient of each corner, w its weight.
//
// As in the interpolation, x is taken first with one point a lane, then y and z with [point][end of the edge][feature] (dense) or
// [point][feature] in vectors, so that what is added to an entry, or to both ends of an edge, lies together.
#pragma once

#include "encoding/hash_grid_tiles.h"

namespace neurfield::hash_grid {

// What the points of a tile ask, with one point a lane.
template <int F>
struct TileCotangents {
    Vec d_features[F], d_value_gradient[F], tangent[3];
};

// Weights of the four (y, z), and their derivatives along the tangents.
template <bool Tangent>
struct FaceWeights {
    Vec weight[4], turn[Tangent ? 4 : 1];

    FaceWeights(const Blend<Vec> axes[3], const Vec tangent[3]) {
        const Vec one(1.0f), y[2] = {one - axes[1].weight, axes[1].weight}, z[2] = {one - axes[2].weight, axes[2].weight};
        for (int i = 0; i < 4; ++i) weight[i] = y[i & 1] * z[i >> 1];
        if constexpr (Tangent) {
            const Vec dy = axes[1].slope * tangent[1], dz = axes[2].slope * tangent[2];
            const Vec turn_y[2] = {Vec(0.0f) - dy, dy}, turn_z[2] = {Vec(0.0f) - dz, dz};
            for (int i = 0; i < 4; ++i) turn[i] = turn_y[i & 1] * z[i >> 1] + turn_z[i >> 1] * y[i & 1];
        }
    }
};

// Count floats, 1, 2 or 4, added to as many.
template <int Count>
[[gnu::always_inline]] inline void add_to(float* to, const float* amounts) {
    typedef float Floats __attribute__((vector_size(Count * sizeof(float))));
    Floats sum, added;
    std::memcpy(&sum, to, sizeof sum);
    std::memcpy(&added, amounts, sizeof added);
    sum += added;
    std::memcpy(to, &sum, sizeof sum);
}

// Adds amounts [Corners][kLanes][Count] to tables[c] + entries[c] * F. Corner after corner of two points at a time: those of a
// point are different entries, while the next point's are often the same, and their additions have to wait for each other.
template <int F, int Corners, int Count>
[[gnu::always_inline]] inline void add_to_entries(float* const tables[Corners], const uint32_t* const entries[Corners],
                                                  const float (*amounts)[Count * kLanes]) {
    for (int i = 0; i < kLanes; i += 2)
#pragma GCC unroll 8
        for (int c = 0; c < Corners; ++c) {
            const TwoEntries at(entries[c] + i);
            add_to<Count>(tables[c] + F * at.first(), amounts[c] + Count * i);
            add_to<Count>(tables[c] + F * at.second(), amounts[c] + Count * (i + 1));
        }
}

// What x makes of a tile's cotangents at one of its ends: the factors of the faces' weights and of their derivatives.
template <int F, bool Tangent>
[[gnu::always_inline]] inline void end_terms(const Blend<Vec>& x, int end, const TileCotangents<F>& from, Vec* by_weight,
                                             Vec* by_turn) {
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

// Multiplies terms in rows [kLanes][Count] with the weights of the four faces.
template <int Count, bool Tangent>
[[gnu::always_inline]] inline void face_amounts(const FaceWeights<Tangent>& faces, const Vec* by_weight, const Vec* by_turn,
                                                float (*amounts)[Count * kLanes], int step) {
    Vec rows[Count], turn_rows[Count];
    to_rows<Count>(by_weight, rows);
    if constexpr (Tangent) to_rows<Count>(by_turn, turn_rows);
    for_parts<Count>([&](auto part) __attribute__((always_inline)) {
        constexpr int Part = decltype(part)::value;
        for (int i = 0; i < 4; ++i) {
            Vec amount = rows[Part] * spread<Count, Part>(faces.weight[i]);
            if constexpr (Tangent) amount += turn_rows[Part] * spread<Count, Part>(faces.turn[i]);
            amount.store(amounts[step * i] + Part * kLanes);
        }
    });
}

template <int F, bool Smooth, bool Tangent, bool Lattice>
[[gnu::always_inline]] inline void scatter_tile(const Tile& tile, const Level& level, const TileCotangents<F>& from, float* table) {
    Blend<Vec> axes[3];
    for (int k = 0; k < 3; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    const FaceWeights<Tangent> faces(axes, from.tangent);
    Vec by_weight[2 * F], by_turn[2 * F];
    for (int end = 0; end < 2; ++end) end_terms<F, Tangent>(axes[0], end, from, by_weight + end * F, by_turn + end * F);
    if constexpr (Lattice) {
        alignas(64) float amounts[4][2 * F * kLanes];
        face_amounts<2 * F, Tangent>(faces, by_weight, by_turn, amounts, 1);
        const size_t row = static_cast<size_t>(level.resolution) * F, plane = row * level.resolution;
        float* const edges[4] = {table, table + row, table + plane, table + plane + row};
        const uint32_t* const entries[4] = {tile.entries[0], tile.entries[0], tile.entries[0], tile.entries[0]};
        add_to_entries<F, 4, 2 * F>(edges, entries, amounts);
    } else {
        alignas(64) float amounts[8][F * kLanes];
        for (int end = 0; end < 2; ++end) face_amounts<F, Tangent>(faces, by_weight + end * F, by_turn + end * F, amounts + end, 2);
        float* const tables[8] = {table, table, table, table, table, table, table, table};
        const uint32_t* entries[8];
        for (int c = 0; c < 8; ++c) entries[c] = tile.entries[c];
        add_to_entries<F, 8, F>(tables, entries, amounts);
    }
}

template <int F, bool Smooth, bool Tangent, bool Hashed, class Ask>
inline void scatter_to_level(const Level& level_, const Points& points, int64_t count, float* table, Ask&& ask) {
    const Level level = level_;
    constexpr bool Lattice = !Hashed && F <= 2;
    locate_ahead<Hashed, Lattice>(level, points, count, [&](int64_t begin, const Tile& tile) __attribute__((always_inline)) {
        TileCotangents<F> from;
        ask(begin, from);
        if (Lattice && tile.lattice)
            scatter_tile<F, Smooth, Tangent, Lattice>(tile, level, from, table);
        else
            scatter_tile<F, Smooth, Tangent, false>(tile, level, from, table);
    });
}

// Adds the terms of a run of whole tiles to `table`; ask(begin, cotangents) brings those of a tile. Terms are added in the order of
// the points.
template <int F, bool Smooth, bool Tangent, class Ask>
inline void scatter_to_level(const Level& level, const Points& points, int64_t count, float* table, Ask&& ask) {
    if (level.hashed)
        scatter_to_level<F, Smooth, Tangent, true>(level, points, count, table, ask);
    else
        scatter_to_level<F, Smooth, Tangent, false>(level, points, count, table, ask);
}

}  // namespace neurfield::hash_grid
