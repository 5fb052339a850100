// A hash grid's cell around one point, as hash_grid.h says.
#pragma once

#include "encoding/grid_cell.h"
#include "encoding/hash_grid.h"

namespace neurfield::grid {

template <int D>
struct CubeCell {
    static constexpr int dimensions = D, vertices = corners_of(D), keys = D;

    uint32_t entries[vertices];
    int key[keys];  // the first corner
    float f[D];

    __device__ CubeCell(const CellLevel& level, const float x[D]) {
        uint32_t corner[D];
#pragma unroll
        for (int k = 0; k < D; ++k) {
            key[k] = split(fmaf(x[k], level.scale, 0.5f), f[k]);
            corner[k] = static_cast<uint32_t>(key[k]);
        }
        if (level.hashed)
            hashed_corners<D>(level, corner, entries);
        else
            number(level, dense_corner<D>(level, corner));
    }

    template <bool Smooth>
    __device__ void blends(const CellLevel& level, Blend<float> axes[D]) const {
#pragma unroll
        for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(f[k], level.scale);
    }

    // Features from the corners' values, and their derivatives along the axes.
    template <int F, bool Smooth, bool Slopes>
    __device__ void interpolate(const CellLevel& level, const float values[vertices][F], float out[F], float slopes[D][F]) const {
        Blend<float> axes[D];
        blends<Smooth>(level, axes);
#pragma unroll
        for (int f = 0; f < F; ++f) {
            float of_feature[vertices];
#pragma unroll
            for (int c = 0; c < vertices; ++c) of_feature[c] = values[c][f];
            const Folded<Slopes ? 1 : 0> folded(axes, of_feature);
            out[f] = folded.value[0];
            if constexpr (Slopes)
#pragma unroll
                for (int k = 0; k < D; ++k) slopes[k][f] = folded.by[k][0] * axes[k].slope;
        }
    }

    // The corners' weights, and how they change as the point moves along the tangent.
    template <bool Smooth, bool Tangent>
    __device__ void weigh(const CellLevel& level, const float tangent[D], float weights[vertices], float turns[vertices]) const {
        Blend<float> axes[D];
        blends<Smooth>(level, axes);
        weights[0] = 1.0f;
        turns[0] = 0.0f;
        unrolled<D>([&](auto axis) {
            constexpr int k = decltype(axis)::value, other = 1 << k;
            const float high = axes[k].weight, low = 1.0f - high;
#pragma unroll
            for (int i = 0; i < other; ++i) {
                if constexpr (Tangent) {
                    const float change = axes[k].slope * tangent[k] * weights[i];
                    turns[i + other] = turns[i] * high + change;
                    turns[i] = turns[i] * low - change;
                }
                weights[i + other] = weights[i] * high;
                weights[i] *= low;
            }
        });
    }

    // Second derivatives of the interpolant of one value a corner, times a vector.
    template <bool Smooth>
    __device__ void bend(const CellLevel& level, const float values[vertices], const float vector[D], float out[D]) const {
        Blend<float> axes[D];
        blends<Smooth>(level, axes);
        const Folded<2> folded(axes, values);
#pragma unroll
        for (int k = 0; k < D; ++k) out[k] = axes[k].bend * folded.by[k][0] * vector[k];
        unrolled<D>([&](auto axis) {
            constexpr int k = decltype(axis)::value;
#pragma unroll
            for (int j = 0; j < k; ++j) {
                const float mixed = folded.mixed[j][k][0] * axes[j].slope * axes[k].slope;
                out[j] += mixed * vector[k];
                out[k] += mixed * vector[j];
            }
        });
    }

private:
    // The interpolant of one value a corner, and with Order 1 and 2 its derivatives by the blends of one axis and of two, each in the
    // first place of its array: axis after axis halves the corners, and what the axes before have made of them.
    template <int Order>
    struct Folded {
        float value[vertices], by[D][vertices / 2], mixed[D][D][vertices / 4];

        __device__ Folded(const Blend<float> axes[D], const float values[vertices]) {
#pragma unroll
            for (int c = 0; c < vertices; ++c) value[c] = values[c];
            unrolled<D>([&](auto axis) {
                constexpr int k = decltype(axis)::value;
                const auto fold = [weight = axes[k].weight](float* at, int i) { at[i] = mix(at[2 * i], at[2 * i + 1], weight); };
#pragma unroll
                for (int i = 0; i < corners_of(D - 1 - k); ++i) {
                    if constexpr (Order >= 1) {
#pragma unroll
                        for (int j = 0; j < k; ++j) {
                            if constexpr (Order >= 2) {
#pragma unroll
                                for (int m = 0; m < j; ++m) fold(mixed[m][j], i);
                                mixed[j][k][i] = by[j][2 * i + 1] - by[j][2 * i];
                            }
                            fold(by[j], i);
                        }
                        by[k][i] = value[2 * i + 1] - value[2 * i];
                    }
                    fold(value, i);
                }
            });
        }
    };

    // Of a dense level's corners, `first` being the first one's number before it is wrapped into the level. A level has more entries
    // than there are between a cell's corners, so that from inside none is wrapped twice.
    __device__ void number(const CellLevel& level, uint32_t first) {
        if (first < level.size) {
#pragma unroll
            for (int c = 0; c < vertices; ++c) {
                const uint32_t entry = first + dense_step(level, c), less = entry - level.size;
                entries[c] = entry < level.size ? entry : less;
            }
        } else {
#pragma unroll
            for (int c = 0; c < vertices; ++c) entries[c] = (first + dense_step(level, c)) % level.size;
        }
    }
};

}  // namespace neurfield::grid
