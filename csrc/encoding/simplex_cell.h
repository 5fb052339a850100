// A simplex grid's cell around one point, as simplex_grid.h says; how dense levels are numbered stands in simplex_grid_tiles.h.
#pragma once

#include "encoding/grid_cell.h"
#include "encoding/simplex_grid.h"

namespace neurfield::grid {

template <int D>
struct SimplexCell {
    static constexpr int dimensions = D, vertices = D + 1, keys = D + 1;

    uint32_t entries[vertices];  // in the order in which they are met
    int key[keys];               // the first vertex, and the order
    float f[D];

    __device__ SimplexCell(const CellLevel& level, const float x[D]) {
        const float scale = level.scale * kSkewShrink[D];
        float sum = 0.0f;
#pragma unroll
        for (int k = 0; k < D; ++k) sum += x[k];
        const float offset = fmaf(sum, scale * kSkew[D], 0.5f);
#pragma unroll
        for (int k = 0; k < D; ++k) key[k] = split(fmaf(x[k], scale, offset), f[k]);
        set_order();
        if (level.hashed)
            hash(level);
        else
            number(level);
    }

    // Derivatives are those by the skewed point's shrunk coordinates.
    template <bool Smooth>
    __device__ void blends(const CellLevel& level, Blend<float> axes[D]) const {
#pragma unroll
        for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(f[k], level.scale * kSkewShrink[D]);
    }

    // Features from the vertices' values, and their derivatives along the axes: from vertex to vertex one coordinate after the other
    // steps up, and the feature changes by that much.
    template <int F, bool Smooth, bool Slopes>
    __device__ void interpolate(const CellLevel& level, const float values[vertices][F], float out[F], float slopes[D][F]) const {
        Blend<float> axes[D];
        blends<Smooth>(level, axes);
        if constexpr (Slopes) {
#pragma unroll
            for (int f = 0; f < F; ++f) {
                float steps[D], along[D];
#pragma unroll
                for (int r = 0; r < D; ++r) steps[r] = values[r + 1][f] - values[r][f];
                out[f] = values[0][f];
#pragma unroll
                for (int k = 0; k < D; ++k) {
                    const float step = of_axis(k, steps);
                    out[f] += axes[k].weight * step;
                    along[k] = step * axes[k].slope;
                }
                skew<D>(along);
#pragma unroll
                for (int k = 0; k < D; ++k) slopes[k][f] = along[k];
            }
        } else {
            float weights[vertices];
            barycentrics(axes, weights);
#pragma unroll
            for (int f = 0; f < F; ++f) {
                out[f] = 0.0f;
#pragma unroll
                for (int v = 0; v < vertices; ++v) out[f] += weights[v] * values[v][f];
            }
        }
    }

    // The vertices' weights, and how they change as the point moves along the tangent.
    template <bool Smooth, bool Tangent>
    __device__ void weigh(const CellLevel& level, const float tangent[D], float weights[vertices], float turns[vertices]) const {
        Blend<float> axes[D];
        blends<Smooth>(level, axes);
        barycentrics(axes, weights);
        if constexpr (Tangent) {
            float along[D], before = 0.0f;
#pragma unroll
            for (int k = 0; k < D; ++k) along[k] = tangent[k];
            skew<D>(along);
#pragma unroll
            for (int k = 0; k < D; ++k) along[k] *= axes[k].slope;
#pragma unroll
            for (int r = 0; r < D; ++r) {
                const float next = of_rank(r, along);
                turns[r] = before - next;
                before = next;
            }
            turns[D] = before;
        }
    }

    // Second derivatives of the interpolant of one value a vertex, times a vector: it is a sum of functions of one coordinate each.
    template <bool Smooth>
    __device__ void bend(const CellLevel& level, const float values[vertices], const float vector[D], float out[D]) const {
        Blend<float> axes[D];
        blends<Smooth>(level, axes);
        float steps[D], along[D];
#pragma unroll
        for (int r = 0; r < D; ++r) steps[r] = values[r + 1] - values[r];
#pragma unroll
        for (int k = 0; k < D; ++k) along[k] = vector[k];
        skew<D>(along);
#pragma unroll
        for (int k = 0; k < D; ++k) out[k] = of_axis(k, steps) * axes[k].bend * along[k];
        skew<D>(out);
    }

private:
    // How many coordinates are larger than this axis's, two bits an axis. Of equal ones the first counts as larger.
    __device__ int rank(int axis) const { return key[D] >> 2 * axis & 3; }

