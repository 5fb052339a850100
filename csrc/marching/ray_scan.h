// Sums and products along a ray by a warp, 32 samples at a time: transmittance from the front, what the backward carries from behind.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace neurfield::cuda {

constexpr int kRayThreads = 128;  // of a block: a warp takes a ray

inline Shape one_warp_each(int64_t rays) { return one_each(rays * kWarp, kRayThreads); }

// The run of samples of the ray that the calling warp has.
struct RayRun {
    int64_t ray, first, count;
    int lane;

    __device__ RayRun(const int64_t* __restrict__ packed_info, int64_t rays)
        : ray(global_index() / kWarp), first(0), count(0), lane(global_index() % kWarp) {
        if (ray >= rays) return;
        first = packed_info[2 * ray];
        count = packed_info[2 * ray + 1];
    }
};

__device__ inline float warp_sum(float x) {
#pragma unroll
    for (int bit = kWarp / 2; bit > 0; bit /= 2) x += __shfl_xor_sync(kAllLanes, x, bit);
    return x;
}

// x -> shift + scale x
struct Affine {
    float scale, shift;
    __device__ float operator()(float x) const { return shift + scale * x; }
};

// Each lane's transmittance, the product of 1 - alpha over the samples before it; `through` is that before the first lane, and then
// that behind the last.
__device__ inline float transmittance(float alpha, int lane, float& through) {
    float product = 1.0f - alpha;
#pragma unroll
    for (int delta = 1; delta < kWarp; delta *= 2) {
        const float before = __shfl_up_sync(kAllLanes, product, delta);
        if (lane >= delta) product *= before;
    }
    const float before = __shfl_up_sync(kAllLanes, product, 1);
    const float mine = through * (lane == 0 ? 1.0f : before);
    through *= __shfl_sync(kAllLanes, product, kWarp - 1);
    return mine;
}

// Each lane's rest: the maps of the lanes behind it, the last one first, of `rest`; which then becomes that before the first lane.
__device__ inline float rest_behind(Affine map, int lane, float& rest) {
#pragma unroll
    for (int delta = 1; delta < kWarp; delta *= 2) {
        const Affine behind{__shfl_down_sync(kAllLanes, map.scale, delta), __shfl_down_sync(kAllLanes, map.shift, delta)};
        if (lane + delta < kWarp) map = {map.scale * behind.scale, map(behind.shift)};
    }
    const Affine behind{__shfl_down_sync(kAllLanes, map.scale, 1), __shfl_down_sync(kAllLanes, map.shift, 1)};
    const float mine = lane == kWarp - 1 ? rest : behind(rest);
    rest = __shfl_sync(kAllLanes, map(rest), 0);
    return mine;
}

// body(i, here, alpha, transmittance) for the run's samples from front to back, all lanes together; `here` is false beyond the run.
template <class Body>
__device__ inline void walk_forwards(const RayRun& run, const float* __restrict__ alpha, Body&& body) {
    float through = 1.0f;
    for (int64_t begin = 0; begin < run.count; begin += kWarp) {
        const bool here = begin + run.lane < run.count;
        const int64_t i = run.first + begin + run.lane;
        const float a = here ? alpha[i] : 0.0f;
        body(i, here, a, transmittance(a, run.lane, through));
    }
}

// body(i) -> the sample's map, then use(i, rest behind it), from back to front.
template <class Body, class Use>
__device__ inline void walk_backwards(const RayRun& run, Body&& body, Use&& use) {
    float rest = 0.0f;
    const int64_t chunks = (run.count + kWarp - 1) / kWarp;
    for (int64_t chunk = chunks - 1; chunk >= 0; --chunk) {
        const int64_t at = chunk * kWarp + run.lane, i = run.first + at;
        const bool here = at < run.count;
        const Affine map = here ? body(i) : Affine{1.0f, 0.0f};
        const float behind = rest_behind(map, run.lane, rest);
        if (here) use(i, behind);
    }
}

}  // namespace neurfield::cuda
