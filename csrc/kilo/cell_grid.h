// The grid of cells: which network a place belongs to, and where in its cell it is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/aligned_floats.h"
#include "field/frequencies.h"
#include "network/precision.h"

namespace neurfield::kilo {

// What stands in the table where a cell has no network.
constexpr int32_t kFree = -1, kMatter = -2;

struct CellGrid {
    float low[3], edge;
    int64_t size[3];
    const int32_t* table;  // [X, Y, Z]: a network, kFree or kMatter

    // Places outside belong to the nearest cell.
    int64_t along(int axis, float x) const {
        const float at = (x - low[axis]) / edge;
        return at > 0.0f ? std::min(static_cast<int64_t>(at), size[axis] - 1) : 0;
    }
    float centre(int axis, int64_t cell) const { return low[axis] + (static_cast<float>(cell) + 0.5f) * edge; }

    // What the table says of a place, and where it is in its cell, [-1, 1]^3.
    int32_t locate(const float* point, float* local) const {
        int64_t cell[3];
        for (int a = 0; a < 3; ++a) {
            cell[a] = along(a, point[a]);
            local[a] = (point[a] - centre(a, cell[a])) * (2.0f / edge);
        }
        return table[(cell[0] * size[1] + cell[1]) * size[2] + cell[2]];
    }

    // Where a ray leaves the cell that `point` on it lies in, lengths from that point.
    float exit(const float* point, const float* direction) const {
        float t = std::numeric_limits<float>::infinity();
        for (int a = 0; a < 3; ++a) {
            if (direction[a] == 0.0f) continue;
            const float wall = centre(a, along(a, point[a])) + (direction[a] > 0.0f ? 0.5f : -0.5f) * edge;
            t = std::min(t, std::max(0.0f, (wall - point[a]) / direction[a]));
        }
        return t;
    }
};

// The inputs of networks for some places in cells: coordinates, then sines and cosines of 2^k pi times them.
class LocalColumns {
public:
    static int64_t width(int octaves) { return 3 + 6 * octaves; }

    // Rows [count, 3 + 6 octaves] of places [count, 3] in [-1, 1]^3; in the thread's own memory.
    const float* of(const float* local, int64_t count, int octaves) {
        const int64_t whole = padded(count), row = width(octaves);
        float* axes = axes_.reserve(3 * whole);
        float* rows = rows_.reserve(whole * row);
        for (int64_t i = 0; i < whole; ++i)
            for (int a = 0; a < 3; ++a) axes[a * whole + i] = i < count ? local[3 * i + a] : 0.0f;
        for (int64_t i = 0; i < whole; ++i)
            for (int a = 0; a < 3; ++a) rows[i * row + a] = axes[a * whole + i];
        field::frequency_columns(axes, whole, whole, octaves, row, rows + 3);
        return rows;
    }

private:
    AlignedFloats axes_, rows_;
};

}  // namespace neurfield::kilo