    __device__ void set_order() {
        // What is no number counts as zero: every rank must be there once, else an entry could lie outside the level.
        float at[D];
        int ranks[D] = {};
#pragma unroll
        for (int k = 0; k < D; ++k) at[k] = fmaxf(f[k], 0.0f);
#pragma unroll
        for (int j = 1; j < D; ++j)
#pragma unroll
            for (int i = 0; i < j; ++i) {
                const bool ahead = at[i] >= at[j];
                ranks[i] += !ahead;
                ranks[j] += ahead;
            }
        key[D] = 0;
#pragma unroll
        for (int k = 0; k < D; ++k) key[D] |= ranks[k] << 2 * k;
    }

    // Of one value an axis, that of the coordinate with this rank; of one value a rank, that of the axis.
    template <class T>
    __device__ T of_rank(int r, const T by_axis[D]) const {
        T chosen = by_axis[0];
        unrolled<D - 1>([&](auto before) {
            const T other = by_axis[before + 1];
            chosen = rank(before + 1) == r ? other : chosen;
        });
        return chosen;
    }
    __device__ float of_axis(int axis, const float by_rank[D]) const {
        float chosen = by_rank[0];
        unrolled<D - 1>([&](auto before) {
            const float other = by_rank[before + 1];
            chosen = rank(axis) == before + 1 ? other : chosen;
        });
        return chosen;
    }

    __device__ static void barycentrics(const Blend<float> axes[D], float weights[vertices]) {
        float sorted[D];
#pragma unroll
        for (int k = 0; k < D; ++k) sorted[k] = axes[k].weight;
        sort_down<D>(sorted);
        barycentric<D>(sorted, weights);
    }

    __device__ void hash(const CellLevel& level) {
        uint32_t hash = 0, flips[D];  // flips: what changes as a coordinate steps up
        const uint32_t mask = level.size - 1u;
#pragma unroll
        for (int k = 0; k < D; ++k) {
            const uint32_t low = static_cast<uint32_t>(key[k]) * kPrimes[k];
            hash ^= low;
            flips[k] = low ^ (low + kPrimes[k]);
        }
        entries[0] = hash & mask;
#pragma unroll
        for (int r = 0; r < D; ++r) {
            hash ^= of_rank(r, flips);
            entries[r + 1] = hash & mask;
        }
    }

    __device__ void number(const CellLevel& level) {
        uint32_t bits = 0;  // of all coordinates; a negative one has the highest
#pragma unroll
        for (int k = 0; k < D; ++k) bits |= static_cast<uint32_t>(key[k]);
        entries[0] = bits < 1u << 16 ? near_vertex(level) : far_vertex(level);
#pragma unroll
        for (int r = 0; r < D; ++r) entries[r + 1] = wrapped(level, entries[r] + of_rank(r, level.steps));
    }

    // Of coordinates from 0 to 2^16: their number divided by the size as a product in floating point, which is too small by one at
    // most (its relative error is below 2^-19, the quotient below 2^18); the remainder then comes out of arithmetic modulo 2^32.
    __device__ uint32_t near_vertex(const CellLevel& level) const {
        float turns = 0.0f;
        uint32_t entry = 0;
#pragma unroll
        for (int k = 0; k < D; ++k) {
            turns += static_cast<float>(key[k]) * level.turns[k];
            entry += static_cast<uint32_t>(key[k]) * level.steps[k];
        }
        return wrapped(level, entry - static_cast<uint32_t>(turns) * level.size);
    }

    // Of any coordinates. Sizes are at most 2^29 (simplex_layout.py), so that four products fit.
    __device__ uint32_t far_vertex(const CellLevel& level) const {
        uint64_t entry = 0;
#pragma unroll
        for (int k = 0; k < D; ++k) {
            const uint32_t up = static_cast<uint32_t>(key[k] < 0 ? ~key[k] : key[k]) % level.size;
            entry += static_cast<uint64_t>(key[k] < 0 ? level.size - 1u - up : up) * level.steps[k];
        }
        return static_cast<uint32_t>(entry % level.size);
    }

    // Of a number below twice the size.
    __device__ static uint32_t wrapped(const CellLevel& level, uint32_t entry) { return entry < level.size ? entry : entry - level.size; }
};

}  // namespace neurfield::grid
