// Feature planes of pairs of axes: the maths of one plane, for one point.
//
// EG3D (Chan et al. 2022), K-Planes (Fridovich-Keil et al. 2023). Everything that a plane gives is linear in the four texels around
// the point, so each derivative is a set of four weights. Corner bit 0 steps along the row (the plane's first axis), bit 1 to the
// next row.
#pragma once

#include <cstdint>

#include "common/point_maths.h"

namespace neurfield::triplane {

struct Level {
    int64_t offset;      // of its first plane, in floats
    int32_t resolution;  // texels along an edge
    float scale, shift;  // lattice units u = scale * x + shift
};

// Where a coordinate lies between two texels: how far the upper one counts, and the first and second derivative of that by x.
struct Axis {
    int32_t cell;
    float weight, slope, bend;
};

// Coordinates beyond the outermost texels are seen at these, without a derivative. NaN counts as 0.
NEURFIELD_POINT_MATHS Axis locate(float x, const Level& level, bool smooth) {
    const float last = static_cast<float>(level.resolution - 1), u = x * level.scale + level.shift;
    const float inside = u >= 0.0f && u <= last ? level.scale : 0.0f;
    const float clamped = u > 0.0f ? (u < last ? u : last) : 0.0f;
    int32_t cell = static_cast<int32_t>(clamped);
    cell = cell < level.resolution - 2 ? cell : level.resolution - 2;
    const float f = clamped - static_cast<float>(cell);
    if (!smooth) return {cell, f, inside, 0.0f};
    return {cell, f * f * (3.0f - 2.0f * f), 6.0f * inside * f * (1.0f - f), 6.0f * inside * inside * (1.0f - 2.0f * f)};
}

// Of the value.
NEURFIELD_POINT_MATHS void value_weights(const Axis& a, const Axis& b, float out[4]) {
    const float low = 1.0f - b.weight;
    out[1] = a.weight * low, out[0] = low - out[1];
    out[3] = a.weight * b.weight, out[2] = b.weight - out[3];
}

// Of the value's derivatives by both axes.
NEURFIELD_POINT_MATHS void slope_weights(const Axis& a, const Axis& b, float by_a[4], float by_b[4]) {
    by_a[1] = a.slope * (1.0f - b.weight), by_a[3] = a.slope * b.weight;
    by_a[0] = -by_a[1], by_a[2] = -by_a[3];
    by_b[2] = b.slope * (1.0f - a.weight), by_b[3] = b.slope * a.weight;
    by_b[0] = -by_b[2], by_b[1] = -by_b[3];
}

// Of the value's change as the point moves along a tangent.
NEURFIELD_POINT_MATHS void tangent_weights(const Axis& a, const Axis& b, float along_a, float along_b, float out[4]) {
    float by_b[4];
    slope_weights(a, b, out, by_b);
    for (int corner = 0; corner < 4; ++corner) out[corner] = along_a * out[corner] + along_b * by_b[corner];
}

// Of the products of the second derivatives with a vector.
NEURFIELD_POINT_MATHS void hessian_weights(const Axis& a, const Axis& b, float along_a, float along_b, float by_a[4], float by_b[4]) {
    const float mixed = a.slope * b.slope;
    const Axis bent_a{a.cell, a.weight, a.bend, 0.0f}, bent_b{b.cell, b.weight, b.bend, 0.0f};
    slope_weights(bent_a, bent_b, by_a, by_b);
    for (int corner = 0; corner < 4; ++corner) {
        const float twist = corner == 0 || corner == 3 ? mixed : -mixed;
        by_a[corner] = along_a * by_a[corner] + along_b * twist;
        by_b[corner] = along_b * by_b[corner] + along_a * twist;
    }
}

}  // namespace neurfield::triplane
