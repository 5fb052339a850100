// Windows of pixels, a pixel a lane, against where slanted planes put them in another picture. `neurfield/ops/reference/slanted_window.py` is
// the same in torch.
#pragma once

#include <cstdint>

#include "stereo/pictures.h"

namespace neurfield::stereo {

constexpr int kStride = 2;  // pixels between taps
constexpr int kMostRadius = 6;
constexpr int kMostTaps = (kMostRadius + 1) * (kMostRadius + 1);
constexpr float kSpatial = 0.75f;  // deviation of the taps' weights, in radii
constexpr float kSimilar = 25.5f;  // and in grey levels
constexpr float kThinnest = 0.02f;  // share of its area that a window must keep
constexpr float kSteepest = 0.5f;  // share of its inverse depth that a plane may lose over the radius of a window

// 1/z(q) = w + a (q.u - u) + b (q.v - v), of the pixel (u, v) of each lane; w <= 0 is none.
struct Planes {
    Vec w, a, b;
};

inline Planes choose(IntLanes mask, const Planes& yes, const Planes& no) {
    return {choose(mask, yes.w, no.w), choose(mask, yes.a, no.a), choose(mask, yes.b, no.b)};
}

// A row's pixels `column`, and which lanes have one.
struct Lanes {
    IntLanes column, exist;
    int32_t row;
    Vec u, v;

    Lanes(int32_t row, int32_t first, int32_t spacing, int64_t width) : row(row) {
        for (int i = 0; i < kLanes; ++i) column[i] = first + spacing * i;
        exist = column < static_cast<int32_t>(width);
        u = to_float(column) + Vec(0.5f), v = Vec(static_cast<float>(row) + 0.5f);
    }
    // Numbers of the pixels within their picture; 0 for lanes that have none.
    IntLanes pixel(int64_t width) const { return (row * static_cast<int32_t>(width) + column) & exist; }
};

// Where a window has its taps.
struct Taps {
    int radius = 0, count = 0;
    float x[kMostTaps], y[kMostTaps];

    explicit Taps(int radius) : radius(radius) {
        for (int down = -radius; down <= radius; down += kStride)
            for (int right = -radius; right <= radius; right += kStride, ++count)
                x[count] = static_cast<float>(right), y[count] = static_cast<float>(down);
    }
};

// The windows of the reference. Values are counted from the middle's, so that float32 holds their squares.
struct Window {
    alignas(64) float value[kMostTaps][kLanes], weight[kMostTaps][kLanes];
    Vec middle, texture, u, v;
    IntLanes active;  // pixels of the surface with taps there

    void read(const Picture& picture, const Taps& taps, const Lanes& lanes) {
        u = lanes.u, v = lanes.v;
        const IntLanes own = gather_words(picture.quads, lanes.pixel(picture.width)) & 255;
        active = lanes.exist & (own != 0);
        middle = to_float(own);
        ReferenceSums sums;
        for (int t = 0; t < taps.count; ++t) {
            const int32_t down = lanes.row + static_cast<int32_t>(taps.y[t]);
            const IntLanes right = lanes.column + static_cast<int32_t>(taps.x[t]);
            const IntLanes within = active & (right >= 0) & (right < picture.width) & ((down >= 0) & (down < picture.height) ? -1 : 0);
            const IntLanes grey = gather_words(picture.quads, (down * picture.width + right) & within) & 255;
            const Vec apart = to_float(grey) - middle;
            const Vec squared =
                tap_weight(taps.x[t] * taps.x[t] + taps.y[t] * taps.y[t], apart, kSpatial * static_cast<float>(taps.radius), kSimilar);
            const Vec share = choose(within & (grey != 0), squared, Vec(0.0f));
            sums.add(taps.x[t], taps.y[t], apart, share);
            apart.store(value[t]), share.store(weight[t]);
        }
        active &= sums.weight.v > 0.0f;
        texture = sums.texture();
        const Vec scale = Vec(1.0f) / max(sums.weight, Vec(1e-20f));
        for (int t = 0; t < taps.count; ++t) (Vec::load(weight[t]) * scale).store(weight[t]);
    }

    // 0 (alike) to 1. `masked`: the source has background. `base`: see `sample`.
    template <class AnyPair>
    Vec cost(const Taps& taps, const AnyPair& pair, const Picture& source, bool masked, Vec gain, const Planes& planes,
             IntLanes base = IntLanes{}) const {
        Affine at = affine_at(pair, u, v, planes.w, planes.a, planes.b);
        const Vec radius(static_cast<float>(taps.radius)), half(0.5f);
        const Vec wide = radius * (abs(at.ux) + abs(at.uy)), tall = radius * (abs(at.vx) + abs(at.vy));
        const Vec right(static_cast<float>(source.width) - 0.5f), bottom(static_cast<float>(source.height) - 0.5f);
        const IntLanes usable = ~at.behind & ((at.u - wide).v >= half.v) & ((at.u + wide).v <= right.v) & ((at.v - tall).v >= half.v) &
                                ((at.v + tall).v <= bottom.v) & ((at.ux * at.vy - at.uy * at.vx).v >= kThinnest);
        if (!any(usable & active)) return Vec(kOutside);
        // The lanes that leave the source look at its first pixel, so that all taps are known to lie within.
        const Vec zero(0.0f);
        at.u = choose(usable, at.u, half), at.v = choose(usable, at.v, half);
        for (Vec* slope : {&at.ux, &at.uy, &at.vx, &at.vy}) *slope = choose(usable, *slope, zero);
        const Vec found = masked ? sum<true>(taps, source, base, gain, at) : sum<false>(taps, source, base, gain, at);
        return choose(usable, found, Vec(kOutside));
    }

private:
    // Of taps that all lie within the source. Without kBackground it has none.
    template <bool kBackground>
    Vec sum(const Taps& taps, const Picture& source, IntLanes base, Vec gain, const Affine& at) const {
        PairSums sums;
        const Vec tolerance(source.tolerance);
        for (int t = 0; t < taps.count; ++t) {
            const Vec dx(taps.x[t]), dy(taps.y[t]);
            const Vec x = fma(dx, at.ux, fma(dy, at.uy, at.u)), y = fma(dx, at.vx, fma(dy, at.vy, at.v));
            const Sample found = sample<true, kBackground>(source, x, y, base);
            sums.add(Vec::load(weight[t]), Vec::load(value[t]), found.value - middle, found.background, gain, middle, tolerance);
        }
        return sums.cost(texture);
    }
};

}  // namespace neurfield::stereo
