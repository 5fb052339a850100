// How frequency columns change with their point: per k = 0 .. n-1 six columns, sin(2^k pi x) of the three axes, then cos(2^k pi x).
#pragma once

#include "common/point_maths.h"

namespace neurfield::field {

// One point's columns are their own derivatives' factors: d sin = 2^k pi cos, d cos = -2^k pi sin.
constexpr float kPi = 3.14159265358979f;

// Adds the columns' part of the gradient [3]: slope is d y / d columns.
NEURFIELD_POINT_MATHS void frequency_t_product(const float* columns, const float* slope, int n, float* gradient) {
    float rate = kPi;
    for (int k = 0; k < n; ++k, rate += rate, columns += 6, slope += 6)
        for (int axis = 0; axis < 3; ++axis) gradient[axis] += rate * (slope[axis] * columns[axis + 3] - slope[axis + 3] * columns[axis]);
}

// The columns' change as the point moves along `tangent` [3].
NEURFIELD_POINT_MATHS void frequency_product(const float* columns, const float* tangent, int n, float* change) {
    float rate = kPi;
    for (int k = 0; k < n; ++k, rate += rate, columns += 6, change += 6)
        for (int axis = 0; axis < 3; ++axis) {
            change[axis] = rate * tangent[axis] * columns[axis + 3];
            change[axis + 3] = -rate * tangent[axis] * columns[axis];
        }
}

}  // namespace neurfield::field
