// What the grids' CUDA kernels share: how threads are laid out over points and levels, how points and entries are read and written, and
// the choice of a kernel.
//
// A thread has a point, a row of blocks a group of levels, and rows of blocks run one after the other: so what is read and written at
// random at a time is the entries of few levels, which stay in the cache.
#pragma once

#include "encoding/cube_cell.h"
#include "encoding/grid_kernels.h"
#include "encoding/simplex_cell.h"

namespace neurfield::grid {

constexpr int kThreads = 128;
static_assert(kThreads % kJacobianLanes == 0 && kJacobianLanes == cuda::kWarp, "a warp has a jacobian's tile");

// Levels of a thread: as many as fill a sector of 32 bytes of the point's row of features, which otherwise would come and go in parts;
// of few points one, so that there are threads enough.
inline int levels_of_a_thread(int64_t count, int features) { return count < int64_t{1} << 16 ? 1 : std::max(1, 8 / features); }

inline cuda::Shape points_by_levels(int64_t count, int levels, int group) {
    cuda::Shape shape = cuda::one_each(count, kThreads);
    shape.blocks.y = static_cast<unsigned>(cuda::blocks_for(levels, group));
    return shape;
}

// Whether groups of `floats` can be moved as one, from rows that are `row` floats apart.
inline bool moves_whole(const float* pointer, int64_t row, int floats) {
    return reinterpret_cast<uintptr_t>(pointer) % (floats * sizeof(float)) == 0 && row % floats == 0;
}

// F floats, in one piece where `whole`.
template <int F>
__device__ inline void load_floats(const float* __restrict__ from, bool whole, float to[F]) {
    if (F == 4 && whole) {
        const float4 v = __ldg(reinterpret_cast<const float4*>(from));
        to[0] = v.x, to[1 % F] = v.y, to[2 % F] = v.z, to[3 % F] = v.w;
    } else if (F == 2 && whole) {
        const float2 v = __ldg(reinterpret_cast<const float2*>(from));
        to[0] = v.x, to[1 % F] = v.y;
    } else {
#pragma unroll
        for (int f = 0; f < F; ++f) to[f] = __ldg(from + f);
    }
}
template <int F>
__device__ inline void store_floats(float* to, bool whole, const float from[F]) {
    if (F == 4 && whole) {
        *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1 % F], from[2 % F], from[3 % F]);
    } else if (F == 2 && whole) {
        *reinterpret_cast<float2*>(to) = make_float2(from[0], from[1 % F]);
    } else {
#pragma unroll
        for (int f = 0; f < F; ++f) to[f] = from[f];
    }
}

// The vertices' values. One question for all of them: so all loads are under way before the first is waited for.
template <int F, int Vertices>
__device__ inline void load_entries(const float* __restrict__ level, bool whole, const uint32_t entries[Vertices], float to[Vertices][F]) {
    if (whole) {
#pragma unroll
        for (int v = 0; v < Vertices; ++v) load_floats<F>(level + static_cast<size_t>(entries[v]) * F, true, to[v]);
    } else {
#pragma unroll
        for (int v = 0; v < Vertices; ++v) load_floats<F>(level + static_cast<size_t>(entries[v]) * F, false, to[v]);
    }
}

// What the grid sees of the i-th point.
template <int D>
__device__ inline void take_point(const Samples& samples, int64_t i, float x[D]) {
    const int64_t row = samples.index ? __ldg(samples.index + i) : i;
#pragma unroll
    for (int k = 0; k < D; ++k) x[k] = samples.scale * __ldg(samples.points + row * D + k) + samples.shift;
}

// Calls body(cell, features) with types for the grid's cells and the number of features.
template <class Body>
void specialise_cells(const Grid& grid, Body&& body) {
    with_dimensions(grid.dimensions, [&](auto dimensions) {
        with_features(grid.features, [&](auto features) {
            constexpr int D = decltype(dimensions)::value;
            if (grid.simplex)
                body(std::type_identity<SimplexCell<D>>(), features);
            else
                body(std::type_identity<CubeCell<D>>(), features);
        });
    });
}

}  // namespace neurfield::grid
