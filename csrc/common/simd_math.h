// Exponential and logarithm for activations: minimax polynomials, relative error about 2e-7, branch-free. NaN goes through.
//
// They work on a group of vectors in step: one polynomial is a chain of dependent operations, and only several chains side by side
// keep the arithmetic units busy.
#pragma once

#include "common/simd.h"

namespace neurfield {

template <int Count>
struct Group {
    Vec at[Count];

    static Group load(const float* p) {
        Group group;
#pragma GCC unroll 16
        for (int i = 0; i < Count; ++i) group.at[i] = Vec::load(p + i * kLanes);
        return group;
    }
    void store(float* p) const {
#pragma GCC unroll 16
        for (int i = 0; i < Count; ++i) at[i].store(p + i * kLanes);
    }
};

// a * b + c for every vector of the group, with a constant c
template <int Count>
inline Group<Count> fma(const Group<Count>& a, const Group<Count>& b, float c) {
    Group<Count> result;
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) result.at[i] = fma(a.at[i], b.at[i], Vec(c));
    return result;
}

template <int Count>
inline Group<Count> fma(const Group<Count>& a, float b, float c) {
    Group<Count> result;
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) result.at[i] = fma(a.at[i], Vec(b), Vec(c));
    return result;
}

inline Vec minus_abs(Vec a) { return Vec((FloatLanes)((IntLanes)a.v | (IntLanes{} + INT32_MIN))); }

// 2^(-|z| scale), but never below 2^-50: no float32 sum of activations notices, and products of two such tails stay normal numbers
// (denormal ones cost a hundred cycles each).
template <int Count>
inline Group<Count> exp2_of_minus_abs(const Group<Count>& z, float scale) {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits, from where it is shifted into the exponent.
    constexpr float kRound = 12582912.0f;
    Group<Count> shifted, f;
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) {
        f.at[i] = max(Vec(-50.0f), minus_abs(z.at[i]) * Vec(scale));
        shifted.at[i] = f.at[i] + Vec(kRound);
    }
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) f.at[i] -= shifted.at[i] - Vec(kRound);
    Group<Count> p = fma(f, 0.001327647129f, 0.009675540961f);
    p = fma(f, p, 0.05550713092f);
    p = fma(f, p, 0.2402212024f);
    p = fma(f, p, 0.6931469440f);
    p = fma(f, p, 1.0f);
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) p.at[i] = Vec((FloatLanes)((IntLanes)p.at[i].v + ((IntLanes)shifted.at[i].v << 23)));
    return p;
}

// log(1 + t) for 0 <= t <= 1, relative error also for tiny t.
template <int Count>
inline Group<Count> log1p_of_unit(const Group<Count>& t) {
    Group<Count> p = fma(t, -0.008539204486f, 0.04408961535f);
    p = fma(t, p, -0.1076816916f);
    p = fma(t, p, 0.1774524003f);
    p = fma(t, p, -0.2449546158f);
    p = fma(t, p, 0.3327547908f);
    p = fma(t, p, -0.4999740422f);
    p = fma(t, p, 0.9999998212f);
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) p.at[i] *= t.at[i];
    return p;
}

// sigmoid(z) from t = exp(-|z|)
inline Vec sigmoid_from(Vec z, Vec t) { return Vec(z.v < 0.0f ? t.v : FloatLanes{} + 1.0f) / (Vec(1.0f) + t); }

}  // namespace neurfield
