// What all multiresolution grids share, whatever the shape of their cells: levels, the hash, and how far a point lies into a cell.
// The maths is that of one point (Real = float) or of a vector of points (Real = Vec).
#pragma once

#include <cstdint>

#include "common/point_maths.h"

namespace neurfield::grid {

constexpr int kMostDimensions = 4;

struct Level {
    float scale;          // lattice units per unit of x
    uint32_t size;        // entries; a power of two where hashed
    int64_t offset;       // first entry in the table
    bool hashed;
    uint32_t steps[kMostDimensions];  // dense: entries from a vertex to the next along each axis, modulo size
};

// The "coherent prime" hash of tiny-cuda-nn: XOR of the coordinates times these; neighbours along x stay neighbours.
NEURFIELD_POINT_TABLE uint32_t kPrimes[kMostDimensions] = {1u, 2654435761u, 805459861u, 3674653429u};

// How far the upper vertex of one axis counts, and the first and second derivative of that with respect to the coordinate, of which
// a cell holds 1 / scale.
template <class Real>
struct Blend {
    Real weight, slope, bend;
};

template <bool Smooth, class Real>
NEURFIELD_POINT_MATHS Blend<Real> blend(Real f, float scale) {
    if constexpr (Smooth) {
        const Real one(1.0f), two(2.0f), three(3.0f);
        return {f * f * (three - two * f), Real(6.0f * scale) * f * (one - f), Real(6.0f * scale * scale) * (one - two * f)};
    } else {
        return {f, Real(scale), Real(0.0f)};
    }
}

template <class Real>
NEURFIELD_POINT_MATHS Real mix(Real a, Real b, Real weight) {
    return a + weight * (b - a);
}

}  // namespace neurfield::grid
