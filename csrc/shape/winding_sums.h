// The three sums of winding numbers, of one source for many targets: a lane is a target.
//
// r = target - source, s the source's value; pairs closer than the width count for nothing (Lin et al. 2024, WNNC).
//   Flux       -r.s / |r|^3                       4 pi times the winding number, of vectors s = area times normal
//   Adjoint    +s r / |r|^3                       of numbers s: the transpose of the flux
//   Slope      s / |r|^3 - 3 r (r.s) / |r|^5      minus the gradient of the flux, of vectors s
#pragma once

#include "common/simd.h"
#include "shape/winding_tree.h"

namespace neurfield::winding {

// 1 / sqrt(x), to a few parts in 10^7.
inline Vec reciprocal_root(Vec x) {
#if defined(__AVX512F__)
    const Vec guess(_mm512_maskz_rsqrt14_ps(0xffff, x.v));
    return guess * (Vec(1.5f) - Vec(0.5f) * x * guess * guess);
#else
    Vec root;
    for (int i = 0; i < kLanes; ++i) root.v[i] = std::sqrt(x.v[i]);
    return Vec(1.0f) / root;
#endif
}

struct Targets {
    Vec x, y, z;
};

struct Pair {
    Vec x, y, z;   // r
    Vec square;    // 1 / |r|^2
    Vec cube;      // 1 / |r|^3, 0 where the pair is closer than the width
};

inline Pair pair_of(const Targets& targets, const Source& source, Vec least) {
    Pair pair{targets.x - Vec(source.at[0]), targets.y - Vec(source.at[1]), targets.z - Vec(source.at[2]), Vec(), Vec()};
    const Vec square = fma(pair.x, pair.x, fma(pair.y, pair.y, pair.z * pair.z));
    const Vec inverse = reciprocal_root(max(square, least));
    pair.square = inverse * inverse;
    pair.cube = Vec(square.v >= least.v ? (pair.square * inverse).v : FloatLanes{});
    return pair;
}

struct Flux {
    static constexpr int in = 3, out = 1;
    static void add(const Pair& r, const Source& source, Vec* total) {
        const float* s = source.value;
        const Vec along = fma(r.x, Vec(s[0]), fma(r.y, Vec(s[1]), r.z * Vec(s[2])));
        total[0] -= along * r.cube;
    }
};

struct Adjoint {
    static constexpr int in = 1, out = 3;
    static void add(const Pair& r, const Source& source, Vec* total) {
        const Vec scaled = Vec(source.value[0]) * r.cube;
        total[0] = fma(r.x, scaled, total[0]);
        total[1] = fma(r.y, scaled, total[1]);
        total[2] = fma(r.z, scaled, total[2]);
    }
};

struct Slope {
    static constexpr int in = 3, out = 3;
    static void add(const Pair& r, const Source& source, Vec* total) {
        const float* s = source.value;
        const Vec along = fma(r.x, Vec(s[0]), fma(r.y, Vec(s[1]), r.z * Vec(s[2])));
        const Vec back = Vec(3.0f) * along * r.square;
        total[0] = fma(Vec(s[0]) - r.x * back, r.cube, total[0]);
        total[1] = fma(Vec(s[1]) - r.y * back, r.cube, total[1]);
        total[2] = fma(Vec(s[2]) - r.z * back, r.cube, total[2]);
    }
};

// A leaf's worth of targets and what has been added up for them.
template <class Sum>
class Group {
public:
    static constexpr int blocks = static_cast<int>(kLeaf) / kLanes;

    // Targets at [count, 3], up to 32; the lanes that are left repeat the last.
    Group(const float* at, int64_t count, float width) : least_(std::max(width * width, 1e-18f)) {
        float lanes[3][kLeaf];
        for (int64_t i = 0; i < kLeaf; ++i)
            for (int axis = 0; axis < 3; ++axis) lanes[axis][i] = at[3 * std::min(i, count - 1) + axis];
        for (int b = 0; b < blocks; ++b) {
            targets_[b] = {Vec::load(lanes[0] + b * kLanes), Vec::load(lanes[1] + b * kLanes), Vec::load(lanes[2] + b * kLanes)};
            for (int k = 0; k < Sum::out; ++k) totals_[b][k] = Vec(0.0f);
        }
    }

    void add(const Source* sources, int64_t count) {
        for (int b = 0; b < blocks; ++b) {
            const Targets targets = targets_[b];
            Vec totals[Sum::out];
            for (int k = 0; k < Sum::out; ++k) totals[k] = totals_[b][k];
            for (int64_t i = 0; i < count; ++i) Sum::add(pair_of(targets, sources[i], least_), sources[i], totals);
            for (int k = 0; k < Sum::out; ++k) totals_[b][k] = totals[k];
        }
    }

    float total(int64_t target, int k) const {
        float lanes[kLanes];
        totals_[target / kLanes][k].store(lanes);
        return lanes[target % kLanes];
    }

private:
    Vec least_;
    Targets targets_[blocks];
    Vec totals_[blocks][Sum::out];
};

}  // namespace neurfield::winding
