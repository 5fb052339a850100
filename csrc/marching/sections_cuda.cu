// Ray sections on the GPU, a thread each: where they are, how opaque, which way their surface faces; and the backward of the latter two.
// That ray_indices are within bounds is the caller's word.
#include "common/families.h"
#include "cuda/launch.h"
#include "cuda/scratch.h"
#include "marching/opacity_point.h"
#include "marching/ray_scan.h"
#include "marching/sections_arguments.h"

namespace neurfield::sections {
namespace {

constexpr int kThreads = 256;

__device__ float alpha_of(const Sections& s, int64_t i, PointSlopes* slopes) {
    const float *g = s.gradient + 3 * i, *d = s.directions + 3 * s.rays[i];
    const float slope = g[0] * d[0] + g[1] * d[1] + g[2] * d[2], length = s.t_ends[i] - s.t_starts[i];
    return s.neus ? neus_alpha(s.sdf[i], slope, length, *s.width, s.anneal, slopes) : volsdf_alpha(s.sdf[i], length, *s.width, slopes);
}

__global__ void __launch_bounds__(kThreads)
    midpoints(int64_t count, const float* __restrict__ origins, const float* __restrict__ directions, const int64_t* __restrict__ rays,
              const float* __restrict__ t_starts, const float* __restrict__ t_ends, float* __restrict__ points, float* __restrict__ t) {
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    const float middle = t[i] = 0.5f * (t_starts[i] + t_ends[i]);
#pragma unroll
    for (int a = 0; a < 3; ++a) points[3 * i + a] = origins[3 * rays[i] + a] + middle * directions[3 * rays[i] + a];
}

__global__ void __launch_bounds__(kThreads) opacity(const Sections s, float* __restrict__ alpha, float* __restrict__ normal) {
    const int64_t i = cuda::global_index();
    if (i >= s.count) return;
    alpha[i] = alpha_of(s, i, nullptr);
    const float* g = s.gradient + 3 * i;
    const float inverse = inverse_length(g);
#pragma unroll
    for (int a = 0; a < 3; ++a) normal[3 * i + a] = g[a] * inverse;
}

// The sum over a block of what its threads bring, in thread 0.
__device__ float block_sum(float mine) {
    __shared__ float sums[kThreads / cuda::kWarp];
    mine = cuda::warp_sum(mine);
    if (threadIdx.x % cuda::kWarp == 0) sums[threadIdx.x / cuda::kWarp] = mine;
    __syncthreads();
    float sum = 0.0f;
    for (int i = 0; i < kThreads / cuda::kWarp; ++i) sum += sums[i];
    return sum;
}

__global__ void __launch_bounds__(kThreads)
    opacity_back(const Sections s, const float* __restrict__ d_alpha, const float* __restrict__ d_normal, float* __restrict__ d_sdf,
                 float* __restrict__ d_gradient, float* __restrict__ d_width) {
    const int64_t i = cuda::global_index();
    float by_width = 0.0f;
    if (i < s.count) {
        PointSlopes slopes;
        alpha_of(s, i, &slopes);
        const float d = d_alpha[i];
        d_sdf[i] = d * slopes.sdf;
        by_width = d * slopes.width;
        float to[3];
#pragma unroll
        for (int a = 0; a < 3; ++a) to[a] = d * slopes.slope * s.directions[3 * s.rays[i] + a];
        add_unit_backward(s.gradient + 3 * i, d_normal + 3 * i, to);
#pragma unroll
        for (int a = 0; a < 3; ++a) d_gradient[3 * i + a] = to[a];
    }
    const float sum = block_sum(by_width);
    if (threadIdx.x == 0) d_width[blockIdx.x] = sum;
}

// The blocks' sums, by one block, in an order that does not change.
__global__ void __launch_bounds__(kThreads) total(const float* __restrict__ parts, int64_t count, float* __restrict__ out) {
    float mine = 0.0f;
    for (int64_t i = threadIdx.x; i < count; i += kThreads) mine += parts[i];
    const float sum = block_sum(mine);
    if (threadIdx.x == 0) *out = sum;
}

void section_midpoints(const Midpoints& call) {
    cuda::launch(midpoints, cuda::one_each(call.count, kThreads), call.count, call.origins, call.directions, call.rays, call.t_starts,
                 call.t_ends, call.points, call.t);
}

void section_opacity(const OpacityForward& call) {
    cuda::launch(opacity, cuda::one_each(call.sections.count, kThreads), call.sections, call.alpha, call.normal);
}

void section_opacity_backward(const OpacityBackward& call) {
    const cuda::Shape shape = cuda::one_each(call.sections.count, kThreads);
    const int64_t blocks = shape.blocks.x;
    const cuda::Scratch parts(call.like, blocks);
    cuda::launch(opacity_back, shape, call.sections, call.d_alpha, call.d_normal, call.d_sdf, call.d_gradient, parts.data());
    cuda::launch(total, {dim3(1), dim3(kThreads)}, parts.data(), blocks, call.d_width);
}

}  // namespace
}  // namespace neurfield::sections

namespace neurfield {

void bind_sections(py::module_& module) {
    define(module, "section_midpoints", sections::section_midpoints_of, sections::section_midpoints);
    define(module, "section_opacity", sections::section_opacity_of, sections::section_opacity);
    define(module, "section_opacity_backward", sections::section_opacity_backward_of, sections::section_opacity_backward);
}

}  // namespace neurfield
