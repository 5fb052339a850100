// Where a ray meets the zero level of a sparse volume of signed distances.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "fusion/depth_fusion.h"

namespace neurfield::fusion {

struct Volume {
    const int64_t* row;     // [X][Y][Z], the number of a brick, or -1
    const float* distance;  // [bricks][kVoxels], not a number where nothing is known
    int64_t size[3];        // in bricks
    float voxel;

    // The number of the brick that holds a voxel, -1 for none.
    int64_t brick(const int64_t cell[3]) const {
        int64_t at[3];
        for (int a = 0; a < 3; ++a) {
            at[a] = cell[a] / kEdge;
            if (cell[a] < 0 || at[a] >= size[a]) return -1;
        }
        return row[(at[0] * size[1] + at[1]) * size[2] + at[2]];
    }

    float value(const int64_t cell[3]) const {
        const int64_t number = brick(cell);
        if (number < 0) return NAN;
        return distance[number * kVoxels + ((cell[0] % kEdge) * kEdge + cell[1] % kEdge) * kEdge + cell[2] % kEdge];
    }

    // Trilinear at a point counted in voxels; not a number where one of the eight voxels is not known.
    float at(const float point[3]) const {
        int64_t first[3];
        float share[3];
        for (int a = 0; a < 3; ++a) {
            const float place = point[a] - 0.5f, low = std::floor(place);
            first[a] = static_cast<int64_t>(low), share[a] = place - low;
        }
        float sum = 0.0f;
        for (int corner = 0; corner < 8; ++corner) {
            int64_t cell[3];
            float part = 1.0f;
            for (int a = 0; a < 3; ++a) {
                const int far = corner >> a & 1;
                cell[a] = first[a] + far;
                part *= far ? share[a] : 1.0f - share[a];
            }
            sum += part * value(cell);
        }
        return sum;
    }
};

// The z-depth at which the distance along a ray first turns from positive to negative between two known samples, one voxel apart, or 0.
// The ray starts at `origin` and moves by `along` a unit of z-depth, both counted in voxels.
inline float first_crossing(const Volume& volume, const float origin[3], const float along[3]) {
    // Where the ray is inside the grid.
    float begin = 0.0f, end = INFINITY;
    for (int a = 0; a < 3; ++a) {
        const float top = static_cast<float>(volume.size[a] * kEdge);
        if (along[a] == 0.0f) {
            if (!(origin[a] >= 0.0f && origin[a] < top)) return 0.0f;
            continue;
        }
        const float low = -origin[a] / along[a], high = (top - origin[a]) / along[a];
        begin = std::fmax(begin, std::fmin(low, high)), end = std::fmin(end, std::fmax(low, high));
    }
    const float step = 1.0f / std::sqrt(along[0] * along[0] + along[1] * along[1] + along[2] * along[2]);
    if (!(end > begin) || !(end / step < 1e6f)) return 0.0f;
    float before = NAN, before_z = 0.0f;
    const int64_t last = static_cast<int64_t>(end / step);
    for (int64_t k = static_cast<int64_t>(std::ceil(begin / step)); k <= last; ++k) {
        const float z = static_cast<float>(k) * step;
        float point[3];
        int64_t cell[3];
        for (int a = 0; a < 3; ++a) point[a] = origin[a] + z * along[a], cell[a] = static_cast<int64_t>(std::floor(point[a]));
        if (volume.brick(cell) < 0) {  // nothing is known before the ray leaves this brick
            float leaves = INFINITY;
            for (int a = 0; a < 3; ++a) {
                const float wall = std::floor(point[a] / kEdge) * kEdge + (along[a] > 0.0f ? static_cast<float>(kEdge) : 0.0f);
                if (along[a] != 0.0f) leaves = std::fmin(leaves, (wall - point[a]) / along[a]);
            }
            k += std::max(static_cast<int64_t>(leaves / step - 1e-3f), static_cast<int64_t>(0));
            continue;
        }
        const float here = volume.at(point);
        if (std::isnan(here)) continue;
        if (before > 0.0f && here < 0.0f) return before_z + (z - before_z) * before / (before - here);
        before = here, before_z = z;
    }
    return 0.0f;
}

}  // namespace neurfield::fusion
