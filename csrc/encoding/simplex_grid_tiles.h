// The simplex grid's cells, found for a tile of points at once, one point a lane.
//
// A dense level is periodic: its vertices are numbered by a linear form of their coordinates modulo its size, chosen so that no two
// vertices of the unit cube share a number and hardly a number is left over (neurfield/ops/simplex_layout.py finds it). Row after row of
// the skewed lattice, three quarters of a level's entries would be outside the cube in 3-D.
#pragma once

#include "encoding/grid_tiles.h"
#include "encoding/simplex_grid.h"

namespace neurfield::grid {

template <int D>
struct SimplexTile {
    alignas(64) uint32_t entries[D + 1][kLanes];  // of the vertices, in the order in which they are met
    Vec f[D];
    IntLanes rank[D];  // how many coordinates in the cell are larger than this one's
};

// The first vertex's entry in a dense level, wherever it is; exact for every cell that has a number.
template <int D>
[[gnu::noinline]] UintLanes wrapped_vertex(const Level& level, const IntLanes* cell) {
    UintLanes entry;
    for (int i = 0; i < kLanes; ++i) {
        int64_t at = 0;
        for (int k = 0; k < D; ++k) at = (at + cell[k][i] % static_cast<int64_t>(level.size) * level.steps[k]) % level.size;
        entry[i] = static_cast<uint32_t>(at < 0 ? at + level.size : at);
    }
    return entry;
}

// The same inside the unit cube: the quotient by a product in floating point, which is off by one at most; the remainder then comes
// out of arithmetic modulo 2^32.
template <int D>
[[gnu::always_inline]] inline UintLanes inner_vertex(const Level& level, const IntLanes* cell) {
    const float inverse = 1.0f / static_cast<float>(level.size);
    FloatLanes turns{};
    UintLanes entry{};
    for (int k = 0; k < D; ++k) {
        turns += __builtin_convertvector(cell[k], FloatLanes) * (static_cast<float>(level.steps[k]) * inverse);
        entry += (UintLanes)cell[k] * level.steps[k];
    }
    entry -= (UintLanes)__builtin_convertvector(turns, IntLanes) * level.size;
    entry = (IntLanes)entry < 0 ? entry + level.size : entry;
    return entry >= level.size ? entry - level.size : entry;
}

template <int D>
[[gnu::always_inline]] inline void dense_vertices(const Level& level, const IntLanes* cell, bool inside, SimplexTile<D>& tile) {
    UintLanes entry = inside ? inner_vertex<D>(level, cell) : wrapped_vertex<D>(level, cell);
    for (int r = 0;; ++r) {
        std::memcpy(tile.entries[r], &entry, sizeof entry);
        if (r == D) return;
        UintLanes step{};
        for (int k = 0; k < D; ++k) step |= (UintLanes)(tile.rank[k] == r) & level.steps[k];
        entry += step;
        entry = entry >= level.size ? entry - level.size : entry;
    }
}

template <int D>
[[gnu::always_inline]] inline void hashed_vertices(const Level& level, const IntLanes* cell, SimplexTile<D>& tile) {
    UintLanes low[D], flip[D];  // what a coordinate brings to the hash, and what changes as it steps up
    for (int k = 0; k < D; ++k) {
        low[k] = (UintLanes)cell[k] * kPrimes[k];
        flip[k] = low[k] ^ (low[k] + kPrimes[k]);
    }
    UintLanes hash = low[0];
    for (int k = 1; k < D; ++k) hash ^= low[k];
    for (int r = 0;; ++r) {
        const UintLanes entry = hash & (level.size - 1u);
        std::memcpy(tile.entries[r], &entry, sizeof entry);
        if (r == D) return;
        for (int k = 0; k < D; ++k) hash ^= (UintLanes)(tile.rank[k] == r) & flip[k];
    }
}

template <int D, bool Hashed>
[[gnu::always_inline]] inline void locate(const Level& level, const float* const axes[D], int64_t begin, bool inside,
                                          SimplexTile<D>& tile) {
    Vec x[D], sum(0.0f);
    for (int k = 0; k < D; ++k) {
        x[k] = Vec::load(axes[k] + begin);
        sum += x[k];
    }
    const float shrunk = level.scale * kSkewShrink[D];
    const Vec offset = fma(sum, Vec(shrunk * kSkew[D]), Vec(0.5f));
    IntLanes cell[D];
    for (int k = 0; k < D; ++k) {
        cell[k] = split(fma(x[k], Vec(shrunk), offset).v, tile.f[k]);
        tile.rank[k] = IntLanes{};
    }
    for (int i = 0; i < D; ++i)
        for (int j = i + 1; j < D; ++j) {
            const IntLanes first = tile.f[i].v >= tile.f[j].v;  // true is -1
            tile.rank[j] -= first;
            tile.rank[i] -= ~first;
        }
    if constexpr (Hashed)
        hashed_vertices<D>(level, cell, tile);
    else
        dense_vertices<D>(level, cell, inside, tile);
}

// Calls work(begin, tile) for each tile.
template <int D, bool Hashed, class Work>
[[gnu::always_inline]] inline void for_simplices(const Level& level, const Points<D>& points, int64_t count, Work&& work) {
    const float* axes[D];
    for (int k = 0; k < D; ++k) axes[k] = points.axis(k);
    walk_tiles<SimplexTile<D>>(
        points, count,
        [&](int64_t begin, bool inside, SimplexTile<D>& tile) __attribute__((always_inline)) {
            locate<D, Hashed>(level, axes, begin, inside, tile);
        },
        work);
}

// Blends of a tile's coordinates, their derivatives being those by the skewed point's shrunk coordinates.
template <bool Smooth, int D>
[[gnu::always_inline]] inline void blend_axes(const SimplexTile<D>& tile, const Level& level, Blend<Vec> axes[D]) {
    for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale * kSkewShrink[D]);
}

// Of D values, each lane's that belongs to the coordinate of this rank; and the reverse: of values by rank, this coordinate's.
template <int D>
[[gnu::always_inline]] inline Vec of_rank(const SimplexTile<D>& tile, int rank, const Vec by_axis[D]) {
    FloatLanes chosen = by_axis[0].v;
    for (int k = 1; k < D; ++k) chosen = tile.rank[k] == rank ? by_axis[k].v : chosen;
    return Vec(chosen);
}
template <int D>
[[gnu::always_inline]] inline Vec of_axis(const SimplexTile<D>& tile, int axis, const Vec by_rank[D]) {
    FloatLanes chosen = by_rank[0].v;
    for (int r = 1; r < D; ++r) chosen = tile.rank[axis] == r ? by_rank[r].v : chosen;
    return Vec(chosen);
}

}  // namespace neurfield::grid
