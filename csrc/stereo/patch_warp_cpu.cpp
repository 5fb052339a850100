// How alike a small patch of a picture looks where a plane puts it in other pictures, and how that changes with the plane: the photometric
// loss on a surface (Fu et al. 2022, Sec. 3.4; Darmon et al. 2022). Taps are lanes. `neurfield/ops/reference/patch_warp.py` says what is
// computed, autograd what its derivatives are.
#include <algorithm>
#include <cmath>

#include "common/families.h"
#include "common/parallel.h"
#include "stereo/patch_warp_arguments.h"
#include "stereo/pictures.h"

namespace neurfield {
namespace stereo {
namespace {

constexpr float kPlain = 3.0f;  // grey levels that a patch deviates from a ramp where correlation counts half
constexpr float kSilent = 0.5f * 0.5f;  // grey levels squared that say nothing, in correlation
constexpr float kAlike = 51.0f;  // grey levels; taps that differ more from the middle hardly count
constexpr float kCut = 20.0f;  // grey levels; a greater difference says no more
constexpr float kRidge = 1e-4f;  // pixels squared, on the spread of a window's taps

// A place in a picture: its grey, how that changes with u and v, and whether it lies between pixels none of which is background.
struct Tap {
    Vec value, by_u, by_v;
    IntLanes inside;
};

[[gnu::always_inline]] inline Tap tap_at(const Picture& picture, Vec u, Vec v) {
    const Vec half(0.5f), zero(0.0f), right(static_cast<float>(picture.width) - 0.5f), lowest(static_cast<float>(picture.height) - 0.5f);
    Tap tap;
    tap.inside = (u.v >= half.v) & (v.v >= half.v) & (u.v <= right.v) & (v.v <= lowest.v);  // NaN is outside
    const Vec x = min(max(u - half, zero), right - half), y = min(max(v - half, zero), lowest - half);
    const IntLanes column = to_int(x), row = to_int(y), quad = gather_words(picture.quads, row * picture.width + column);
    const Vec a = x - to_float(column), b = y - to_float(row);
    const Vec here = to_float(quad & 255), beside = to_float((quad >> 8) & 255), below = to_float((quad >> 16) & 255),
              corner = to_float((quad >> 24) & 255);
    tap.inside &= min(min(here, beside), min(below, corner)).v > 0.0f;
    const Vec top = beside - here, bottom = corner - below, left = fma(a, top, here);
    tap.by_v = fma(a, bottom, below) - left;
    tap.by_u = fma(b, bottom - top, top);
    tap.value = fma(b, tap.by_v, left);
    return tap;
}

// The taps of a window, in whole vectors; what fills the last one lies in the middle and weighs nothing.
struct Taps {
    int vectors;
    alignas(64) float u[kMostTaps], v[kMostTaps], apart[kMostTaps], real[kMostTaps];

    explicit Taps(const PatchWarp& call) {
        const int count = call.side * call.side;
        vectors = (count + kLanes - 1) / kLanes;
        for (int i = 0; i < vectors * kLanes; ++i) {
            real[i] = i < count ? 1.0f : 0.0f;
            u[i] = i < count ? static_cast<float>(i % call.side * call.spacing - call.radius) : 0.0f;
            v[i] = i < count ? static_cast<float>(i / call.side * call.spacing - call.radius) : 0.0f;
            apart[i] = (u[i] * u[i] + v[i] * v[i]) / (2.0f * static_cast<float>(call.radius * call.radius));
        }
    }
};

// The reference's patch.
struct Patch {
    alignas(64) float value[kMostTaps], centred[kMostTaps], weight[kMostTaps];  // weights sum to one
    float texture = 0.0f, spread = 0.0f;
    bool whole = false;

