// What a known value tells of the points around it: a field that nowhere changes faster than `slope` keeps its side of the level within
// |value - level| / slope.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/point_maths.h"

namespace neurfield {

// Points nearer than this are on the known one's side, up to `reach` + 1. At most 1 tells nothing: no other point is that near.
NEURFIELD_POINT_MATHS float settled_radius(float value, float level, float slope, int reach) {
    const float sure = fabsf(value - level) / slope, most = static_cast<float>(reach) + 1.0f;
    return most < sure ? most : sure;
}

// How far to both sides of its middle the row (dx, dy) away from a ball's centre is within it; negative if it misses the ball.
NEURFIELD_POINT_MATHS int half_chord(float square_of_radius, int dx, int dy) {
    const float left = square_of_radius - static_cast<float>(dx * dx + dy * dy);
    return left <= 0.0f ? -1 : static_cast<int>(ceilf(sqrtf(left))) - 1;
}

// Bits low..high (inclusive) of eight; places beyond them are cut off.
NEURFIELD_POINT_MATHS uint64_t bits_between(int32_t low, int32_t high) {
    const int32_t from = low < 0 ? 0 : low, to = high > 7 ? 7 : high;
    return (uint64_t{2} << to) - (uint64_t{1} << from);
}

}  // namespace neurfield
