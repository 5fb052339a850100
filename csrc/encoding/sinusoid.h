// Sines and cosines of products, m a for |m a| up to about 2e5: half turns are taken off the exact product, so that a high
// frequency costs no accuracy (where the target multiplies and adds in one instruction; elsewhere the product's rounding stays).
// Of vectors on the CPU, of single numbers on the GPU. Absolute errors about 1e-7.
#pragma once

#include "common/point_maths.h"
#if defined(NEURFIELD_CUDA)
#include <bit>
#include <cmath>
#include <cstdint>
#else
#include "common/simd.h"
#endif

namespace neurfield {

// Adding it rounds to an integer and leaves its parity in the lowest bit: 1.5 * 2^23.
constexpr float kRoundToInteger = 12582912.0f;

// Of an angle within half a turn; fma(a, b, c) is a * b + c of the type.
template <class Real, class Fma>
NEURFIELD_POINT_MATHS Real sine_within(Real angle, Fma fma) {
    const Real s = angle * angle;
    Real p = fma(s, Real(2.59990324e-6f), Real(-1.98065471e-4f));
    p = fma(s, p, Real(8.33301636e-3f));
    p = fma(s, p, Real(-1.66666571e-1f));
    return fma(angle * s, p, angle);
}

template <class Real, class Fma>
NEURFIELD_POINT_MATHS Real cosine_within(Real angle, Fma fma) {
    const Real s = angle * angle;
    Real p = fma(s, Real(2.31928279e-5f), Real(-1.38558626e-3f));
    p = fma(s, p, Real(4.16639815e-2f));
    p = fma(s, p, Real(-4.99999320e-1f));
    return fma(s, p, Real(1.0f));
}

// m a without its half turns, in [-pi / 2, pi / 2]; `shifted` is their number, shifted as by kRoundToInteger. `fused` rounds once where
// the target can. Two parts of pi: the first has eight bits, so that its multiples are exact.
template <class Real, class Fma, class Fused>
NEURFIELD_POINT_MATHS Real without_half_turns(Real m, Real a, Real& shifted, Fma fma, Fused fused) {
    shifted = fma(m * a, Real(0.318309886f), Real(kRoundToInteger));
    const Real turns = shifted - Real(kRoundToInteger);
    return fma(turns, Real(-9.67653589793e-4f), fused(m, a, turns * Real(-3.140625f)));
}

#if defined(NEURFIELD_CUDA)

struct FusedFloats {
    NEURFIELD_POINT_MATHS float operator()(float a, float b, float c) const { return fmaf(a, b, c); }
};

NEURFIELD_POINT_MATHS float with_sign_of_turns(float value, float shifted) {
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ std::bit_cast<uint32_t>(shifted) << 31);
}

NEURFIELD_POINT_MATHS float sine_of_product(float m, float a) {
    float shifted;
    const float angle = without_half_turns(m, a, shifted, FusedFloats(), FusedFloats());
    return with_sign_of_turns(sine_within(angle, FusedFloats()), shifted);
}

NEURFIELD_POINT_MATHS float cosine_of_product(float m, float a) {
    float shifted;
    const float angle = without_half_turns(m, a, shifted, FusedFloats(), FusedFloats());
    return with_sign_of_turns(cosine_within(angle, FusedFloats()), shifted);
}

#else

// Rounded once where the target can: said by name, for of two products in a sum the compiler may fuse the other.
struct FusedVec {
    Vec operator()(Vec m, Vec a, Vec c) const {
#if defined(__AVX512F__)
        return Vec(_mm512_fmadd_ps(m.v, a.v, c.v));
#elif defined(__AVX2__) && defined(__FMA__)
        return Vec(_mm256_fmadd_ps(m.v, a.v, c.v));
#else
        return fma(m, a, c);
#endif
    }
};
struct FmaVec {
    Vec operator()(Vec a, Vec b, Vec c) const { return fma(a, b, c); }
};

inline Vec with_sign_of_turns(Vec value, Vec shifted) { return Vec((FloatLanes)((IntLanes)value.v ^ ((IntLanes)shifted.v << 31))); }

inline Vec sine_of_product(Vec m, Vec a) {
    Vec shifted;
    const Vec angle = without_half_turns(m, a, shifted, FmaVec(), FusedVec());
    return with_sign_of_turns(sine_within(angle, FmaVec()), shifted);
}

inline Vec cosine_of_product(Vec m, Vec a) {
    Vec shifted;
    const Vec angle = without_half_turns(m, a, shifted, FmaVec(), FusedVec());
    return with_sign_of_turns(cosine_within(angle, FmaVec()), shifted);
}

#endif

}  // namespace neurfield
