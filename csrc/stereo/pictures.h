// What all of stereo's kernels do: read a picture at places in lanes, carry a window from one picture into another by a plane, and say
// how alike two windows are. `neurfield/ops/reference/stereo_pictures.py` is the same in torch.
//
// A plane is a linear function of inverse depth over the reference picture. (u, v) are in pixels, the centre of the first at 0.5.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/simd.h"
#include "common/simd_gather.h"
#include "common/simd_mask.h"
#include "common/simd_math.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace neurfield::stereo {

constexpr float kMostDifference = 20.0f;  // grey levels: a difference beyond it says no more
constexpr float kNoise = 3.0f;  // grey levels: a window that deviates so much from a ramp is half compared by correlation
constexpr float kLeastVariance = 0.25f;  // grey levels squared
constexpr float kOutside = 0.6f;  // the cost of a window that leaves the source
constexpr int kBestSources = 2;  // whose mean is what a place costs, at most: who looks into a hollow is seldom in company

// How many of `count` sources make the cost of a place: half of them, since it may be hidden from the others, and two at most.
inline int best_of(int64_t count) { return static_cast<int>(std::min<int64_t>((count + 1) / 2, kBestSources)); }

inline IntLanes to_int(Vec a) { return __builtin_convertvector(a.v, IntLanes); }
inline Vec to_float(IntLanes a) { return Vec(__builtin_convertvector(a, FloatLanes)); }
inline Vec choose(IntLanes mask, Vec yes, Vec no) { return Vec(mask ? yes.v : no.v); }

// One picture as the kernels read it: [height][width] words of four bytes: a pixel (the lowest byte), its right neighbour, the one
// below, the one below right. 0 is background.
struct Picture {
    const int32_t* quads;
    int32_t height, width;
    float tolerance;  // grey levels by which others may differ from it at no cost

    int32_t grey(int64_t row, int64_t column) const { return quads[row * width + column] & 255; }  // 0 = background
    // The grey of the pixels `at` = row * width + column, as floats.
    Vec grey(IntLanes at) const { return to_float(gather_words(quads, at) & 255); }

    bool has_background() const {
        const int64_t pixels = static_cast<int64_t>(height) * width;
        int32_t least = 1;
        for (int64_t p = 0; p < pixels; ++p) least = std::min(least, quads[p] & 255);
        return least == 0;
    }
};

// All pictures: `pictures[i]` is one.
struct Pictures {
    const int32_t* quads;  // [count][height][width]
    const float* gain;  // [count]
    int64_t count, height, width;
    float tolerance = 0.0f;  // grey levels by which they may differ at no cost

    Picture operator[](int64_t i) const {
        return {quads + i * height * width, static_cast<int32_t>(height), static_cast<int32_t>(width), tolerance};
    }
};

struct Sample {
    Vec value;  // grey; 0 in the background
    IntLanes background, leaves;  // all ones where it holds. What leaves the picture has a value that means nothing
};

// Whether any lane is not 0.
inline bool any_bit(IntLanes lanes) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)lanes, (__m512i)lanes) != 0;
#else
    return any(lanes != 0);
#endif
}

// What four pixels, the bytes of a word, say between them: a of the way to the right, b down.
struct Blend {
    Vec here, right, below, corner;

    explicit Blend(IntLanes quad) {
        typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));
        here = to_float(quad & 255), right = to_float((quad >> 8) & 255), below = to_float((quad >> 16) & 255);
        corner = to_float((IntLanes)((Words)quad >> 24));
    }
    Vec operator()(Vec a, Vec b) const {
        const Vec top = fma(a, right - here, here), bottom = fma(a, corner - below, below);
        return fma(b, bottom - top, top);
    }
    // The weight of those that are no background.
    Vec foreground(Vec a, Vec b) const {
        const auto there = [](Vec byte, Vec share) { return choose(byte.v > 0.0f, share, Vec(0.0f)); };
        const Vec rest_a = Vec(1.0f) - a, rest_b = Vec(1.0f) - b;
        return there(here, rest_a * rest_b) + there(right, a * rest_b) + there(below, rest_a * b) + there(corner, a * b);
    }
};

// Not 0 where a byte of the word is 0.
inline IntLanes empty_bytes(IntLanes quad) { return (quad - 0x01010101) & ~quad & static_cast<int32_t>(0x80808080u); }

