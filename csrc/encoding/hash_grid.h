// Multiresolution hash grid in 3-D: the maths of one level, for one point (Real = float) or a vector of points (Real = Vec).
//
// Müller et al. 2022, with tiny-cuda-nn's conventions: lattice coordinate u = scale * x + 0.5, cell = floor(u), f = u - cell;
// corner bit 0 steps along x, bit 1 along y, bit 2 along z.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define NEURFIELD_POINT_MATHS __host__ __device__ inline
#else
#define NEURFIELD_POINT_MATHS inline
#endif

namespace neurfield::hash_grid {

struct Level {
    float scale;          // lattice units per unit of x
    uint32_t resolution;  // vertices per axis
    uint32_t size;        // entries; a power of two where hashed
    int64_t offset;       // first entry in the table
    bool hashed;
};

constexpr uint32_t kPrimeY = 2654435761u, kPrimeZ = 805459861u;

// Hashes of a cell's eight corners, inside the level.
template <class Uint>
NEURFIELD_POINT_MATHS void hashed_corners(const Level& level, const Uint cell[3], Uint entries[8]) {
    const Uint x[2] = {cell[0], cell[0] + 1u};
    const Uint y0 = cell[1] * kPrimeY, z0 = cell[2] * kPrimeZ;
    const Uint y[2] = {y0, y0 + kPrimeY}, z[2] = {z0, z0 + kPrimeZ};
    const uint32_t mask = level.size - 1u;
    for (int corner = 0; corner < 8; ++corner) entries[corner] = (x[corner & 1] ^ y[corner >> 1 & 1] ^ z[corner >> 2]) & mask;
}

// Row-major number of a cell's first corner, and steps from it to the others, before they are wrapped into the level.
template <class Uint>
NEURFIELD_POINT_MATHS Uint dense_corner(const Level& level, const Uint cell[3]) {
    return cell[0] + cell[1] * level.resolution + cell[2] * (level.resolution * level.resolution);
}
NEURFIELD_POINT_MATHS uint32_t dense_step(const Level& level, int corner) {
    const uint32_t row = level.resolution;
    return (corner & 1 ? 1u : 0u) + (corner & 2 ? row : 0u) + (corner & 4 ? row * row : 0u);
}

// How far the upper corner of one axis counts, and the first and second derivative of that with respect to x.
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

// The interpolant and its derivatives with respect to the three blend weights (not yet times their slopes).
template <class Real>
NEURFIELD_POINT_MATHS Real interpolate(const Real corners[8], const Blend<Real> axes[3], Real by_weight[3]) {
    Real along_x[4], step_x[4], along_y[2], step_xy[2], step_y[2];
    for (int i = 0; i < 4; ++i) {
        step_x[i] = corners[2 * i + 1] - corners[2 * i];
        along_x[i] = corners[2 * i] + axes[0].weight * step_x[i];
    }
    for (int i = 0; i < 2; ++i) {
        step_y[i] = along_x[2 * i + 1] - along_x[2 * i];
        along_y[i] = along_x[2 * i] + axes[1].weight * step_y[i];
        step_xy[i] = mix(step_x[2 * i], step_x[2 * i + 1], axes[1].weight);
    }
    by_weight[0] = mix(step_xy[0], step_xy[1], axes[2].weight);
    by_weight[1] = mix(step_y[0], step_y[1], axes[2].weight);
    by_weight[2] = along_y[1] - along_y[0];
    return along_y[0] + axes[2].weight * by_weight[2];
}

// Second derivatives of the interpolant times a vector.
template <class Real>
NEURFIELD_POINT_MATHS void hessian_product(const Real corners[8], const Blend<Real> axes[3], const Real vector[3], Real out[3]) {
    Real by_weight[3];
    interpolate(corners, axes, by_weight);
    Real edge[3][4];  // steps along one axis, ordered by the other two
    for (int i = 0; i < 4; ++i) {
        edge[0][i] = corners[2 * i + 1] - corners[2 * i];                            // i = y + 2 z
        edge[1][i] = corners[(i & 1) + 4 * (i >> 1) + 2] - corners[(i & 1) + 4 * (i >> 1)];  // i = x + 2 z
    }
    const Real xy = mix(edge[0][1] - edge[0][0], edge[0][3] - edge[0][2], axes[2].weight) * axes[0].slope * axes[1].slope;
    const Real xz = mix(edge[0][2] - edge[0][0], edge[0][3] - edge[0][1], axes[1].weight) * axes[0].slope * axes[2].slope;
    const Real yz = mix(edge[1][2] - edge[1][0], edge[1][3] - edge[1][1], axes[0].weight) * axes[1].slope * axes[2].slope;
    out[0] = axes[0].bend * by_weight[0] * vector[0] + xy * vector[1] + xz * vector[2];
    out[1] = axes[1].bend * by_weight[1] * vector[1] + xy * vector[0] + yz * vector[2];
    out[2] = axes[2].bend * by_weight[2] * vector[2] + xz * vector[0] + yz * vector[1];
}

}  // namespace neurfield::hash_grid
