// One, two or four neighbouring floats as a thread's share: read, written and added to in one instruction where the GPU has it.
#pragma once

#include "cuda/launch.h"

namespace neurfield::cuda {

// Several floats by one atomic, on GPUs and by compilers that can.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1204
constexpr bool kAddsTogether = true;
#else
constexpr bool kAddsTogether = false;
#endif

// At addresses that are multiples of their size.
template <int Width>
struct alignas(Width * sizeof(float)) Floats {
    float at[Width];

    // From memory that nobody writes while the kernel runs.
    __device__ static Floats load(const float* from) {
        if constexpr (Width == 4) {
            const float4 v = __ldg(reinterpret_cast<const float4*>(from));
            return {v.x, v.y, v.z, v.w};
        } else if constexpr (Width == 2) {
            const float2 v = __ldg(reinterpret_cast<const float2*>(from));
            return {v.x, v.y};
        } else {
            return {__ldg(from)};
        }
    }
    __device__ void store(float* to) const { *reinterpret_cast<Floats*>(to) = *this; }

    // Atomically, each float by itself: in which order is open, so the last bits of a sum are too.
    __device__ void add_to(float* to) const {
        if constexpr (kAddsTogether && Width == 4) {
            atomicAdd(reinterpret_cast<float4*>(to), make_float4(at[0], at[1], at[2], at[3]));
        } else if constexpr (kAddsTogether && Width == 2) {
            atomicAdd(reinterpret_cast<float2*>(to), make_float2(at[0], at[1]));
        } else {
            for (int i = 0; i < Width; ++i) atomicAdd(to + i, at[i]);
        }
    }
};

// The widest share of rows of so many floats, all of which begin at one of these pointers (null for none) or whole rows after it.
template <class... Pointers>
int width_of(int64_t row, const Pointers*... pointers) {
    const uint64_t all = (static_cast<uint64_t>(row) * sizeof(float)) | (reinterpret_cast<uintptr_t>(pointers) | ...);
    return all % 16 == 0 ? 4 : all % 8 == 0 ? 2 : 1;
}

template <class Body>
void with_width(int width, Body&& body) {
    if (width == 4) return body(std::integral_constant<int, 4>());
    if (width == 2) return body(std::integral_constant<int, 2>());
    body(std::integral_constant<int, 1>());
}

// Blocks of about 256 threads, `across` of them for each of `count` rows, which these threads share: threadIdx.x is the place in the
// row, row_index() the row.
inline Shape rows_each(int64_t count, int across) {
    const unsigned high = 256u / static_cast<unsigned>(across);
    const int64_t blocks = blocks_for<int64_t>(count, high);
    if (blocks > kMostBlocks) throw std::length_error("neurfield native: too many elements for one launch");
    return {dim3(static_cast<unsigned>(blocks)), dim3(static_cast<unsigned>(across), high)};
}

__device__ inline int64_t row_index() { return static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; }

}  // namespace neurfield::cuda
