// The walk over tiles of points in a grid's level, in which cells are found one tile ahead.
#pragma once

#include <cmath>

#include "common/simd_gather.h"
#include "encoding/grid_choice.h"
#include "encoding/grid_points.h"

namespace neurfield::grid {

typedef uint32_t UintLanes __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(kLanes * sizeof(uint32_t))));

// floor(u), and what is left of u above it; where u is no number or out of range, so is the result, but it is one.
inline IntLanes split(FloatLanes u, Vec& fraction) {
    IntLanes floor = __builtin_convertvector(u, IntLanes);
    floor += __builtin_convertvector(floor, FloatLanes) > u;  // true is -1
    fraction = u - __builtin_convertvector(floor, FloatLanes);
    return floor;
}

// scale * x + offset with one rounding on every target, so that all of them agree on the cell.
inline Vec lattice_coordinate(Vec x, float scale, Vec offset) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return fma(x, Vec(scale), offset);
#else
    Vec u;
    for (int i = 0; i < kLanes; ++i) u.v[i] = static_cast<float>(static_cast<double>(x.v[i]) * scale + offset.v[i]);
    return u;
#endif
}

// Calls work(begin, tile) for each tile, once locate(begin, inside, tile) has found its cells. They are found one tile ahead: that is a
// long chain of operations, which fits behind the loads of the tile before.
template <class Tile, int D, class Locate, class Work>
[[gnu::always_inline]] inline void walk_tiles(const Points<D>& points, int64_t count, Locate&& locate, Work&& work) {
    if (count == 0) return;
    const uint8_t* inside = points.inside.data();
    Tile tiles[2];
    locate(int64_t{0}, inside[0], tiles[0]);
    for (int64_t begin = 0; begin < count; begin += kLanes) {
        const int64_t tile = begin / kLanes, next = std::min(begin + kLanes, count - kLanes);
        locate(next, inside[next / kLanes], tiles[(tile + 1) & 1]);
        work(begin, tiles[tile & 1]);
    }
}

// Count floats, 1, 2 or 4, added to as many.
template <int Count>
[[gnu::always_inline]] inline void add_to(float* to, const float* amounts) {
    typedef float Floats __attribute__((vector_size(Count * sizeof(float))));
    Floats sum, added;
    std::memcpy(&sum, to, sizeof sum);
    std::memcpy(&added, amounts, sizeof added);
    sum += added;
    std::memcpy(to, &sum, sizeof sum);
}

// Adds amounts [Vertices][kLanes][Count] to tables[c] + entries[c] * F. Vertex after vertex of two points at a time: those of a
// point are different entries, while the next point's are often the same, and their additions have to wait for each other.
template <int F, int Vertices, int Count>
[[gnu::always_inline]] inline void add_to_entries(float* const tables[Vertices], const uint32_t* const entries[Vertices],
                                                  const float (*amounts)[Count * kLanes]) {
    for (int i = 0; i < kLanes; i += 2)
#pragma GCC unroll 16
        for (int c = 0; c < Vertices; ++c) {
            const TwoEntries at(entries[c] + i);
            add_to<Count>(tables[c] + F * at.first(), amounts[c] + Count * i);
            add_to<Count>(tables[c] + F * at.second(), amounts[c] + Count * (i + 1));
        }
}

}  // namespace neurfield::grid
