// Opacity of one ray section from the signed distance at its midpoint, and its derivatives: opacity.h for one section, not a tile of them.
#pragma once

#include <cmath>

#include "common/point_maths.h"

namespace neurfield::sections {

// The lesser and the greater of x and a bound, for which fminf and fmaxf would take the place of NaN.
NEURFIELD_POINT_MATHS float at_most(float bound, float x) { return x > bound ? bound : x; }
NEURFIELD_POINT_MATHS float at_least(float bound, float x) { return x < bound ? bound : x; }

// Derivatives of alpha by the distance, by the slope along the ray, and by the width.
struct PointSlopes {
    float sdf, slope, width;
};

NEURFIELD_POINT_MATHS float sigmoid(float x) { return x < 0.0f ? expf(x) / (1.0f + expf(x)) : 1.0f / (1.0f + expf(-x)); }
NEURFIELD_POINT_MATHS float log_sigmoid(float x) { return at_most(0.0f, x) - log1pf(expf(-fabsf(x))); }

// NeuS (Wang et al. 2021, Eq. 13), with the distances extrapolated to the ends of the section. anneal: 0 lets sections that leave the
// surface be half opaque too, 1 is the paper's equation.
NEURFIELD_POINT_MATHS float neus_alpha(float sdf, float slope, float length, float width, float anneal, PointSlopes* slopes) {
    const float inverse = 1.0f / width;
    const float approach = -(at_least(0.0f, 0.5f - 0.5f * slope) * (1.0f - anneal) + at_least(0.0f, -slope) * anneal);
    const float half_step = 0.5f * approach * length;
    const float entry = (sdf - half_step) * inverse, exit = (sdf + half_step) * inverse;
    const float fall = log_sigmoid(exit) - log_sigmoid(entry), ratio = expf(at_most(0.0f, fall));
    if (slopes != nullptr) {
        const float q = fall > 0.0f ? 0.0f : ratio;
        const float by_entry = q * sigmoid(-entry), by_exit = -q * sigmoid(-exit);
        const float by_slope = (slope < 1.0f ? 0.5f * (1.0f - anneal) : 0.0f) + (slope < 0.0f ? anneal : 0.0f);
        *slopes = {inverse * (by_entry + by_exit), inverse * (by_exit - by_entry) * 0.5f * length * by_slope,
                   -inverse * (by_entry * entry + by_exit * exit)};
    }
    return 1.0f - ratio;
}

// VolSDF (Yariv et al. 2021, Eq. 2-3).
NEURFIELD_POINT_MATHS float volsdf_alpha(float sdf, float length, float width, PointSlopes* slopes) {
    const float inverse = 1.0f / width, e = 0.5f * expf(-fabsf(sdf) * inverse);
    const float density = inverse * (sdf < 0.0f ? 1.0f - e : e), through = expf(-density * length);
    if (slopes != nullptr) {
        const float by_density = length * through, bend = e * inverse;
        // density = F(-sdf / width) / width: both the argument and the factor depend on the width
        *slopes = {-by_density * bend * inverse, 0.0f, by_density * inverse * (bend * sdf * inverse - density)};
    }
    return 1.0f - through;
}

constexpr float kLeastLength = 1e-6f;  // of a gradient that is made a unit normal

NEURFIELD_POINT_MATHS float inverse_length(const float* g) {
    return 1.0f / at_least(kLeastLength, sqrtf(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]));
}

// Adds the gradient of g from that of its unit vector g / |g|.
NEURFIELD_POINT_MATHS void add_unit_backward(const float* g, const float* by_unit, float* by_g) {
    const float inverse = inverse_length(g);
    const bool free = inverse * kLeastLength < 1.0f;  // else the length was held at its least
    const float along = free ? (g[0] * by_unit[0] + g[1] * by_unit[1] + g[2] * by_unit[2]) * inverse * inverse : 0.0f;
    for (int a = 0; a < 3; ++a) by_g[a] += inverse * (by_unit[a] - along * g[a]);
}

}  // namespace neurfield::sections
