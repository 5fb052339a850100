// What one depth map says of one place: nothing there, a surface there, off the object, or nothing at all.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "fusion/depth_fusion.h"

namespace neurfield::fusion {

constexpr float kCertain = 4.0f;  // votes of a view in which a place lies off the object's mask

struct VotingMap {
    const float* depth;    // [height][width], z-depth, 0 = nothing
    const float* sigma;    // the same, standard deviation of depth; null where it is not known
    const float* trust;    // the same, how much a pixel's word counts, 0 to 1; null for 1
    const float* outline;  // the same, pixels to the object's outline, positive off the object; null without masks
    int64_t height, width;

    // Bilinear between pixel centres, the border's own value beyond them.
    float outline_at(float u, float v) const {
        const float x = std::min(std::max(u - 0.5f, 0.0f), static_cast<float>(width - 1));
        const float y = std::min(std::max(v - 0.5f, 0.0f), static_cast<float>(height - 1));
        const int64_t left = static_cast<int64_t>(x), top = static_cast<int64_t>(y);
        const int64_t right = std::min(left + 1, width - 1), bottom = std::min(top + 1, height - 1);
        const float a = x - static_cast<float>(left), b = y - static_cast<float>(top);
        const float *upper = outline + top * width, *lower = outline + bottom * width;
        const float above = upper[left] + a * (upper[right] - upper[left]), below = lower[left] + a * (lower[right] - lower[left]);
        return above + b * (below - above);
    }
};

// Lengths. A place stands for a ball of radius `reach`. A pixel whose sigma is known errs by `least` and two of those, others by `margin`.
struct VoteRule {
    float reach, least, margin;
};

struct Votes {
    float free = 0.0f, hits = 0.0f, outside = -INFINITY;
};

inline void vote(const View& view, const VotingMap& map, const float place[3], const VoteRule& rule, Votes& votes) {
    float at[3];
    view.to_camera(place, at);
    if (!(at[2] > 1e-3f)) return;
    const float u = view.fx * at[0] / at[2] + view.cx, v = view.fy * at[1] / at[2] + view.cy;
    if (!(u >= 0.0f && v >= 0.0f && u < static_cast<float>(map.width) && v < static_cast<float>(map.height))) return;
    if (map.outline != nullptr) {
        const float outside = map.outline_at(u, v) * at[2] / view.fx;
        votes.outside = std::max(votes.outside, outside);
        if (outside > rule.reach) {
            votes.free += kCertain;
            return;
        }
    }
    const int64_t pixel = static_cast<int64_t>(v) * map.width + static_cast<int64_t>(u);
    const float depth = map.depth[pixel], behind = depth - at[2];
    if (!(depth > 0.0f)) return;
    const float needed = rule.reach + (map.sigma != nullptr ? rule.least + 2.0f * map.sigma[pixel] : rule.margin);
    const float trust = map.trust != nullptr ? map.trust[pixel] : 1.0f, counts = trust > 0.0f ? std::min(trust, 1.0f) : 0.0f;
    if (behind > needed)
        votes.free += counts;
    else if (std::abs(behind) <= needed)
        votes.hits += counts;
}

}  // namespace neurfield::fusion
