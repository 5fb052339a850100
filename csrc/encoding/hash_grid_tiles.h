// The hash grid's cells, found for a tile of points at once, one point a lane.
#pragma once

#include "encoding/grid_tiles.h"
#include "encoding/hash_grid.h"

namespace neurfield::grid {

template <int D>
struct CubeTile {
    alignas(64) uint32_t entries[1 << D][kLanes];  // of the corners; those of the first alone where `lattice`
    Vec f[D];
    bool lattice;  // no corner is wrapped: the others' entries follow from the first's
};

// The entries of a dense level's corners wherever they are, `first` being the first corner's before it is wrapped into the level.
// Out of line: where corners are not wrapped, registers are wanted for other things.
template <int D>
[[gnu::noinline]] void wrapped_corners(const Level& level, UintLanes first, bool inside, uint32_t (*to)[kLanes]) {
    for (int c = 0; c < corners_of(D); ++c) {
        UintLanes entries = first + dense_step(level, c);
        if (inside)  // at most once around
            entries = entries < level.size ? entries : entries - level.size;
        else
            entries %= level.size;
        std::memcpy(to[c], &entries, sizeof entries);
    }
}

// Finds the cells of the points at `begin` of the axes. inside: all of them are in the unit cube; lattice: the first corner's
// entry will do where the others' follow.
template <int D, bool Hashed>
[[gnu::always_inline]] inline void locate(const Level& level, const float* const axes[D], int64_t begin, bool inside, bool lattice,
                                          CubeTile<D>& tile) {
    UintLanes cell[D];
    for (int k = 0; k < D; ++k)
        cell[k] = (UintLanes)split(lattice_coordinate(Vec::load(axes[k] + begin), level.scale, Vec(0.5f)).v, tile.f[k]);
    if constexpr (Hashed) {
        UintLanes entries[1 << D];
        hashed_corners<D>(level, cell, entries);
        std::memcpy(tile.entries, entries, sizeof entries);
    } else {
        const UintLanes first = dense_corner<D>(level, cell);
        tile.lattice = lattice && inside && !any(first + dense_step(level, corners_of(D) - 1) >= level.size);
        if (tile.lattice)
            std::memcpy(tile.entries, &first, sizeof first);
        else
            wrapped_corners<D>(level, first, inside, tile.entries);
    }
}

// Calls work(begin, tile) for each tile.
template <int D, bool Hashed, bool Lattice, class Work>
[[gnu::always_inline]] inline void for_cubes(const Level& level, const Points<D>& points, int64_t count, Work&& work) {
    const float* axes[D];
    for (int k = 0; k < D; ++k) axes[k] = points.axis(k);
    walk_tiles<CubeTile<D>>(
        points, count,
        [&](int64_t begin, bool inside, CubeTile<D>& tile)
            __attribute__((always_inline)) { locate<D, Hashed>(level, axes, begin, inside, Lattice, tile); },
        work);
}

}  // namespace neurfield::grid
