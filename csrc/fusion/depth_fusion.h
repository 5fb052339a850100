// One voxel and one depth map: how a truncated signed distance field learns (Curless and Levoy 1996).
//
// Voxels lie in bricks of 8^3. A brick's voxels are vector lanes: along z, then y, then x, as they lie in memory.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/simd.h"

namespace neurfield::fusion {

constexpr int kEdge = 8;
constexpr int kVoxels = kEdge * kEdge * kEdge;
constexpr float kSure = 2.0f;  // deviations

// A pinhole camera that stands in the frame of the voxels. Pixel (column, row) covers [column, column + 1) x [row, row + 1).
struct View {
    float turn[9], shift[3];  // camera from voxel frame, row-major rotation
    float fx, fy, cx, cy;

    static View from(const float* pose, const float* intrinsics) {  // [3][4], fx fy cx cy
        View view;
        for (int r = 0; r < 3; ++r) {
            for (int c = 0; c < 3; ++c) view.turn[3 * r + c] = pose[4 * r + c];
            view.shift[r] = pose[4 * r + 3];
        }
        view.fx = intrinsics[0], view.fy = intrinsics[1], view.cx = intrinsics[2], view.cy = intrinsics[3];
        return view;
    }

    void to_camera(const float point[3], float out[3]) const {
        for (int r = 0; r < 3; ++r) out[r] = turn[3 * r] * point[0] + turn[3 * r + 1] * point[1] + turn[3 * r + 2] * point[2] + shift[r];
    }

    void from_camera(const float point[3], float out[3]) const {
        const float moved[3] = {point[0] - shift[0], point[1] - shift[1], point[2] - shift[2]};
        for (int c = 0; c < 3; ++c) out[c] = turn[c] * moved[0] + turn[3 + c] * moved[1] + turn[6 + c] * moved[2];
    }
};

// Where the voxels of a brick lie in the camera, measured from the brick's first voxel: [3][kVoxels], the same for every brick.
inline void voxel_offsets(const View& view, float voxel, float* offsets) {
    for (int i = 0; i < kVoxels; ++i) {
        const float at[3] = {voxel * static_cast<float>(i / (kEdge * kEdge)), voxel * static_cast<float>(i / kEdge % kEdge),
                             voxel * static_cast<float>(i % kEdge)};
        for (int r = 0; r < 3; ++r)
            offsets[r * kVoxels + i] = view.turn[3 * r] * at[0] + view.turn[3 * r + 1] * at[1] + view.turn[3 * r + 2] * at[2];
    }
}

struct DepthMap {
    const float* depth;   // [height][width], z-depth, 0 = nothing
    const float* weight;  // the same, how far a pixel is to be trusted; null for 1
    const uint8_t* normal;  // [height][width][4]: 127.5 (n + 1) in the frame of the voxels, one byte to spare; may be null
    const float* sigma;     // [height][width], what depth errs by; null where it is not known
    int64_t height, width;
};

// The running mean of the distance, in lengths, and the sum of its weights. What lies behind the seen surface counts less the deeper it lies: nothing
// was seen there, and thin parts would be filled from both sides. Not so within kSure of what depth errs by: where depths that are too near counted
// less than depths that are too far, surfaces would lie too far, by sigma^2 / 2 truncation.
inline void integrate_brick(const View& view, const float* offsets, const float first[3], const DepthMap& map, float truncation,
                            float* distance, float* weight, float* normal) {
    float base[3];
    view.to_camera(first, base);
    const Vec one(1.0f), limit(truncation), most(0.999f * truncation);
    const Vec right(static_cast<float>(map.width)), bottom(static_cast<float>(map.height));
    for (int i = 0; i < kVoxels; i += kLanes) {
        const Vec x = Vec(base[0]) + Vec::load(offsets + i), y = Vec(base[1]) + Vec::load(offsets + kVoxels + i);
        const Vec z = Vec(base[2]) + Vec::load(offsets + 2 * kVoxels + i);
        const Vec inverse = one / max(z, Vec(1e-6f));
        const Vec u = fma(x * inverse, Vec(view.fx), Vec(view.cx)), v = fma(y * inverse, Vec(view.fy), Vec(view.cy));
        const IntLanes seen = (z.v > 1e-3f) & (u.v >= 0.0f) & (v.v >= 0.0f) & (u.v < right.v) & (v.v < bottom.v);
        const FloatLanes column = seen ? u.v : FloatLanes{}, row = seen ? v.v : FloatLanes{};
        const IntLanes pixel =
            __builtin_convertvector(row, IntLanes) * static_cast<int32_t>(map.width) + __builtin_convertvector(column, IntLanes);
        Vec depth, trust(1.0f);
        for (int k = 0; k < kLanes; ++k) depth.v[k] = map.depth[pixel[k]];
        const FloatLanes ahead = depth.v - z.v;
        const IntLanes counts = seen & (depth.v > 0.0f) & (ahead > -truncation);
        int32_t any = 0;
        for (int k = 0; k < kLanes; ++k) any |= counts[k];
        if (any == 0) continue;
        if (map.weight != nullptr)
            for (int k = 0; k < kLanes; ++k) trust.v[k] = map.weight[pixel[k]];
        Vec sure(0.0f);
        if (map.sigma != nullptr) {
            for (int k = 0; k < kLanes; ++k) sure.v[k] = map.sigma[pixel[k]];
            sure = min(max(Vec(kSure) * sure, Vec(0.0f)), most);
        }
        const Vec fade = min(one, (Vec(ahead) + limit) / (limit - sure));
        const Vec added(counts ? (trust * fade).v : FloatLanes{});
        const Vec before = Vec::load(weight + i), total = before + added;
        const Vec mean = Vec::load(distance + i);
        const Vec moved = mean + (min(Vec(ahead), limit) - mean) * added / max(total, Vec(1e-20f));
        const Vec part = added / max(total, Vec(1e-20f));
        if (map.normal != nullptr)
            for (int a = 0; a < 3; ++a) {
                Vec seen_normal;
                for (int k = 0; k < kLanes; ++k) seen_normal.v[k] = static_cast<float>(map.normal[4 * static_cast<int64_t>(pixel[k]) + a]);
                float* to = normal + a * kVoxels + i;
                const Vec old = Vec::load(to);
                fma(fma(seen_normal, Vec(1.0f / 127.5f), Vec(-1.0f)) - old, part, old).store(to);
            }
        total.store(weight + i);
        Vec(counts ? moved.v : mean.v).store(distance + i);
    }
}

}  // namespace neurfield::fusion
