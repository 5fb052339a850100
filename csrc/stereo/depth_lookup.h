// What another picture's depth says of a point. `neurfield/ops/reference/depth_lookup.py` is the same in torch.
#pragma once

#include <cmath>
#include <cstdint>

#include "stereo/pictures.h"

namespace neurfield::stereo {

constexpr float kJump = 1.03f;  // depths further apart are not blended
constexpr float kFar = 1e30f;  // pixels: the error where nothing is known

struct DepthMap {
    const float* depth;  // [height][width], 0 = nothing
    int32_t height, width;
    IntLanes base{};  // each lane's map begins so many entries later

    Vec at(IntLanes pixel) const { return gather_floats(depth, base + pixel); }

    // Linear in inverse depth where the four pixels around are of one surface, else that of the pixel itself; 0 outside.
    Vec read(Vec u, Vec v) const {
        const Vec zero(0.0f), one(1.0f), right(static_cast<float>(width)), bottom(static_cast<float>(height));
        const IntLanes within = (u.v >= zero.v) & (v.v >= zero.v) & (u.v < right.v) & (v.v < bottom.v);  // not NaN
        const Vec x = min(max(choose(within, u, zero) - Vec(0.5f), zero), right - one),
                  y = min(max(choose(within, v, zero) - Vec(0.5f), zero), bottom - one);
        const IntLanes column = to_int(x), row = to_int(y);
        const IntLanes step = (column < width - 1) & 1, stride = (row < height - 1) & width;
        const IntLanes first = row * width + column;
        const Vec d00 = at(first), d01 = at(first + step), d10 = at(first + stride), d11 = at(first + stride + step);
        const Vec low = min(min(d00, d01), min(d10, d11)), high = max(max(d00, d01), max(d10, d11));
        const Vec s = x - to_float(column), t = y - to_float(row);
        const IntLanes smooth = (low.v > zero.v) & (high.v <= (low * Vec(kJump)).v);
        const Vec safe = choose(smooth, one, zero);
        const auto inverse = [&](Vec d) { return safe / choose(smooth, d, one); };
        const Vec i00 = inverse(d00), i10 = inverse(d10);
        const Vec top = fma(s, inverse(d01) - i00, i00), below = fma(s, inverse(d11) - i10, i10);
        const Vec blended = one / max(fma(t, below - top, top), Vec(1e-30f));
        const IntLanes own = (to_int(choose(within, v, zero)) * width) + to_int(choose(within, u, zero));
        return choose(within, choose(smooth, blended, at(own)), zero);
    }
};

// A pixel's point in a source, and the way back from the depth that the source has there.
struct RoundTrip {
    Vec expected, depth;  // z-depth in the source: of the point, and what the source says (0 = nothing)
    Vec error;  // pixels between the pixel and the point that the source sees there; kFar where nothing is known
};

template <class AnyPair>
inline RoundTrip round_trip(const AnyPair& forth, const AnyPair& back, const DepthMap& map, Vec u, Vec v, Vec inverse_depth) {
    const auto carry = [](const AnyPair& pair, Vec u, Vec v, Vec inverse_depth, Vec* to) {
        for (int i = 0; i < 3; ++i)
            to[i] = fma(Vec(pair.a[3 * i]), u, fma(Vec(pair.a[3 * i + 1]), v, fma(Vec(pair.b[i]), inverse_depth, Vec(pair.a[3 * i + 2]))));
    };
    const Vec one(1.0f), zero(0.0f);
    Vec there[3], home[3];
    carry(forth, u, v, inverse_depth, there);
    const IntLanes before = (there[2].v > 0.0f) & (inverse_depth.v > 0.0f);
    const Vec inverse = one / choose(before, there[2], one);
    const Vec x = there[0] * inverse, y = there[1] * inverse;
    RoundTrip trip;
    trip.expected = there[2] / choose(before, inverse_depth, one);
    trip.depth = choose(before, map.read(x, y), zero);
    const IntLanes present = trip.depth.v > 0.0f;
    carry(back, x, y, one / choose(present, trip.depth, one), home);
    const IntLanes good = present & (home[2].v > 0.0f);
    const Vec scale = one / choose(good, home[2], one);
    const Vec du = home[0] * scale - u, dv = home[1] * scale - v;
    trip.error = choose(good, PairSums::square_root(du * du + dv * dv), Vec(kFar));
    return trip;
}

}  // namespace neurfield::stereo
