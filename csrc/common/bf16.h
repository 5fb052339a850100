// bfloat16 pairs for the processors that multiply them: 32 products an instruction, summed in float32.
//
// The three instructions are written as assembly, not as intrinsics: the AVX-512 variant is compiled for processors without them
// too, and enters this code only where `has_bf16()` says that they are there.
#pragma once

#include <cstdint>

#include "common/simd.h"

namespace neurfield {

// Two bfloat16 numbers, the first in the low half.
using Bf16Pair = uint32_t;

#if defined(__AVX512F__)

inline bool has_bf16() { return __builtin_cpu_supports("avx512bf16"); }

typedef int16_t HalfLanes __attribute__((vector_size(64), aligned(64)));

// sums[n] + pair[0] m[n][0] + pair[1] m[n][1]; denormal products count as zero.
inline Vec multiply_add(const Bf16Pair* pair, IntLanes m, Vec sums) {
    asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sums.v) : "v"(m), "m"(*pair));
    return sums;
}

// Lanes 0-15 are those of `first`, rounded to nearest even; lanes 16-31 those of `second`.
inline HalfLanes round_to_bf16(Vec first, Vec second) {
    HalfLanes both;
    asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(second.v), "v"(first.v));
    return both;
}

// One pair a lane, of lanes 0-15 and 16-31.
inline IntLanes pair_up(HalfLanes both) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
                                           18, 2, 17, 1, 16, 0);
    return (IntLanes)_mm512_maskz_permutexvar_epi16(0xffffffff, order, (__m512i)both);
}

inline IntLanes load_pairs(const Bf16Pair* p) {
    IntLanes r;
    std::memcpy(&r, p, sizeof r);
    return r;
}
inline void store_pairs(IntLanes x, Bf16Pair* p) { std::memcpy(p, &x, sizeof x); }
// Lanes 0-15 as eight consecutive pairs at `first`, lanes 16-31 at `second`.
inline void store_halves(HalfLanes both, Bf16Pair* first, Bf16Pair* second) {
    _mm256_storeu_si256((__m256i*)first, _mm512_maskz_extracti64x4_epi64(0xff, (__m512i)both, 0));
    _mm256_storeu_si256((__m256i*)second, _mm512_maskz_extracti64x4_epi64(0xff, (__m512i)both, 1));
}

inline Bf16Pair bf16_pair(float first, float second) { return static_cast<Bf16Pair>(pair_up(round_to_bf16(Vec(first), Vec(second)))[0]); }

// The first `count` lanes from memory, the rest zero.
inline Vec load_first(const float* p, int64_t count) {
    return Vec(_mm512_maskz_loadu_ps(count < kLanes ? (1u << count) - 1u : 0xffffu, p));
}

#else

inline bool has_bf16() { return false; }

#endif

}  // namespace neurfield
