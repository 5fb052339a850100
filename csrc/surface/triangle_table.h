// The triangles of each case of marching cubes, as neurfield/ops/marching_cubes_table.py works them out.
#pragma once

#include <cstdint>

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

}  // namespace neurfield
