// Vector exponential and logarithm for activations: minimax polynomials, relative error about 2e-7, branch-free. NaN goes through.
#pragma once

#include "common/simd.h"

namespace neurfield {

inline Vec minus_abs(Vec a) { return Vec((FloatLanes)((IntLanes)a.v | (IntLanes{} + INT32_MIN))); }

// 2^x for x <= 0; x below -126 gives 2^-126, which no float32 sum notices.
inline Vec exp2_of_negative(Vec x) {
    x = Vec(x.v < -126.0f ? FloatLanes{} - 126.0f : x.v);
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits, from where it is shifted into the exponent.
    const Vec shifted = x + Vec(12582912.0f);
    const Vec f = x - (shifted - Vec(12582912.0f));
    Vec p = fma(f, Vec(0.001327647129f), Vec(0.009675540961f));
    p = fma(f, p, Vec(0.05550713092f));
    p = fma(f, p, Vec(0.2402212024f));
    p = fma(f, p, Vec(0.6931469440f));
    p = fma(f, p, Vec(1.0f));
    return Vec((FloatLanes)((IntLanes)p.v + ((IntLanes)shifted.v << 23)));
}

// log(1 + t) for 0 <= t <= 1, relative error also for tiny t.
inline Vec log1p_of_unit(Vec t) {
    Vec p = fma(t, Vec(-0.008539204486f), Vec(0.04408961535f));
    p = fma(t, p, Vec(-0.1076816916f));
    p = fma(t, p, Vec(0.1774524003f));
    p = fma(t, p, Vec(-0.2449546158f));
    p = fma(t, p, Vec(0.3327547908f));
    p = fma(t, p, Vec(-0.4999740422f));
    p = fma(t, p, Vec(0.9999998212f));
    return t * p;
}

inline Vec sigmoid(Vec z) {
    const Vec t = exp2_of_negative(minus_abs(z) * Vec(1.44269504f));
    const Vec numerator = Vec(z.v < 0.0f ? t.v : FloatLanes{} + 1.0f);
    return numerator / (Vec(1.0f) + t);
}

}  // namespace neurfield
