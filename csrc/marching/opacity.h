// Opacity of ray sections from the signed distance at their midpoints, and its derivatives, for a few vectors of sections at once.
//
// NeuS (Wang et al. 2021, Eq. 13): alpha = 1 - S(exit) / S(entry) with the logistic S and the distances extrapolated to the ends of
// the section; through log-sigmoids, so that nothing is 0/0 deep inside matter. VolSDF (Yariv et al. 2021, Eq. 2-3):
// alpha = 1 - exp(-density length) with the density's Laplace distribution.
#pragma once

#include "common/simd_math.h"

namespace neurfield::sections {

constexpr int kVectors = 2;                   // vectors that are worked on in step
constexpr int kTile = kVectors * kLanes;      // sections of a tile
constexpr float kLog2E = 1.4426950408889634f;
using Tile = Group<kVectors>;

struct Slopes {
    Tile sdf, slope, width;
};    // derivatives of alpha; the last per unit of width

inline Vec select(IntLanes condition, Vec yes, Vec no) { return Vec(condition ? yes.v : no.v); }

struct Neus {
    float width, anneal;  // anneal: 0 lets sections that leave the surface be half opaque too, 1 is the paper's equation

    // t = exp(-|x|), and log sigmoid(x)
    static Tile log_sigmoid(const Tile& x, Tile& t) {
        t = exp2_of_minus_abs(x, kLog2E);
        Tile result = log1p_of_unit(t);
        for (int i = 0; i < kVectors; ++i) result.at[i] = min(Vec(0.0f), x.at[i]) - result.at[i];
        return result;
    }

    // How fast the ray approaches the surface, never positive. Here and below bounds come first in max and min: NaN stays NaN.
    Vec approach(Vec slope) const {
        const Vec half = max(Vec(0.0f), Vec(0.5f) - Vec(0.5f) * slope), whole = max(Vec(0.0f), Vec(0.0f) - slope);
        return Vec(0.0f) - (half * Vec(1.0f - anneal) + whole * Vec(anneal));
    }

    Tile alpha(const Tile& sdf, const Tile& slope, const Tile& length, Slopes* slopes) const {
        const Vec inverse(1.0f / width);
        Tile entry, exit, half_step, at_entry, at_exit, ratio, result;
        for (int i = 0; i < kVectors; ++i) {
            half_step.at[i] = Vec(0.5f) * approach(slope.at[i]) * length.at[i];
            entry.at[i] = (sdf.at[i] - half_step.at[i]) * inverse;
            exit.at[i] = (sdf.at[i] + half_step.at[i]) * inverse;
        }
        const Tile log_entry = log_sigmoid(entry, at_entry), log_exit = log_sigmoid(exit, at_exit);
        Tile fall;
        for (int i = 0; i < kVectors; ++i) fall.at[i] = log_exit.at[i] - log_entry.at[i];
        for (int i = 0; i < kVectors; ++i) ratio.at[i] = min(Vec(0.0f), fall.at[i]);
        ratio = exp2_of_minus_abs(ratio, kLog2E);
        for (int i = 0; i < kVectors; ++i) result.at[i] = Vec(1.0f) - ratio.at[i];
        if (slopes == nullptr) return result;
        for (int i = 0; i < kVectors; ++i) {
            const Vec q = select(fall.at[i].v > 0.0f, Vec(0.0f), ratio.at[i]);
            const Vec by_entry = q * sigmoid_from(Vec(0.0f) - entry.at[i], at_entry.at[i]);
            const Vec by_exit = Vec(0.0f) - q * sigmoid_from(Vec(0.0f) - exit.at[i], at_exit.at[i]);
            slopes->sdf.at[i] = inverse * (by_entry + by_exit);
            slopes->width.at[i] = Vec(0.0f) - inverse * (by_entry * entry.at[i] + by_exit * exit.at[i]);
            const Vec s = slope.at[i];
            const Vec by_slope = select(s.v < 1.0f, Vec(0.5f * (1.0f - anneal)), Vec(0.0f)) + select(s.v < 0.0f, Vec(anneal), Vec(0.0f));
            slopes->slope.at[i] = inverse * (by_exit - by_entry) * Vec(0.5f) * length.at[i] * by_slope;
        }
        return result;
    }
};

struct Volsdf {
    float width;

    Tile alpha(const Tile& sdf, const Tile&, const Tile& length, Slopes* slopes) const {
        const Vec inverse(1.0f / width), half(0.5f), one(1.0f);
        const Tile tail = exp2_of_minus_abs(sdf, kLog2E / width);
        Tile density, depth, result;
        for (int i = 0; i < kVectors; ++i) {
            const Vec e = half * tail.at[i];
            density.at[i] = inverse * select(sdf.at[i].v < 0.0f, one - e, e);
            depth.at[i] = density.at[i] * length.at[i];
        }
        const Tile through = exp2_of_minus_abs(depth, kLog2E);
        for (int i = 0; i < kVectors; ++i) result.at[i] = one - through.at[i];
        if (slopes == nullptr) return result;
        for (int i = 0; i < kVectors; ++i) {
            const Vec by_density = length.at[i] * through.at[i], e = half * tail.at[i] * inverse;
            slopes->sdf.at[i] = Vec(0.0f) - by_density * e * inverse;
            slopes->slope.at[i] = Vec(0.0f);
            // density = F(-sdf / width) / width: both the argument and the factor depend on the width
            slopes->width.at[i] = by_density * inverse * (e * sdf.at[i] * inverse - density.at[i]);
        }
        return result;
    }
};

}  // namespace neurfield::sections
