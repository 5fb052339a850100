// Sines and cosines of products, m a for |m a| up to about 2e5: half turns are taken off the exact product, so that a high
// frequency costs no accuracy (where the target multiplies and adds in one instruction; elsewhere the product's rounding stays).
#pragma once

#include "common/simd.h"

namespace neurfield {

// m a + c in one rounding where the target can: said by name, for of two products in a sum the compiler may fuse the other.
inline Vec fused(Vec m, Vec a, Vec c) {
#if defined(__AVX512F__)
    return Vec(_mm512_fmadd_ps(m.v, a.v, c.v));
#elif defined(__AVX2__) && defined(__FMA__)
    return Vec(_mm256_fmadd_ps(m.v, a.v, c.v));
#else
    return fma(m, a, c);
#endif
}

// Absolute errors about 1e-7. Two parts of pi: the first has eight bits, so that its multiples are exact.
struct HalfTurns {
    Vec rest;         // in [-pi / 2, pi / 2]
    IntLanes flip;    // the sign's bit where the number of half turns is odd
};

inline HalfTurns without_half_turns(Vec m, Vec a) {
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer and leaves its parity in the lowest bit
    const Vec shifted = fma(m * a, Vec(0.318309886f), Vec(kRound)), turns = shifted - Vec(kRound);
    const Vec rest = fma(turns, Vec(-9.67653589793e-4f), fused(m, a, turns * Vec(-3.140625f)));
    return {rest, (IntLanes)shifted.v << 31};
}

inline Vec with_sign(Vec value, IntLanes flip) { return Vec((FloatLanes)((IntLanes)value.v ^ flip)); }

inline Vec sine_of_product(Vec m, Vec a) {
    const HalfTurns t = without_half_turns(m, a);
    const Vec s = t.rest * t.rest;
    Vec p = fma(s, Vec(2.59990324e-6f), Vec(-1.98065471e-4f));
    p = fma(s, p, Vec(8.33301636e-3f));
    p = fma(s, p, Vec(-1.66666571e-1f));
    return with_sign(fma(t.rest * s, p, t.rest), t.flip);
}

inline Vec cosine_of_product(Vec m, Vec a) {
    const HalfTurns t = without_half_turns(m, a);
    const Vec s = t.rest * t.rest;
    Vec p = fma(s, Vec(2.31928279e-5f), Vec(-1.38558626e-3f));
    p = fma(s, p, Vec(4.16639815e-2f));
    p = fma(s, p, Vec(-4.99999320e-1f));
    return with_sign(fma(s, p, Vec(1.0f)), t.flip);
}

}  // namespace neurfield
