// The triangles of each case of marching cubes, as neurfield/ops/marching_cubes_table.py works them out.
#pragma once

#include <cstdint>

#include "common/point_maths.h"

namespace neurfield {

// Edges three by three, then 255.
struct TriangleTable {
    const uint8_t* edges;
    int64_t width;

    static constexpr uint8_t kEnd = 255;

    int count(int pattern) const {
        int n = 0;
        while (n < width && edges[pattern * width + n] != kEnd) ++n;
        return n / 3;
    }
};

// An edge of the table, of the cube at (x, y, z): its axis and its low end.
struct CubeEdge {
    int axis, x, y, z;

    NEURFIELD_POINT_MATHS CubeEdge(int edge, int cube_x, int cube_y, int cube_z) : axis(edge >> 2) {
        const int u = edge >> 1 & 1, v = edge & 1;
        x = cube_x + (axis == 0 ? 0 : u);
        y = cube_y + (axis == 0 ? u : axis == 1 ? 0 : v);
        z = cube_z + (axis == 2 ? 0 : v);
    }
};

}  // namespace neurfield
