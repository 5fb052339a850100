// One point in one level of a grid, for kernels with a point a thread: where its cell is and which entries its vertices have, what is
// the same for all shapes. cube_cell.h and simplex_cell.h have the cells; the CPU's counterpart, for tiles of points, is grid_tiles.h.
//
// A cell has `vertices`, their `entries` in the level, and `key`, the same numbers for the same cell and no other; and functions that
// make features of the entries' values, derivatives of those, and the terms of a gradient.
#pragma once

#include <utility>

#include "cuda/launch.h"
#include "encoding/grid_arguments.h"

namespace neurfield::grid {

constexpr int kMostLevels = 32;

// A level, and per axis the step to the next vertex in parts of the level's size, a hair less: no quotient is rounded up by it.
struct CellLevel : Level {
    float turns[kMostDimensions];
};

// All levels as an argument of a kernel.
struct CellLevels {
    CellLevel at[kMostLevels];
    int count;
};

inline CellLevels cell_levels(const Grid& grid) {
    if (grid.levels.size() > kMostLevels)
        throw pybind11::value_error("grid: on the GPU there can be at most " + std::to_string(kMostLevels) + " levels, got " +
                                    std::to_string(grid.levels.size()));
    CellLevels levels{};
    for (const Level& level : grid.levels) {
        CellLevel& to = levels.at[levels.count++];
        static_cast<Level&>(to) = level;
        for (int k = 0; k < kMostDimensions; ++k)
            to.turns[k] = static_cast<float>(level.steps[k]) / static_cast<float>(level.size) * (1.0f - 0x1p-20f);
    }
    return levels;
}

// floor(u), and what is left of u above it. Where u is no number, neither is the rest, but the floor is one.
__device__ inline int split(float u, float& rest) {
    const float floor = floorf(u);
    rest = u - floor;
    return static_cast<int>(floor);
}

// Calls body(i) for i from 0 to Count - 1, each a compile-time constant: loops inside whose length depends on it are unrolled, too, and
// arrays stay in registers.
template <int Count, class Body>
__device__ __forceinline__ void unrolled(Body&& body) {
    [&]<int... I>(std::integer_sequence<int, I...>) {
        (body(std::integral_constant<int, I>()), ...);
    }(std::make_integer_sequence<int, Count>());
}

}  // namespace neurfield::grid
