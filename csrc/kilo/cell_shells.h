// What is known of the networks without asking them: their values on a lattice in each cell, how far those may be wrong between its
// points, and how many voxels around a voxel are on one side by that. Rays go by these until they are near the surface.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kilo/cell_grid.h"

namespace neurfield::kilo {

struct Shells {
    int fine;             // voxels along a cell's edge
    const float* values;  // [K, fine + 1, fine + 1, fine + 1], lengths
    const float* errors;  // [K, fine, fine, fine], lengths: how far a network may be from its lattice in a voxel
    const int8_t* sides;  // [X fine, Y fine, Z fine]: 0 may hold surface; +n outside, -n in matter, n - 1 voxels around it, too

    int64_t points() const { return int64_t{fine + 1} * (fine + 1) * (fine + 1); }
    int64_t voxels() const { return int64_t{fine} * fine * fine; }
};

// Eight values of a lattice and the trilinear values between; `at` counts in voxels from the first.
struct Corners {
    float value[8];

    Corners(const float* first, int64_t fine) {
        const int64_t y = fine + 1, x = y * y;
        for (int i = 0; i < 8; ++i) value[i] = first[(i >> 2) * x + (i >> 1 & 1) * y + (i & 1)];
    }
    float at(float x, float y, float z) const {
        const auto along_z = [&](int i) { return value[i] + z * (value[i + 1] - value[i]); };
        const float a = along_z(0), b = along_z(2), c = along_z(4), d = along_z(6);
        const float low = a + y * (b - a), high = c + y * (d - c);
        return low + x * (high - low);
    }
    // The most that the value changes in a voxel's length along each axis: along lines the slope lies between those of the edges.
    float steepest(int axis) const {
        const int step = 4 >> axis;
        float most = 0.0f;
        for (int i = 0; i < 8; ++i)
            if ((i & step) == 0) most = std::max(most, std::abs(value[i + step] - value[i]));
        return most;
    }
};

// A ray at a place of the grid's voxels, counted from the grid's corner.
struct VoxelPlace {
    float from[3];
    int64_t voxel[3];
    float edge;  // of a voxel

    VoxelPlace(const CellGrid& grid, int fine, const float* origin, const float* direction, float t) : edge(grid.edge / fine) {
        for (int a = 0; a < 3; ++a) {
            from[a] = origin[a] + t * direction[a] - grid.low[a];
            const float at = from[a] * (fine / grid.edge);
            voxel[a] = at > 0.0f ? std::min(static_cast<int64_t>(at), grid.size[a] * fine - 1) : 0;
        }
    }

    // Where the ray leaves the voxel and `around` others on each of its sides, lengths from the place.
    float exit(const float* direction, const float* inverse, int64_t around) const {
        float t = std::numeric_limits<float>::infinity();
        for (int a = 0; a < 3; ++a) {
            const float wall = edge * static_cast<float>(direction[a] > 0.0f ? voxel[a] + 1 + around : voxel[a] - around);
            if (direction[a] != 0.0f) t = std::min(t, std::max(0.0f, (wall - from[a]) * inverse[a]));
        }
        return t;
    }
};

}  // namespace neurfield::kilo
