// The simplex grid's cells, found for a tile of points at once, one point a lane.
//
// A dense level is periodic: its vertices are numbered by a linear form of their coordinates modulo its size, chosen so that no two
// vertices of the unit cube share a number and hardly a number is left over (neurfield/ops/simplex_layout.py finds it). Row after row of
// the skewed lattice, three quarters of a level's entries would be outside the cube in 3-D.
#pragma once

#include "encoding/grid_tiles.h"
#include "encoding/simplex_grid.h"

namespace neurfield::grid {

// How the coordinates of points in their cells are ordered.
template <int D>
struct Order {
    IntLanes ahead[D * (D - 1) / 2];  // for i < j: -1 where the i-th is not less than the j-th

    static constexpr int pair(int i, int j) { return j * (j - 1) / 2 + i; }

    [[gnu::always_inline]] void set(const Vec f[D]) {
        for (int j = 1; j < D; ++j)
            for (int i = 0; i < j; ++i) ahead[pair(i, j)] = f[i].v >= f[j].v;
    }

    // How many coordinates are larger than this one.
    [[gnu::always_inline]] IntLanes rank(int axis) const {
        IntLanes larger{};
        for (int other = 0; other < D; ++other) {
            if (other < axis) larger -= ahead[pair(other, axis)];
            if (other > axis) larger -= ~ahead[pair(axis, other)];
        }
        return larger;
    }

    // Of one value an axis, each lane's values from the largest coordinate's to the smallest's.
    [[gnu::always_inline]] void by_rank(const UintLanes values[D], UintLanes sorted[D]) const {
        const auto of = [](IntLanes mask, UintLanes value) { return (UintLanes)mask & value; };
        if constexpr (D == 2) {
            sorted[0] = ahead[0] ? values[0] : values[1];
            sorted[1] = values[0] ^ values[1] ^ sorted[0];
        } else if constexpr (D == 3) {
            const IntLanes a = ahead[pair(0, 1)], b = ahead[pair(0, 2)], c = ahead[pair(1, 2)];
            sorted[0] = of(a & b, values[0]) | of(~a & c, values[1]) | of(~b & ~c, values[2]);
            sorted[2] = of(~a & ~b, values[0]) | of(a & ~c, values[1]) | of(b & c, values[2]);
            sorted[1] = values[0] ^ values[1] ^ values[2] ^ sorted[0] ^ sorted[2];
        } else {
            UintLanes rest = values[D - 1];
            for (int r = 0; r < D; ++r) sorted[r] = UintLanes{};
            for (int k = 0; k < D - 1; ++k) rest ^= values[k];
            for (int k = 0; k < D; ++k) {
                const IntLanes mine = rank(k);
                for (int r = 0; r < D - 1; ++r) sorted[r] |= of(mine == r, values[k]);
            }
            for (int r = 0; r < D - 1; ++r) rest ^= sorted[r];
            sorted[D - 1] = rest;
        }
    }
};

template <int D>
struct SimplexTile {
    alignas(64) uint32_t entries[D + 1][kLanes];  // of the vertices, in the order in which they are met
    Vec f[D];
    Order<D> order;
};

// Entries of dense cells wherever they are; exact for every cell that has a number. Out of line: inside the unit cube, registers are
// wanted for other things.
template <int D>
[[gnu::noinline]] void wrapped_vertices(const Level& level, const IntLanes* cell, const UintLanes* sorted, SimplexTile<D>& tile) {
    const int64_t size = level.size;
    for (int i = 0; i < kLanes; ++i) {
        int64_t at = 0;
        for (int k = 0; k < D; ++k) at = (at + cell[k][i] % size * level.steps[k]) % size;
        tile.entries[0][i] = static_cast<uint32_t>(at < 0 ? at + size : at);
        for (int r = 0; r < D; ++r)
            tile.entries[r + 1][i] = static_cast<uint32_t>((tile.entries[r][i] + static_cast<int64_t>(sorted[r][i])) % size);
    }
}

// Finds the cells of tiles in one level: what is the same for all tiles is worked out once.
template <int D, bool Hashed>
class SimplexLocator {
public:
    SimplexLocator(const Level& level, const Points<D>& points)
        : level_(level), scale_(level.scale * kSkewShrink[D]), skewed_(scale_ * kSkew[D]), size_(level.size) {
        for (int k = 0; k < D; ++k) {
            axes_[k] = points.axis(k);
            steps_[k] = level.steps[k];
            // A hair less, so that no quotient is rounded up to the next number.
            turns_[k] = static_cast<float>(level.steps[k]) / static_cast<float>(level.size) * (1.0f - 0x1p-20f);
        }
    }

