// The pixels around a pixel that PatchMatch looks at, for kLanes pixels of a row at a time: regions from which it takes planes, and single
// neighbours. `neurfield/ops/reference/slanted_planes.py` is the same in torch.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stereo/slanted_window.h"

namespace neurfield::stereo {

constexpr int kRegions = 8;
constexpr float kNothing = 4.0f;  // the cost of no plane

struct Step {
    int8_t right, down;
};
constexpr Step kNext[4] = {{0, -1}, {0, 1}, {-1, 0}, {1, 0}};
constexpr Step kAround[8] = {{0, -1}, {0, 1}, {-1, 0}, {1, 0}, {0, -3}, {0, 3}, {-3, 0}, {3, 0}};

struct Region {
    int count;
    Step at[11];
};

// Pixels of the other colour around one: up, down, left, right, near by in a V and far in a line (ACMH).
struct Regions {
    Region each[kRegions];

    Regions() {
        constexpr Step kNear[7] = {{0, 1}, {-1, 2}, {1, 2}, {-2, 3}, {2, 3}, {-3, 4}, {3, 4}};
        for (int far = 0; far < 2; ++far)
            for (int way = 0; way < 4; ++way) {
                Region& region = each[4 * far + way];
                region.count = far ? 11 : 7;
                for (int i = 0; i < region.count; ++i) {
                    const int x = far ? 0 : kNear[i].right, y = far ? 3 + 2 * i : kNear[i].down;
                    const int turned[4][2] = {{x, -y}, {x, y}, {-y, x}, {y, x}};
                    region.at[i] = {static_cast<int8_t>(turned[way][0]), static_cast<int8_t>(turned[way][1])};
                }
            }
    }
};

// The pixels a step away, and which of the lanes have one.
struct Beside {
    IntLanes exist, pixel;  // numbers within the picture, 0 where there is none

    Beside(const Lanes& lanes, Step step, const Picture& picture) {
        const int32_t row = lanes.row + step.down;
        const IntLanes column = lanes.column + static_cast<int32_t>(step.right);
        exist = lanes.exist & (column >= 0) & (column < picture.width) & (row >= 0 && row < picture.height ? -1 : 0);
        pixel = (row * picture.width + column) & exist;
    }
};

inline Planes planes_at(const float* planes, IntLanes pixel) {
    return {gather_floats(planes, 3 * pixel), gather_floats(planes + 1, 3 * pixel), gather_floats(planes + 2, 3 * pixel)};
}

inline Planes none() { return {Vec(0.0f), Vec(0.0f), Vec(0.0f)}; }

// The plane of the pixel of least cost of a region, carried on to each lane's pixel; w = 0 where there is none.
inline Planes propagated(const Region& region, const Lanes& lanes, const Picture& picture, const float* planes, const float* cost) {
    Vec best(kNothing), right(0.0f), down(0.0f);
    IntLanes from = lanes.pixel(picture.width);
    for (int i = 0; i < region.count; ++i) {
        const Step step = region.at[i];
        if (lanes.row + step.down < 0 || lanes.row + step.down >= picture.height) continue;
        const Beside there(lanes, step, picture);
        const Vec found = choose(there.exist, gather_floats(cost, there.pixel), Vec(kNothing));
        const IntLanes better = found.v < best.v;
        best = choose(better, found, best), from = better ? there.pixel : from;
        right = choose(better, Vec(static_cast<float>(step.right)), right);
        down = choose(better, Vec(static_cast<float>(step.down)), down);
    }
    Planes found = planes_at(planes, from);
    found.w = found.w - found.a * right - found.b * down;
    return choose(best.v < kNothing, found, none());
}

}  // namespace neurfield::stereo
