// Products of small matrices by a warp's tensor cores: 16-bit factors, float32 sums.
//
// Fragments are those of mma.m16n8k16 (PTX ISA, "Matrix multiply-accumulate"), with g = lane / 4 and t = lane % 4:
//   A, 16 x 16, rows of pairs:    {(g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8)}, each with the column to its right
//   B, 16 x 8, columns of pairs:  {(2t, g), (2t + 8, g)}, each with the row below
//   C, 16 x 8, float32:           {(g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)}
// Two C fragments side by side, packed, are one A fragment: a chain of products needs no exchange between lanes.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

#if !defined(NEURFIELD_EMULATED)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace neurfield::cuda {

#if defined(NEURFIELD_EMULATED)

// Rounds to nearest even; too large becomes infinite, too small becomes subnormal.
inline uint32_t to_half(float x) {
    const uint32_t bits = __float_as_uint(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7fffu;
    if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
    if (magnitude < 0x38800000u)  // below 2^-14: units of 2^-24, and the sum rounds as it should
        return sign | (__float_as_uint(__uint_as_float(magnitude) + 0.5f) - 0x3f000000u);
    return sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
}
inline float from_half(uint32_t half) {
    const uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31u, mantissa = half & 0x3ffu;
    if (exponent == 0) return __uint_as_float(sign | __float_as_uint(static_cast<float>(mantissa) * 0x1p-24f));
    if (exponent == 31) return __uint_as_float(sign | 0x7f800000u | mantissa << 13);
    return __uint_as_float(sign | (exponent + 112u) << 23 | mantissa << 13);
}
inline uint32_t to_bfloat16(float x) {
    const uint32_t bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

#endif

// A pair of 16-bit numbers in 32 bits, the first in the lower half.
struct Half {
#if defined(NEURFIELD_EMULATED)
    static uint32_t pack(float low, float high) { return to_half(low) | to_half(high) << 16; }
    static float2 unpack(uint32_t pair) { return {from_half(pair & 0xffffu), from_half(pair >> 16)}; }
#else
    static __device__ __forceinline__ uint32_t pack(float low, float high) {
        const __half2 pair = __floats2half2_rn(low, high);
        return *reinterpret_cast<const uint32_t*>(&pair);
    }
    static __device__ __forceinline__ float2 unpack(uint32_t pair) { return __half22float2(*reinterpret_cast<const __half2*>(&pair)); }
#endif
};

struct Bfloat16 {
#if defined(NEURFIELD_EMULATED)
    static uint32_t pack(float low, float high) { return to_bfloat16(low) | to_bfloat16(high) << 16; }
#else
    static __device__ __forceinline__ uint32_t pack(float low, float high) {
        const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
        return *reinterpret_cast<const uint32_t*>(&pair);
    }
#endif
    static __device__ __forceinline__ float2 unpack(uint32_t pair) {
        return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
    }
};

#if defined(NEURFIELD_EMULATED)

template <class Format>
void multiply_add(float sums[4], const uint32_t a[4], const uint32_t b[2]) {
    struct Pairs {
        uint32_t first, second;
    };
    const unsigned lane = emulation::lane(), g = lane / 4, t = lane % 4;
    const auto part_of = [](auto at, int k, unsigned row) {  // element k of a row (A) or column (B) whose pairs four lanes hold
        const Pairs pairs = at(4 * row + k % 8 / 2);
        const float2 both = Format::unpack(k < 8 ? pairs.first : pairs.second);
        return k % 2 == 0 ? both.x : both.y;
    };
    float rows[2][16], columns[2][16];
    for (int half = 0; half < 2; ++half)
        emulation::exchange(kAllLanes, Pairs{a[half], a[half + 2]}, [&](auto at) {
            for (int k = 0; k < 16; ++k) rows[half][k] = part_of(at, k, g);
            return 0;
        });
    emulation::exchange(kAllLanes, Pairs{b[0], b[1]}, [&](auto at) {
        for (int k = 0; k < 16; ++k)
            for (unsigned n = 0; n < 2; ++n) columns[n][k] = part_of(at, k, 2 * t + n);
        return 0;
    });
    for (int i = 0; i < 4; ++i) {
        float sum = 0.0f;
        for (int k = 0; k < 16; ++k) sum += rows[i / 2][k] * columns[i % 2][k];
        sums[i] += sum;
    }
}

// Of an 8 x 8 matrix whose row g's elements 2t and 2t + 1 a lane holds, the transpose's.
inline uint32_t transposed(uint32_t pair) {
    const unsigned lane = emulation::lane(), g = lane / 4, t = lane % 4;
    return emulation::exchange(kAllLanes, pair, [&](auto at) {
        const auto element = [&](unsigned row, unsigned column) { return at(4 * row + column / 2) >> column % 2 * 16 & 0xffffu; };
        return element(2 * t, g) | element(2 * t + 1, g) << 16;
    });
}

#else

// sums += A B
template <class Format>
__device__ __forceinline__ void multiply_add(float sums[4], const uint32_t a[4], const uint32_t b[2]);

template <>
__device__ __forceinline__ void multiply_add<Half>(float sums[4], const uint32_t a[4], const uint32_t b[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    for (int k = 0; k < 2; ++k)
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                     : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                     : "r"(a[2 * k]), "r"(a[2 * k + 1]), "r"(b[k]));
#endif
}

template <>
__device__ __forceinline__ void multiply_add<Bfloat16>(float sums[4], const uint32_t a[4], const uint32_t b[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    __trap();  // refused on the host (has_bf16)
#endif
}

__device__ __forceinline__ uint32_t transposed(uint32_t pair) {
    uint32_t turned;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(turned) : "r"(pair));
    return turned;
}

#endif

}  // namespace neurfield::cuda