    void take(const Taps& taps, const Picture& picture, float u, float v) {
        const Vec middle = tap_at(picture, Vec(u), Vec(v)).value;
        IntLanes outside{};
        Vec total(0.0f);
        for (int k = 0; k < taps.vectors * kLanes; k += kLanes) {
            const Tap tap = tap_at(picture, Vec(u) + Vec::load(taps.u + k), Vec(v) + Vec::load(taps.v + k));
            outside |= ~tap.inside;
            const Vec apart = tap.value - middle;
            const Vec exponent = fma(apart * apart, Vec(0.5f / (kAlike * kAlike)), Vec::load(taps.apart + k));
            const Vec w = exp2_of_minus_abs(Group<1>{{exponent}}, 1.44269504f).at[0] * Vec::load(taps.real + k);
            w.store(weight + k), tap.value.store(value + k);
            total += w;
        }
        whole = !any(outside);
        const Vec share(1.0f / sum(total));
        Vec a(0.0f), x(0.0f), y(0.0f);
        for (int k = 0; k < taps.vectors * kLanes; k += kLanes) {
            const Vec w = Vec::load(weight + k) * share;
            w.store(weight + k);
            a = fma(w, Vec::load(value + k), a), x = fma(w, Vec::load(taps.u + k), x), y = fma(w, Vec::load(taps.v + k), y);
        }
        const Vec mean_a(sum(a)), mean_x(sum(x)), mean_y(sum(y));
        Vec aa(0.0f), ax(0.0f), ay(0.0f), xx(0.0f), xy(0.0f), yy(0.0f);
        for (int k = 0; k < taps.vectors * kLanes; k += kLanes) {
            const Vec w = Vec::load(weight + k), da = Vec::load(value + k) - mean_a, dx = Vec::load(taps.u + k) - mean_x,
                      dy = Vec::load(taps.v + k) - mean_y;
            da.store(centred + k);
            aa = fma(w * da, da, aa), ax = fma(w * da, dx, ax), ay = fma(w * da, dy, ay);
            xx = fma(w * dx, dx, xx), xy = fma(w * dx, dy, xy), yy = fma(w * dy, dy, yy);
        }
        const float sax = sum(ax), say = sum(ay), sxx = sum(xx) + kRidge, sxy = sum(xy), syy = sum(yy) + kRidge, saa = sum(aa);
        const float of_ramp = (sax * sax * syy - 2.0f * sax * say * sxy + say * say * sxx) / (sxx * syy - sxy * sxy);
        const float rest = std::max(saa - of_ramp, 0.0f);
        texture = whole ? rest / (rest + kPlain * kPlain) : 0.0f, spread = saa + kSilent;
    }
};

// Compares a patch with where a plane puts it in a source. Returns the cost, or a negative number where it does not fit into the source;
// `slope`: derivatives by the plane's inverse depth at the middle, and by its slopes in u and v.
float compare(const Taps& taps, const Patch& patch, const Picture& source, float gain, const Pair& pair, const float* uv,
              const float* plane, float absolute, float* slope) {
    alignas(64) float value[kMostTaps], by_depth[kMostTaps];
    const Vec zero(0.0f), gains(gain);
    IntLanes outside{};
    Vec mean(0.0f), apart(0.0f);
    for (int k = 0; k < taps.vectors * kLanes; k += kLanes) {
        const Vec du = Vec::load(taps.u + k), dv = Vec::load(taps.v + k), u = Vec(uv[0]) + du, v = Vec(uv[1]) + dv;
        const Vec inverse_depth = fma(du, Vec(plane[1]), fma(dv, Vec(plane[2]), Vec(plane[0])));
        Vec there[3];
        for (int i = 0; i < 3; ++i)
            there[i] =
                fma(Vec(pair.a[3 * i]), u, fma(Vec(pair.a[3 * i + 1]), v, fma(Vec(pair.b[i]), inverse_depth, Vec(pair.a[3 * i + 2]))));
        const Vec inverse = Vec(1.0f) / there[2], x = there[0] * inverse, y = there[1] * inverse;
        const Tap tap = tap_at(source, x, y);
        outside |= ~(tap.inside & (there[2].v > 0.0f) & (inverse_depth.v > 0.0f));
        const Vec along_u = Vec(pair.b[0]) - x * Vec(pair.b[2]), along_v = Vec(pair.b[1]) - y * Vec(pair.b[2]);
        (gains * inverse * fma(tap.by_u, along_u, tap.by_v * along_v)).store(by_depth + k);
        const Vec b = gains * tap.value, w = Vec::load(patch.weight + k);
        b.store(value + k);
        mean = fma(w, b, mean), apart = fma(w, min(abs(Vec::load(patch.value + k) - b), Vec(kCut)), apart);
    }
    if (any(outside)) return -1.0f;
    const Vec mean_b(sum(mean));
    Vec both(0.0f), squares(0.0f);
    for (int k = 0; k < taps.vectors * kLanes; k += kLanes) {
        const Vec b = Vec::load(value + k) - mean_b, wb = Vec::load(patch.weight + k) * b;
        both = fma(wb, Vec::load(patch.centred + k), both), squares = fma(wb, b, squares);
    }
    const float spread = sum(squares) + kSilent, norm = 1.0f / std::sqrt(patch.spread * spread), rho = sum(both) * norm;
    const float kappa = patch.texture, of_difference = (1.0f - kappa) * absolute / kCut;
    const float of_rho = rho > 0.0f ? kappa : 0.0f;
    Vec by_w(0.0f), by_u(0.0f), by_v(0.0f);
    for (int k = 0; k < taps.vectors * kLanes; k += kLanes) {
        const Vec b = Vec::load(value + k), difference = b - Vec::load(patch.value + k);
        const Vec sign = choose(difference.v > 0.0f, Vec(of_difference), choose(difference.v < 0.0f, Vec(-of_difference), zero));
        const Vec of_cut = choose(abs(difference).v < Vec(kCut).v, sign, zero);
        const Vec by_rho = fma(Vec::load(patch.centred + k), Vec(norm), (b - mean_b) * Vec(-rho / spread));
        const Vec by_value = Vec::load(patch.weight + k) * fma(by_rho, Vec(-of_rho), of_cut);
        const Vec by_inverse = by_value * Vec::load(by_depth + k);
        by_w += by_inverse, by_u = fma(by_inverse, Vec::load(taps.u + k), by_u), by_v = fma(by_inverse, Vec::load(taps.v + k), by_v);
    }
    slope[0] = sum(by_w), slope[1] = sum(by_u), slope[2] = sum(by_v);
    return kappa * (1.0f - std::max(rho, 0.0f)) + of_difference * sum(apart);
}

void patch_warp(const PatchWarp& call) {
    py::gil_scoped_release release;
    const Pictures pictures{call.quads, call.gain, 0, call.height, call.width};
    const Taps taps(call);
    parallel_chunks(call.count, 16, [&](int64_t begin, int64_t end) {
        Patch patch;
        for (int64_t i = begin; i < end; ++i) {
            const int64_t r = call.reference[i];
            const float* uv = call.uv + 2 * i;
            patch.take(taps, pictures[r], uv[0], uv[1]);
            call.texture[i] = patch.texture;
            for (int64_t k = i * call.views; k < (i + 1) * call.views; ++k) {
                float* slope = call.slope + 3 * k;
                const int64_t s = call.sources[k], p = call.pairs[k];
                float cost = -1.0f;
                if (patch.whole && p >= 0)
                    cost = compare(taps, patch, pictures[s], call.gain[s] / call.gain[r], {call.homographies + 9 * p, call.shifts + 3 * p},
                                   uv, call.planes + 3 * i, call.absolute, slope);
                call.valid[k] = cost >= 0.0f;
                call.cost[k] = cost >= 0.0f ? cost : 1.0f;
                if (!(cost >= 0.0f)) std::fill_n(slope, 3, 0.0f);
            }
        }
    });
}

}  // namespace
}  // namespace stereo

void bind_patch_warp(py::module_& module) { define(module, "stereo_patch_warp", &stereo::patch_warp_of, &stereo::patch_warp); }

}  // namespace neurfield
