// Comparisons of a `Vec` as bits, lane 0 the lowest: where a kernel goes on with integers. The few instructions that turn lanes
// into bits are named here, so that no kernel has to.
#pragma once

#include "common/simd.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace neurfield {

#if !defined(__AVX512DQ__)
// Of lanes that are all ones or all zeros.
inline uint32_t bits_of(IntLanes lanes) {
#if defined(__AVX2__)
    return static_cast<uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(lanes)));
#elif defined(__SSE2__)
    return static_cast<uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(lanes)));
#else
    uint32_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= static_cast<uint32_t>(lanes[i] & 1) << i;
    return bits;
#endif
}
#endif

// Whether a comparison of integers holds in any lane.
inline bool any(IntLanes mask) {
#if defined(__AVX512DQ__)
    return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)) != 0;
#else
    return bits_of(mask) != 0;
#endif
}

// Where a >= b; not where either is NaN.
inline uint32_t bits_at_least(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ);
#else
    return bits_of(a.v >= b.v);
#endif
}

// Where a is neither infinite nor NaN.
inline uint32_t bits_finite(Vec a) {
    IntLanes magnitude;
    std::memcpy(&magnitude, &a.v, sizeof magnitude);
    magnitude &= 0x7fffffff;
#if defined(__AVX512F__)
    return _mm512_cmplt_epi32_mask(reinterpret_cast<__m512i>(magnitude), _mm512_set1_epi32(0x7f800000));
#else
    return bits_of(magnitude < 0x7f800000);
#endif
}

}  // namespace neurfield