// Bilinear, by one gather. Pixels of the background have no say; a place is background where they have more than half the weight. With
// kWithin all places are known to lie between the centres of the picture's pixels; without kBackground it has none. Each lane may have a
// picture of its own: the one that begins `base` words after this.
template <bool kWithin = false, bool kBackground = true>
[[gnu::always_inline]] inline Sample sample(const Picture& picture, Vec u, Vec v, IntLanes base = IntLanes{}) {
    const Vec zero(0.0f), one(1.0f);
    Sample found;
    found.leaves = IntLanes{};
    Vec x = u - Vec(0.5f), y = v - Vec(0.5f);
    if constexpr (!kWithin) {
        const Vec width(static_cast<float>(picture.width)), height(static_cast<float>(picture.height));
        found.leaves = ~((u.v >= zero.v) & (u.v <= width.v) & (v.v >= zero.v) & (v.v <= height.v));  // NaN leaves too
        x = min(max(x, zero), width - one), y = min(max(y, zero), height - one);
    }
    const IntLanes column = to_int(x), row = to_int(y);
    const Vec a = x - to_float(column), b = y - to_float(row);
    const IntLanes quad = gather_words(picture.quads, base + row * picture.width + column);
    const Blend blend(quad);
    found.value = blend(a, b);
    found.background = IntLanes{};
    const IntLanes empty = empty_bytes(quad);
    if (kBackground && any_bit(empty)) [[unlikely]] {
        const Vec foreground = blend.foreground(a, b);
        found.background = (empty != 0) & ~(foreground.v >= 0.5f);
        const Vec value = choose(empty != 0, found.value / max(foreground, Vec(0.5f)), found.value);
        found.value = choose(found.background, zero, value);
    }
    return found;
}

// From a reference to a source, but for the plane: the homography of a plane m is A + b m^T (`StereoPictures.pair`).
struct Pair {
    const float* a;  // [3][3]
    const float* b;  // [3]
};

// The same, of another source in each lane.
struct LanePair {
    Vec a[9], b[3];
};

// Where a plane puts the neighbourhood of a pixel: (dx, dy) beside it go to (u + ux dx + uy dy, v + vx dx + vy dy).
struct Affine {
    Vec u, v;
    Vec ux, uy, vx, vy;  // ux = du/dx
    IntLanes behind;  // the source's camera
};

// Of the plane 1/z(q) = inverse_depth + slope_u (q.u - u) + slope_v (q.v - v) at the pixel (u, v), a lane each.
template <class AnyPair>
inline Affine affine_at(const AnyPair& pair, Vec u, Vec v, Vec inverse_depth, Vec slope_u, Vec slope_v) {
    Vec at[3], along_x[3], along_y[3];
    for (int i = 0; i < 3; ++i) {
        const Vec b(pair.b[i]);
        at[i] = fma(Vec(pair.a[3 * i]), u, fma(Vec(pair.a[3 * i + 1]), v, fma(b, inverse_depth, Vec(pair.a[3 * i + 2]))));
        along_x[i] = fma(b, slope_u, Vec(pair.a[3 * i]));
        along_y[i] = fma(b, slope_v, Vec(pair.a[3 * i + 1]));
    }
    Affine affine;
    affine.behind = ~(at[2].v > 0.0f);
    const Vec inverse = Vec(1.0f) / at[2];
    affine.u = at[0] * inverse, affine.v = at[1] * inverse;
    const Vec back_u = Vec(0.0f) - affine.u, back_v = Vec(0.0f) - affine.v;
    affine.ux = fma(back_u, along_x[2], along_x[0]) * inverse, affine.uy = fma(back_u, along_y[2], along_y[0]) * inverse;
    affine.vx = fma(back_v, along_x[2], along_x[1]) * inverse, affine.vy = fma(back_v, along_y[2], along_y[1]) * inverse;
    return affine;
}

// How far two greys are apart beyond the tolerance, 0 to kMostDifference.
inline Vec difference_of(Vec mine, Vec theirs, Vec tolerance) {
    return min(max(abs(mine - theirs) - tolerance, Vec(0.0f)), Vec(kMostDifference));
}

