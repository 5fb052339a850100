// Encodings without parameters: the maths of one value, for one point (Real = float) or a vector of points (Real = Vec).
#pragma once

#include "common/point_maths.h"

namespace neurfield::closed_forms {

// Derivative number Order of the integral of the quartic kernel 15/16 (1 - u^2)^2, for |u| <= 1 (beyond, u is to be clamped).
template <int Order, class Real>
NEURFIELD_POINT_MATHS Real quartic_step(Real u) {
    const Real one(1.0f), square = u * u;
    if constexpr (Order == 0)
        return Real(15.0f / 16.0f) * u * (one - square * (Real(2.0f / 3.0f) - Real(0.2f) * square)) + Real(0.5f);
    else if constexpr (Order == 1)
        return Real(15.0f / 16.0f) * (one - square) * (one - square);
    else
        return Real(-15.0f / 4.0f) * u * (one - square);
}

// Real spherical harmonics below `degree` (at most 4) of a unit vector, in tiny-cuda-nn's order and signs.
constexpr float kBand0 = 0.28209479177387814f, kBand1 = 0.48860251190291987f, kBand2 = 1.0925484305920792f;
constexpr float kZonal2 = 0.94617469575755997f, kLess2 = 0.31539156525251999f, kDiagonal2 = 0.54627421529603959f;
constexpr float kOuter3 = 0.59004358992664352f, kInner3 = 0.45704579946446572f, kAll3 = 2.8906114426405538f;
constexpr float kZonal3 = 0.3731763325901154f, kDiagonal3 = 1.4453057213202769f;

template <class Real>
NEURFIELD_POINT_MATHS void harmonics(Real x, Real y, Real z, int degree, Real* out) {
    const Real xx = x * x, yy = y * y, zz = z * z;
    out[0] = Real(kBand0);
    if (degree < 2) return;
    out[1] = Real(-kBand1) * y;
    out[2] = Real(kBand1) * z;
    out[3] = Real(-kBand1) * x;
    if (degree < 3) return;
    out[4] = Real(kBand2) * x * y;
    out[5] = Real(-kBand2) * y * z;
    out[6] = Real(kZonal2) * zz - Real(kLess2);
    out[7] = Real(-kBand2) * x * z;
    out[8] = Real(kDiagonal2) * (xx - yy);
    if (degree < 4) return;
    const Real polar = Real(1.0f) - Real(5.0f) * zz;
    out[9] = Real(kOuter3) * y * (yy - Real(3.0f) * xx);
    out[10] = Real(kAll3) * x * y * z;
    out[11] = Real(kInner3) * y * polar;
    out[12] = Real(kZonal3) * z * (Real(5.0f) * zz - Real(3.0f));
    out[13] = Real(kInner3) * x * polar;
    out[14] = Real(kDiagonal3) * z * (xx - yy);
    out[15] = Real(kOuter3) * x * (Real(3.0f) * yy - xx);
}

// The gradient of the direction from that of its harmonics.
template <class Real>
NEURFIELD_POINT_MATHS void harmonics_t_product(Real x, Real y, Real z, int degree, const Real* d, Real out[3]) {
    for (int axis = 0; axis < 3; ++axis) out[axis] = Real(0.0f);
    if (degree < 2) return;
    out[0] = Real(-kBand1) * d[3];
    out[1] = Real(-kBand1) * d[1];
    out[2] = Real(kBand1) * d[2];
    if (degree < 3) return;
    const Real diagonal = Real(2.0f * kDiagonal2) * d[8];
    out[0] += Real(kBand2) * (y * d[4] - z * d[7]) + diagonal * x;
    out[1] += Real(kBand2) * (x * d[4] - z * d[5]) - diagonal * y;
    out[2] += Real(2.0f * kZonal2) * z * d[6] - Real(kBand2) * (y * d[5] + x * d[7]);
    if (degree < 4) return;
    const Real xx = x * x, yy = y * y, zz = z * z;
    const Real polar = Real(kInner3) * (Real(1.0f) - Real(5.0f) * zz), outer = Real(3.0f * kOuter3) * (yy - xx);
    const Real twist = Real(6.0f * kOuter3) * x * y, saddle = Real(2.0f * kDiagonal3) * z * d[14];
    out[0] += outer * d[15] - twist * d[9] + Real(kAll3) * y * z * d[10] + polar * d[13] + saddle * x;
    out[1] += outer * d[9] + twist * d[15] + Real(kAll3) * x * z * d[10] + polar * d[11] - saddle * y;
    out[2] += Real(kAll3) * x * y * d[10] - Real(10.0f * kInner3) * z * (y * d[11] + x * d[13]) +
              Real(kZonal3) * (Real(15.0f) * zz - Real(3.0f)) * d[12] + Real(kDiagonal3) * (xx - yy) * d[14];
}

}  // namespace neurfield::closed_forms