    [[gnu::always_inline]] void operator()(int64_t begin, bool inside, SimplexTile<D>& tile) const {
        Vec x[D], sum(0.0f);
        for (int k = 0; k < D; ++k) {
            x[k] = Vec::load(axes_[k] + begin);
            sum += x[k];
        }
        const Vec offset = fma(sum, Vec(skewed_), Vec(0.5f));
        IntLanes cell[D];
        for (int k = 0; k < D; ++k) cell[k] = split(fma(x[k], Vec(scale_), offset).v, tile.f[k]);
        tile.order.set(tile.f);
        Hashed ? hash(cell, tile) : number(cell, inside, tile);
    }

private:
    [[gnu::always_inline]] void hash(const IntLanes cell[D], SimplexTile<D>& tile) const {
        UintLanes hash{}, flips[D], sorted[D];  // flips: what changes as a coordinate steps up
        for (int k = 0; k < D; ++k) {
            const UintLanes low = (UintLanes)cell[k] * kPrimes[k];
            hash ^= low;
            flips[k] = (low ^ (low + kPrimes[k])) & (size_ - 1u);
        }
        hash &= size_ - 1u;
        tile.order.by_rank(flips, sorted);
        std::memcpy(tile.entries[0], &hash, sizeof hash);
        for (int r = 0; r < D; ++r) {
            hash ^= sorted[r];
            std::memcpy(tile.entries[r + 1], &hash, sizeof hash);
        }
    }

    [[gnu::always_inline]] void number(const IntLanes cell[D], bool inside, SimplexTile<D>& tile) const {
        UintLanes entry = inner_vertex(cell), steps[D], sorted[D];
        for (int k = 0; k < D; ++k) steps[k] = UintLanes{} + steps_[k];
        tile.order.by_rank(steps, sorted);
        std::memcpy(tile.entries[0], &entry, sizeof entry);
        for (int r = 0; r < D; ++r) {
            entry = wrapped(entry + sorted[r]);
            std::memcpy(tile.entries[r + 1], &entry, sizeof entry);
        }
        if (!inside) [[unlikely]]
            wrapped_vertices<D>(level_, cell, sorted, tile);
    }

    // Inside the unit cube: the quotient by a product in floating point, which is too small by one at most; the remainder then comes
    // out of arithmetic modulo 2^32.
    [[gnu::always_inline]] UintLanes inner_vertex(const IntLanes cell[D]) const {
        FloatLanes turns{};
        UintLanes entry{};
        for (int k = 0; k < D; ++k) {
            turns += __builtin_convertvector(cell[k], FloatLanes) * turns_[k];
            entry += (UintLanes)cell[k] * steps_[k];
        }
        return wrapped(entry - (UintLanes) __builtin_convertvector(turns, IntLanes) * size_);
    }

    // Of numbers below twice the size; those below the size itself would become large.
    [[gnu::always_inline]] UintLanes wrapped(UintLanes entry) const {
        const UintLanes less = entry - size_;
        return less < entry ? less : entry;
    }

    const Level& level_;
    float scale_, skewed_;
    uint32_t size_, steps_[D];
    float turns_[D];
    const float* axes_[D];
};

// Calls work(begin, tile) for each tile.
template <int D, bool Hashed, class Work>
[[gnu::always_inline]] inline void for_simplices(const Level& level, const Points<D>& points, int64_t count, Work&& work) {
    const SimplexLocator<D, Hashed> locate(level, points);
    walk_tiles<SimplexTile<D>>(points, count, locate, work);
}

// Blends of a tile's coordinates, their derivatives being those by the skewed point's shrunk coordinates.
template <bool Smooth, int D>
[[gnu::always_inline]] inline void blend_axes(const SimplexTile<D>& tile, const Level& level, Blend<Vec> axes[D]) {
    for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale * kSkewShrink[D]);
}

// Of D values, each lane's that belongs to the coordinate of this rank; and the reverse: of values by rank, this coordinate's.
template <int D>
[[gnu::always_inline]] inline Vec of_rank(const SimplexTile<D>& tile, int rank, const Vec by_axis[D]) {
    FloatLanes chosen = by_axis[0].v;
    for (int k = 1; k < D; ++k) chosen = tile.order.rank(k) == rank ? by_axis[k].v : chosen;
    return Vec(chosen);
}
template <int D>
[[gnu::always_inline]] inline Vec of_axis(const SimplexTile<D>& tile, int axis, const Vec by_rank[D]) {
    const IntLanes rank = tile.order.rank(axis);
    FloatLanes chosen = by_rank[0].v;
    for (int r = 1; r < D; ++r) chosen = rank == r ? by_rank[r].v : chosen;
    return Vec(chosen);
}

}  // namespace neurfield::grid
