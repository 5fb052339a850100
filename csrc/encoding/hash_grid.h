// The cells of the hash grid are cubes: entries of a cell's corners, and the interpolant's derivatives.
//
// Müller et al. 2022, with tiny-cuda-nn's conventions: lattice coordinate u = scale * x + 0.5, cell = floor(u), f = u - cell;
// bit k of a corner's number steps along axis k.
#pragma once

#include "encoding/grid.h"

namespace neurfield::grid {

constexpr int corners_of(int dimensions) { return 1 << dimensions; }

// Hashes of a cell's corners, inside the level.
template <int D, class Uint>
NEURFIELD_POINT_MATHS void hashed_corners(const Level& level, const Uint cell[D], Uint entries[1 << D]) {
    Uint ends[D][2];
    for (int k = 0; k < D; ++k) {
        ends[k][0] = cell[k] * kPrimes[k];
        ends[k][1] = ends[k][0] + kPrimes[k];
    }
    const uint32_t mask = level.size - 1u;
    for (int corner = 0; corner < corners_of(D); ++corner) {
        Uint hash = ends[0][corner & 1];
        for (int k = 1; k < D; ++k) hash = hash ^ ends[k][corner >> k & 1];
        entries[corner] = hash & mask;
    }
}

// Row-major number of a cell's first corner, and the way from it to the others, before they are wrapped into the level.
template <int D, class Uint>
NEURFIELD_POINT_MATHS Uint dense_corner(const Level& level, const Uint cell[D]) {
    Uint entry = cell[0];
    for (int k = 1; k < D; ++k) entry = entry + cell[k] * level.steps[k];
    return entry;
}
NEURFIELD_POINT_MATHS uint32_t dense_step(const Level& level, int corner) {
    uint32_t step = 0;
    for (int k = 0; k < kMostDimensions; ++k) step += corner >> k & 1 ? level.steps[k] : 0u;
    return step;
}

// The multilinear interpolant, differentiated (by the blend weights, not yet times their slopes) along the axes whose bits are set in
// `along`, and interpolated along the others.
template <int D, class Real>
NEURFIELD_POINT_MATHS Real multilinear(const Real corners[1 << D], const Blend<Real> axes[D], int along) {
    Real values[1 << D];
    for (int i = 0; i < corners_of(D); ++i) values[i] = corners[i];
    for (int k = 0; k < D; ++k)
        for (int i = 0; i < corners_of(D - 1 - k); ++i) {
            const Real low = values[2 * i], high = values[2 * i + 1];
            values[i] = along >> k & 1 ? high - low : mix(low, high, axes[k].weight);
        }
    return values[0];
}

// Second derivatives of the interpolant times a vector.
template <int D, class Real>
NEURFIELD_POINT_MATHS void hessian_product(const Real corners[1 << D], const Blend<Real> axes[D], const Real vector[D], Real out[D]) {
    for (int i = 0; i < D; ++i) out[i] = axes[i].bend * multilinear<D>(corners, axes, 1 << i) * vector[i];
    for (int i = 0; i < D; ++i)
        for (int j = i + 1; j < D; ++j) {
            const Real mixed = multilinear<D>(corners, axes, 1 << i | 1 << j) * axes[i].slope * axes[j].slope;
            out[i] = out[i] + mixed * vector[j];
            out[j] = out[j] + mixed * vector[i];
        }
}

}  // namespace neurfield::grid
