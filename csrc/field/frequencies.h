// Frequency features of a point: per k = 0 .. n-1 six columns, sin(2^k pi x) of the three axes, then cos(2^k pi x).
#pragma once

#include <cstdint>

#include "common/simd.h"
#include "field/frequency_products.h"

namespace neurfield::field {

// Half turns are taken off exactly before the polynomials (2^k x is exact too), so that high frequencies are as accurate as low
// ones; absolute error about 1e-7 for |y| < 2^22.
inline void sin_cos_of_pi(Vec y, Vec& sine, Vec& cosine) {
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer and leaves its parity in the lowest bit
    const Vec turns = y + Vec(kRound);
    const Vec r = y - (turns - Vec(kRound)), s = r * r;
    Vec odd = fma(s, Vec(0.0776576612f), Vec(-0.5982913f)), even = fma(s, Vec(-0.0243963246f), Vec(0.234937318f));
    odd = fma(s, odd, Vec(2.55007753f));
    odd = fma(s, odd, Vec(-5.16771008f));
    odd = fma(s, odd, Vec(3.14159264f));
    even = fma(s, even, Vec(-1.335212f));
    even = fma(s, even, Vec(4.05870916f));
    even = fma(s, even, Vec(-4.93480214f));
    even = fma(s, even, Vec(1.0f));
    const IntLanes flip = (IntLanes)turns.v << 31;
    sine = Vec((FloatLanes)((IntLanes)(odd * r).v ^ flip));
    cosine = Vec((FloatLanes)((IntLanes)even.v ^ flip));
}

// Columns of `count` points (whole vectors) from coordinates [3][stride]; rows of `out` are `row` floats apart.
inline void frequency_columns(const float* coordinates, int64_t stride, int64_t count, int n, int64_t row, float* out) {
    for (int64_t first = 0; first < count; first += kLanes)
        for (int axis = 0; axis < 3; ++axis) {
            Vec y = Vec::load(coordinates + axis * stride + first), sine, cosine;
            for (int k = 0; k < n; ++k, y += y) {
                sin_cos_of_pi(y, sine, cosine);
                float* to = out + first * row + 6 * k + axis;
                for (int i = 0; i < kLanes; ++i) {
                    to[i * row] = sine.v[i];
                    to[i * row + 3] = cosine.v[i];
                }
            }
        }
}

}  // namespace neurfield::field