// The weight of a tap at a squared distance (pixels) whose grey differs by `difference` from the middle's: exp(-d^2/(2 s^2) - dI^2/(2 c^2)).
inline Vec tap_weight(float squared_distance, Vec difference, float spatial_sigma, float grey_sigma) {
    constexpr float kLog2e = 1.44269504f;
    const float of_distance = squared_distance / (2.0f * spatial_sigma * spatial_sigma);
    const Vec exponent = fma(difference * difference, Vec(0.5f / (grey_sigma * grey_sigma)), Vec(of_distance));
    return exp2_of_minus_abs(Group<1>{{exponent}}, kLog2e).at[0];
}

// What a kernel sums over the taps of the reference's window, once a pixel.
struct ReferenceSums {
    Vec weight{0.0f}, x{0.0f}, y{0.0f}, xx{0.0f}, xy{0.0f}, yy{0.0f}, a{0.0f}, xa{0.0f}, ya{0.0f}, aa{0.0f};

    // `grey` should be counted from the middle's, so that sums stay exact.
    void add(float dx, float dy, Vec grey, Vec w) {
        const Vec wx = w * Vec(dx), wy = w * Vec(dy), wa = w * grey;
        weight += w, x += wx, y += wy, a += wa;
        xx = fma(wx, Vec(dx), xx), xy = fma(wx, Vec(dy), xy), yy = fma(wy, Vec(dy), yy);
        xa = fma(wx, grey, xa), ya = fma(wy, grey, ya), aa = fma(wa, grey, aa);
    }

    // kappa: how far the window is to be compared by correlation: by its variance about the best ramp.
    Vec texture() const {
        const Vec share = Vec(1.0f) / max(weight, Vec(1e-20f));
        const Vec mx = x * share, my = y * share, ma = a * share, ridge(1e-4f);
        const Vec vxx = xx * share - mx * mx + ridge, vyy = yy * share - my * my + ridge, vxy = xy * share - mx * my;
        const Vec vxa = xa * share - mx * ma, vya = ya * share - my * ma;
        const Vec inverse = Vec(1.0f) / max(vxx * vyy - vxy * vxy, Vec(1e-8f));
        const Vec gx = (vyy * vxa - vxy * vya) * inverse, gy = (vxx * vya - vxy * vxa) * inverse;
        const Vec variance = max(aa * share - ma * ma - gx * vxa - gy * vya, Vec(0.0f));
        return variance / (variance + Vec(kNoise * kNoise));
    }
};

// What a kernel sums over the taps of a pair of windows: a of the reference, b of the source, weights w of the reference. Taps of the
// background add to `background` alone.
struct PairSums {
    Vec weight{0.0f}, a{0.0f}, aa{0.0f}, b{0.0f}, bb{0.0f}, ab{0.0f}, difference{0.0f}, background{0.0f};

    // `mine` and `theirs` counted from one same grey, `gain` of the source over the reference, `level` that grey: |a - gain b| needs it.
    void add(Vec w, Vec mine, Vec theirs, IntLanes is_background, Vec gain, Vec level, Vec tolerance) {
        const Vec zero(0.0f);
        background += choose(is_background, w, zero);
        w = choose(is_background, zero, w);
        const Vec wa = w * mine, wb = w * theirs;
        weight += w, a += wa, b += wb;
        aa = fma(wa, mine, aa), bb = fma(wb, theirs, bb), ab = fma(wa, theirs, ab);
        difference = fma(w, difference_of(mine + level, gain * (theirs + level), tolerance), difference);
    }

    // 0 (alike) to 1: kappa (1 - rho) / 2 + (1 - kappa) A, and 1 for taps of the background.
    Vec cost(Vec kappa) const {
        const Vec one(1.0f), least(kLeastVariance);
        const Vec share = one / max(weight, Vec(1e-20f)), whole = one / max(weight + background, Vec(1e-20f));
        const Vec ma = a * share, mb = b * share;
        const Vec va = max(aa * share - ma * ma, least), vb = max(bb * share - mb * mb, least);
        const Vec rho = (ab * share - ma * mb) / square_root(va * vb);
        const Vec apart = difference * share * Vec(1.0f / kMostDifference);
        const Vec inside = fma(kappa, fma(rho, Vec(-0.5f), Vec(0.5f)) - apart, apart);
        return fma(weight * whole, inside - one, one);
    }

    static Vec square_root(Vec x) {
        Vec root;
        for (int i = 0; i < kLanes; ++i) root.v[i] = std::sqrt(x.v[i]);
        return root;
    }
};

}  // namespace neurfield::stereo
