// The factors of a tiny network's products as tensor cores take them: 16 bits wide, and still as good as float32 where that is asked for.
//
// A number x is brought into the upper range of a half by a power of two that its row (or matrix, or tile) shares, and split into two
// halves, x 2^e = high + low: 22 bits of it, down to 2^-38 of the largest in the row. Three products, high high + high low + low high, are
// then a float32 product. With one part the same scaling keeps small adjoints from vanishing, so no loss needs to be scaled. Numbers
// in bfloat16 have the range of float32 and are left as they are.
#pragma once

#include <type_traits>

#include "cuda/tensor_cores.h"

namespace neurfield::cuda {

// Precisions of products: the format of the parts, how many a factor has, and whether it is scaled.
struct SplitFloat32 {
    using Format = Half;
    static constexpr int parts = 2;
    static constexpr bool scaled = true;
};
struct SingleFloat16 {
    using Format = Half;
    static constexpr int parts = 1;
    static constexpr bool scaled = true;
};
struct SingleBfloat16 {
    using Format = Bfloat16;
    static constexpr int parts = 1;
    static constexpr bool scaled = false;
};

// Whether the tensor cores that this is compiled for take precision P; where they do not, kernels are empty and the host refuses.
template <class P>
constexpr bool compiled() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
    return !std::is_same_v<typename P::Format, Bfloat16>;
#else
    return true;
#endif
}

// 2^e that brings numbers up to `largest` to 2^14 or less, and its inverse; 1 where precision P does not scale.
struct Scale {
    float by, undo;

    template <class P>
    static __device__ __forceinline__ Scale of(float largest) {
        if constexpr (!P::scaled) return {1.0f, 1.0f};
        const unsigned exponent = __float_as_uint(largest) >> 23 & 255u;
        const unsigned wanted = min(267u - min(exponent, 254u), 253u);  // 127 + 14 - (exponent - 126)
        return {__uint_as_float(wanted << 23), __uint_as_float((254u - wanted) << 23)};
    }
};

// A pair of numbers as parts.
template <class P>
__device__ __forceinline__ void split(float low, float high, uint32_t parts[P::parts]) {
    parts[0] = P::Format::pack(low, high);
    if constexpr (P::parts == 2) {
        const float2 rounded = P::Format::unpack(parts[0]);
        parts[1] = P::Format::pack(low - rounded.x, high - rounded.y);
    }
}

// What a lane brings of a 16 x 8 block of B: both pairs, part by part, as they lie in memory.
template <class P>
struct alignas(8 * P::parts) PackedB {
    uint32_t pair[P::parts][2];
};

// One load through the read-only cache.
template <class P>
__device__ __forceinline__ PackedB<P> load_packed(const PackedB<P>* from) {
    PackedB<P> b;
    if constexpr (P::parts == 2) {
        const uint4 words = __ldg(reinterpret_cast<const uint4*>(from));
        b.pair[0][0] = words.x, b.pair[0][1] = words.y, b.pair[1][0] = words.z, b.pair[1][1] = words.w;
    } else {
        const uint2 words = __ldg(reinterpret_cast<const uint2*>(from));
        b.pair[0][0] = words.x, b.pair[0][1] = words.y;
    }
    return b;
}

// sums += A B, A and B in parts; the product of the low ones is below what float32 can tell.
template <class P>
__device__ __forceinline__ void multiply_parts(float sums[4], const uint32_t a[P::parts][4], const PackedB<P>& b) {
#pragma unroll
    for (int part = P::parts - 1; part > 0; --part) {
        multiply_add<typename P::Format>(sums, a[part], b.pair[0]);
        multiply_add<typename P::Format>(sums, a[0], b.pair[part]);
    }
    multiply_add<typename P::Format>(sums, a[0], b.pair[0]);
}

// The largest magnitude among lanes that differ in the bits of `Lanes` (3: those that share rows; 31: the warp).
template <int Lanes>
__device__ __forceinline__ float largest_of(float magnitude) {
#pragma unroll
    for (int bit = 1; bit <= Lanes; bit *= 2) magnitude = fmaxf(magnitude, __shfl_xor_sync(kAllLanes, magnitude, bit));
    return magnitude;
}

}  // namespace neurfield::cuda
