// The cells of the simplex grid: a cube of the skewed lattice is cut into n! simplices by the order of a point's coordinates in it
// (Kuhn's triangulation), and a point is interpolated between n + 1 vertices instead of 2^n.
//
// With S = I + F 11^T, F = (sqrt(n + 1) - 1) / n, the skewed point x' = S x / sqrt(n + 1) lies in [0, 1]^n where x does; in x the
// lattice is A_n*, whose simplices are far rounder than those of a cut cube (Wen and Yang, arXiv 2311.15439; their code's factor of
// sqrt(3) holds for n = 2 alone).
#pragma once

#include "encoding/grid.h"

namespace neurfield::grid {

NEURFIELD_POINT_TABLE float kSkewShrink[kMostDimensions + 1] = {1.0f, 0.70710678f, 0.57735027f, 0.5f, 0.44721360f};  // 1 / sqrt(n + 1)
NEURFIELD_POINT_TABLE float kSkew[kMostDimensions + 1] = {0.0f, 0.41421356f, 0.36602540f, 0.33333333f, 0.30901699f};  // F

// S times a vector: of coordinates, tangents and gradients alike, since S is symmetric.
template <int D, class Real>
NEURFIELD_POINT_MATHS void skew(Real v[D]) {
    Real sum = v[0];
    for (int k = 1; k < D; ++k) sum = sum + v[k];
    sum = sum * Real(kSkew[D]);
    for (int k = 0; k < D; ++k) v[k] = v[k] + sum;
}

// Values from the largest to the smallest, by comparators that do not branch; `max` and `min` are found by the types.
template <int D, class Real>
NEURFIELD_POINT_MATHS void sort_down(Real v[D]) {
    const auto order = [&](int i, int j) {
        const Real high = max(v[i], v[j]), low = min(v[i], v[j]);
        v[i] = high;
        v[j] = low;
    };
    if constexpr (D == 2) {
        order(0, 1);
    } else if constexpr (D == 3) {
        order(0, 1), order(1, 2), order(0, 1);
    } else {
        order(0, 1), order(2, 3), order(0, 2), order(1, 3), order(1, 2);
    }
}

// Weights of the n + 1 vertices from the sorted blend weights: the vertices are met in the order of the sort.
template <int D, class Real>
NEURFIELD_POINT_MATHS void barycentric(const Real sorted[D], Real weights[D + 1]) {
    weights[0] = Real(1.0f) - sorted[0];
    for (int r = 1; r < D; ++r) weights[r] = sorted[r - 1] - sorted[r];
    weights[D] = sorted[D - 1];
}

}  // namespace neurfield::grid
