// Radial bases (NeuRBF, Chen et al. 2023): the maths of one kernel at one point (Real = float) or of a vector of such pairs (Vec).
//
// A kernel has a centre c, an upper triangular factor U of its inverse covariance (rows one after the other), and, with blended
// support, the inverse square of its radius. With D = x - c and u = U D: q = |u|^2, response phi(u), window (1 - |D|^2 / r^2)^3.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/point_maths.h"
#if !defined(NEURFIELD_CUDA)
#include "common/simd_math.h"
#endif

namespace neurfield::radial_basis {

enum class Kind { kInverseQuadratic, kGaussian, kInverseMultiquadric, kMarkov, kTent };

constexpr float kMarkovFloor = 1e-12f;  // of q: below it exp(-sqrt q) counts as constant, for its slope has no direction at 0
constexpr int factor_size(int dimensions) { return dimensions * (dimensions + 1) / 2; }

// The few functions that differ between one pair and a vector of them.
NEURFIELD_POINT_MATHS float exp_of_minus(float z) { return std::exp(-z); }
NEURFIELD_POINT_MATHS float root(float z) { return std::sqrt(z); }
NEURFIELD_POINT_MATHS float positive(float z) { return z > 0.0f ? z : 0.0f; }
NEURFIELD_POINT_MATHS float where_above(float a, float limit, float value) { return a > limit ? value : 0.0f; }
#if !defined(NEURFIELD_CUDA)
inline Vec exp_of_minus(Vec z) { return exp2_of_minus_abs(Group<1>{{z}}, 1.44269504f).at[0]; }
inline Vec root(Vec z) {
    Vec r;
    for (int i = 0; i < kLanes; ++i) r.v[i] = std::sqrt(z.v[i]);
    return r;
}
inline Vec positive(Vec z) { return max(z, Vec(0.0f)); }
inline Vec where_above(Vec a, Vec limit, Vec value) { return Vec(a.v > limit.v ? value.v : FloatLanes{}); }
#endif

// u = U v
template <int D, class Real>
NEURFIELD_POINT_MATHS void apply_factor(const Real factor[], const Real v[D], Real u[D]) {
    for (int i = 0, at = 0; i < D; ++i) {
        u[i] = factor[at++] * v[i];
        for (int j = i + 1; j < D; ++j) u[i] = u[i] + factor[at++] * v[j];
    }
}

// x = U^T u
template <int D, class Real>
NEURFIELD_POINT_MATHS void apply_transposed(const Real factor[], const Real u[D], Real x[D]) {
    for (int j = 0; j < D; ++j) x[j] = Real(0.0f);
    for (int i = 0, at = 0; i < D; ++i)
        for (int j = i; j < D; ++j) x[j] = x[j] + factor[at++] * u[i];
}

template <int D, class Real>
NEURFIELD_POINT_MATHS Real dot(const Real a[D], const Real b[D]) {
    Real total = a[0] * b[0];
    for (int i = 1; i < D; ++i) total = total + a[i] * b[i];
    return total;
}

// A radial response as a function of q, with its first two derivatives by q.
template <class Real>
struct Radial {
    Real value, slope, bend;
};

template <Kind K, class Real>
NEURFIELD_POINT_MATHS Radial<Real> radial(Real q) {
    const Real one(1.0f);
    if constexpr (K == Kind::kInverseQuadratic) {
        const Real v = one / (one + q), v2 = v * v;
        return {v, Real(0.0f) - v2, Real(2.0f) * v2 * v};
    } else if constexpr (K == Kind::kGaussian) {
        const Real v = exp_of_minus(Real(0.5f) * q);
        return {v, Real(-0.5f) * v, Real(0.25f) * v};
    } else if constexpr (K == Kind::kInverseMultiquadric) {
        const Real square = one / (one + q), v = root(square);
        return {v, Real(-0.5f) * square * v, Real(0.75f) * square * square * v};
    } else {
        const Real floor(kMarkovFloor), s = root(floor + positive(q - floor)), v = exp_of_minus(s), inverse = one / s;
        const Real slope = Real(-0.5f) * v * inverse, bend = Real(0.25f) * v * (one + s) * inverse * inverse * inverse;
        return {v, where_above(q, floor, slope), where_above(q, floor, bend)};
    }
}

// One factor of the tent, max(0, 1 - |u|), and its slope.
template <class Real>
NEURFIELD_POINT_MATHS void tent(Real u, Real& height, Real& slope) {
    const Real zero(0.0f), one(1.0f), size = positive(u) + positive(zero - u);
    height = positive(one - size);
    slope = where_above(height, zero, where_above(zero, u, one) - where_above(u, zero, one));
}

// phi(u) and its gradient by u.
template <Kind K, int D, class Real>
NEURFIELD_POINT_MATHS Real response(const Real u[D], Real by_u[D]) {
    if constexpr (K == Kind::kTent) {
        Real height[D], slope[D], product = Real(1.0f);
        for (int i = 0; i < D; ++i) {
            tent(u[i], height[i], slope[i]);
            product = product * height[i];
        }
        for (int i = 0; i < D; ++i) {
            by_u[i] = slope[i];
            for (int j = 0; j < D; ++j)
                if (j != i) by_u[i] = by_u[i] * height[j];
        }
        return product;
    } else {
        const Radial<Real> r = radial<K>(dot<D>(u, u));
        for (int i = 0; i < D; ++i) by_u[i] = Real(2.0f) * r.slope * u[i];
        return r.value;
    }
}

// The second derivatives of phi by u, times `along`.
template <Kind K, int D, class Real>
NEURFIELD_POINT_MATHS void response_bend(const Real u[D], const Real along[D], Real out[D]) {
    if constexpr (K == Kind::kTent) {
        Real height[D], slope[D];
        for (int i = 0; i < D; ++i) tent(u[i], height[i], slope[i]);
        for (int i = 0; i < D; ++i) {
            out[i] = Real(0.0f);
            for (int j = 0; j < D; ++j) {
                if (j == i) continue;
                Real term = slope[i] * slope[j] * along[j];
                for (int other = 0; other < D; ++other)
                    if (other != i && other != j) term = term * height[other];
                out[i] = out[i] + term;
            }
        }
    } else {
        const Radial<Real> r = radial<K>(dot<D>(u, u));
        const Real turn = Real(4.0f) * r.bend * dot<D>(u, along), stretch = Real(2.0f) * r.slope;
        for (int i = 0; i < D; ++i) out[i] = stretch * along[i] + turn * u[i];
    }
}

// The windowed response and its gradient by x. `inverse_square` of the support's radius is 0 where there is no window.
template <Kind K, int D, class Real>
NEURFIELD_POINT_MATHS Real activation(const Real delta[D], const Real factor[], Real inverse_square, Real by_x[D]) {
    Real u[D], by_u[D];
    apply_factor<D>(factor, delta, u);
    const Real phi = response<K, D>(u, by_u);
    apply_transposed<D>(factor, by_u, by_x);
    const Real s = positive(Real(1.0f) - dot<D>(delta, delta) * inverse_square), window = s * s * s;
    const Real pull = Real(-6.0f) * s * s * inverse_square * phi;
    for (int i = 0; i < D; ++i) by_x[i] = window * by_x[i] + pull * delta[i];
    return window * phi;
}

// The second derivatives of the windowed response by x, times `along`.
template <Kind K, int D, class Real>
NEURFIELD_POINT_MATHS void activation_bend(const Real delta[D], const Real factor[], Real inverse_square, const Real along[D],
                                           Real out[D]) {
    Real u[D], by_u[D], by_x[D], turned[D], bent[D];
    apply_factor<D>(factor, delta, u);
    const Real phi = response<K, D>(u, by_u);
    apply_transposed<D>(factor, by_u, by_x);
    apply_factor<D>(factor, along, turned);
    response_bend<K, D>(u, turned, bent);
    apply_transposed<D>(factor, bent, out);
    const Real s = positive(Real(1.0f) - dot<D>(delta, delta) * inverse_square), window = s * s * s;
    const Real pull = Real(-6.0f) * s * s * inverse_square, towards = dot<D>(delta, along);
    const Real bend = Real(24.0f) * s * inverse_square * inverse_square * towards * phi + pull * dot<D>(by_x, along);
    for (int i = 0; i < D; ++i) out[i] = window * out[i] + pull * (phi * along[i] + towards * by_x[i]) + bend * delta[i];
}

}  // namespace neurfield::radial_basis
